// What the words show that a program was started with.
import Terminal
import Testing

@Suite struct ShellWordsTests {
    /// Words, and whether a shell started so waits for commands.
    static let shells: [(String, Bool?)] = [
        ("bash", true), ("-bash", true), ("/bin/bash", true), ("bash --norc -i", true),
        ("bash --rcfile ~/rc", true), ("bash -o vi", true), ("bash -O extglob", true),
        ("sh -s a b", true), ("busybox sh", true), ("fish -C ls", true), ("zsh -f", true),
        ("zsh --emulate sh", true), ("bash --", true), ("bash +o history", true), ("tcsh -f", true),
        ("bash x.sh", false), ("bash -x x.sh a", false), ("bash -c ls", false),
        ("sh -ec ls", false),
        ("bash -lc ls", false), ("bash -ic ls", false), ("bash --rcfile rc x.sh", false),
        ("bash -o vi x.sh", false), ("sh -- x.sh", false), ("busybox sh -c ls", false),
        ("fish -c ls", false), ("fish --command=ls", false), ("/bin/sh /usr/bin/which x", false),
        ("python3 /usr/bin/xonsh", nil), ("", nil),
    ]
    /// Words, and whether they lead to a shell elsewhere.
    static let ways: [(String, Bool?)] = [
        ("ssh host", nil), ("ssh -p 22 -tt me@host", nil), ("ssh -p22 host", nil),
        ("ssh -o A=b host -v", nil), ("ssh host bash", true), ("ssh -t host exec bash -l", true),
        ("ssh -t host sudo -i", true), ("ssh -t host sudo su -", true),
        ("ssh -t host su - me", true),
        ("ssh -t host env A=1 zsh", true), ("ssh -tt host rm -i x", false),
        ("ssh -t host su -c id me", false), ("ssh -t host sudo id", false),
        ("ssh host -t ls", false),
        ("ssh -t host sh -c ls", false), ("ssh -t host python3", false),
        ("docker exec -it web bash", true), ("docker exec -it web sh -c id", false),
        ("kubectl exec -it pod -- /bin/sh", true), ("docker run -it debian", nil),
    ]

    private static func words(_ text: String) -> ShellWords {
        ShellWords(text.split(separator: " ").map(String.init))
    }

    @Test func `a shell that runs a script is not taken for one that waits for commands`() {
        for (text, waits) in Self.shells {
            #expect(Self.words(text).readsCommands == waits, "\(text)")
        }
        var words = Self.words("bash")
        words.isCopy = true
        #expect(words.readsCommands == false)
        words = Self.words("bash")
        words.readsElsewhere = true
        #expect(words.readsCommands == false)
    }

    @Test func `a single command on another host is not taken for a shell there`() {
        for (text, leads) in Self.ways {
            #expect(Self.words(text).leadsToShell == leads, "\(text)")
        }
    }
}
