// Real programs that want input, and real ones that do not, over a real sshd: the state, the program
// and the prompt are told right, in every shell.
import Loop
import Support
import Terminal
import Testing
import Wire

@testable import homeline_agent

@Suite(.serialized, .timeLimit(.minutes(5))) struct ProbeProgramTests {
    static let shells: [Shell] = [.bash, .dash, .zsh, .ash, .mksh].filter { $0.command != nil }

    /// Code, the state it comes to, the foreground program, the prompt; what is typed, and the
    /// output that the end brings.
    struct Case: Sendable, CustomTestStringConvertible {
        var code: String
        var state: CommandState
        var foreground: String?
        var prompt: String?
        var typed: String?
        var output: String?
        var needs: String?
        var testDescription: String { code }
    }

    static let cases: [Case] = [
        Case(
            code: "printf 'Continue? '; read x; echo \"got=$x\"", state: .lineInput,
            prompt: "Continue? ", typed: "yes", output: "got=yes\n"),
        Case(
            code: "printf 'Pass: '; stty -echo; read x; stty echo; echo; echo ${#x}",
            state: .secret, prompt: "Pass: ", typed: "hush", output: "\n4\n"),
        Case(code: "cat >/dev/null", state: .lineInput, foreground: "cat"),
        Case(
            code: "sh -c 'printf \"a b: \"; head -n 1 >/dev/null; :'", state: .lineInput,
            foreground: "head", prompt: "a b: ", typed: "x", output: ""),
        Case(
            code: "x=$(head -n 1); echo $x", state: .lineInput, foreground: "head", typed: "in",
            output: "in\n"),
        Case(
            code: "touch f; rm -i f", state: .lineInput, foreground: "rm",
            prompt: "rm: remove regular empty file 'f'? ", typed: "y", output: ""),
        Case(code: "sleep 30", state: .running, foreground: "sleep"),
        Case(code: "sleep 30 | cat", state: .running, foreground: "sleep"),
        Case(
            code: "printf 'Password: '; sleep 30", state: .running, foreground: "sleep",
            prompt: nil),
        Case(code: "stty -echo; sleep 30; stty echo", state: .running, foreground: "sleep"),
        Case(code: "while :; do :; done", state: .running),
        Case(
            code: "python3 -c 'import socket as s; l=s.socket(); l.bind((\"127.0.0.1\",0)); "
                + "l.listen(); l.accept()'", state: .running, foreground: "python3",
            needs: "python3"),
        Case(
            code: "python3 -c 'import getpass as g; print(len(g.getpass(\"Key: \")))'",
            state: .secret, foreground: "python3", prompt: "Key: ", typed: "hush", output: "4\n",
            needs: "python3"),
        Case(
            code: "python3 -c 'print(input(\"Name: \"))' 2>/dev/null | cat",
            state: .lineInput, foreground: "python3", prompt: "Name: ", typed: "Ann",
            output: "Ann\n", needs: "python3"),
        Case(
            code: "python3 -c 'import threading as t,sys; h=t.Thread(target=sys.stdin.readline);"
                + "h.start(); h.join()'", state: .lineInput, foreground: "python3", typed: "x",
            output: "", needs: "python3"),
    ]

    @Test(arguments: shells)
    @IO func `what a command waits for is told, and typing goes on`(shell: Shell) async throws {
        let place = try await ProbePlace(shell)
        let session = try await place.session()
        for test in Self.cases where test.needs.map({ Repository.find($0) != nil }) ?? true {
            let wait: Duration = test.state == .running ? .milliseconds(600) : .seconds(20)
            let begin = IO.now
            var result = try await session.run(test.code, wait: wait)
            let elapsed = begin.duration(to: IO.now)
            #expect(result.state == test.state, "\(test.code): \(result)")
            // On a busy machine the first answers may be late.
            let isNamed = try await holds {
                if result.foreground == test.foreground { return true }
                result = try await session.read(
                    offset: nil, wait: .zero, raw: false, maxBytes: 1000)
                return false
            }
            #expect(isNamed, "\(test.code): \(result)")
            #expect(result.prompt == test.prompt, "\(test.code)")
            #expect(result.evidence == (test.state == .running ? [] : [.probe]), "\(test.code)")
            if test.state == .running { #expect(elapsed < .seconds(3)) }
            guard let typed = test.typed else {
                var over = try await session.press("ctrl-c", wait: .seconds(5))
                // BusyBox loses some while it loops itself, as it does under a person's fingers.
                for _ in 0..<8 where over.state == .running && shell == .ash {
                    over = try await session.press("ctrl-c")
                }
                #expect(over.state == .aborted, "\(test.code): \(over)")
                _ = try await session.run("stty echo")
                continue
            }
            let over = try await session.type(typed)
            #expect(over.state == .done, "\(test.code): \(over)")
            #expect(over.exitCode == 0, "\(test.code): \(over)")
            if let output = test.output { #expect(over.output.hasSuffix(output), "\(over)") }
            if test.state == .secret { #expect(!over.output.contains("hush")) }
        }
        // The answers that a pipe gives ask nobody.
        let rm = try await session.run("touch f; yes | rm -i f; echo; echo over")
        #expect(rm.state == .done)
        session.close()
    }

    @Test(arguments: [Shell.bash, .zsh].filter { $0.command != nil })
    @IO func `the shell's own read asks too`(shell: Shell) async throws {
        let place = try await ProbePlace(shell)
        let session = try await place.session()
        let quiet = shell == .zsh ? "read -s 'x?Word: '" : "read -s -p 'Word: ' x"
        var result = try await session.run("\(quiet); echo got")
        #expect(result.state == .secret)
        #expect(result.prompt == "Word: ")
        #expect(result.foreground == nil)
        result = try await session.type("canary-7f3a")
        #expect(result.state == .done)
        #expect(result.output.contains("got"))
        let all = try await session.read(offset: 0, wait: .zero, raw: true, maxBytes: 100_000)
        #expect(!all.output.contains("canary-7f3a"))

        let shown = shell == .zsh ? "read 'x?Continue? '" : "read -p 'Continue? ' x"
        result = try await session.run("\(shown); echo $x")
        #expect(result.state == .lineInput)
        #expect(result.prompt == "Continue? ")
        #expect(try await session.type("on").state == .done)

        let key = shell == .zsh ? "read -k1 x" : "read -n1 x"
        result = try await session.run("printf 'Any key '; \(key)")
        #expect(result.state == .lineInput)
        #expect(try await session.press("y").state == .done)
        session.close()
    }

    @Test(arguments: shells)
    @IO func `programs that draw are named, and keys end them`(shell: Shell) async throws {
        let place = try await ProbePlace(shell)
        let session = try await place.session()
        if Repository.find("less") != nil {
            let result = try await session.run("less /etc/services")
            #expect(result.state == .fullscreen)
            #expect(result.foreground == "less")
            #expect(try await session.press("q").state == .done)
        }
        if Repository.find("vim") != nil {
            var result = try await session.run("vim -u NONE f")
            #expect(result.state == .fullscreen)
            #expect(result.foreground?.hasPrefix("vim") == true)
            result = try await session.type(":q!")
            #expect(result.state == .done)
            #expect(result.exitCode == 0)
        }
        if Repository.find("top") != nil {
            let result = try await session.run("top -d 0.3")
            #expect(result.state == .fullscreen)
            #expect(result.foreground == "top")
            #expect(try await session.press("q").state == .done)
        }
        if Repository.find("python3") != nil {
            var result = try await session.run("python3 -q")
            #expect(result.state == .fullscreen || result.state == .lineInput)
            #expect(result.foreground == "python3")
            result = try await session.type("6*7")
            #expect(result.state == .fullscreen || result.state == .lineInput)
            #expect(result.output.contains("42"))
            result = try await session.type("import time; time.sleep(30)", wait: .milliseconds(700))
            #expect(result.state == .running, "\(result)")
            _ = try await session.press("ctrl-c")
            result = try await session.type("exit()")
            #expect(result.state == .done)
        }
        session.close()
    }

    @Test(arguments: shells)
    @IO func `a stopped job is told, and resumed`(shell: Shell) async throws {
        let place = try await ProbePlace(shell)
        let session = try await place.session()
        for _ in 1...2 {
            var result = try await session.run("sleep 30", wait: .milliseconds(300))
            #expect(result.state == .running)
            // Not before it is a program of its own: a shell ignores Ctrl-Z.
            let isSleeping = try await holds {
                result = try await session.read(
                    offset: nil, wait: .milliseconds(100), raw: false, maxBytes: 1000)
                return result.foreground == "sleep"
            }
            #expect(isSleeping)
            result = try await session.press("ctrl-z")
            #expect(result.state == .stopped, "\(result)")
            #expect(result.signal == "TSTP")
            result = try await session.run("fg", wait: .milliseconds(600))
            #expect(result.state == .running)
            #expect(result.foreground == "sleep")
            result = try await session.press("ctrl-c")
            #expect(result.state == .aborted || result.state == .done)
            #expect(try await session.run("echo on").output == "on\n")
        }
        session.close()
    }

    @Test @IO func `a line typed at the prompt is asked about as well`() async throws {
        let place = try await ProbePlace(.bash)
        let session = try await place.session()
        var result = try await session.type("printf 'Who? '; head -n 1")
        #expect(result.state == .lineInput)
        #expect(result.foreground == "head")
        #expect(result.prompt == "Who? ")
        let read = try await session.read(offset: nil, wait: .zero, raw: false, maxBytes: 1000)
        #expect(read.state == .lineInput)
        result = try await session.type("me")
        #expect(result.state == .done)
        #expect(try await session.run("echo on").output == "on\n")
        session.close()
    }

    @Test @IO func `a secret that a typed line asks for is kept nowhere`() async throws {
        let place = try await ProbePlace(.bash)
        let session = try await place.session()
        let ask =
            "sh -c 'stty -echo; for i in 1 2; do printf \"Word: \"; read x; echo; done; stty echo'"
        var result = try await session.type(ask)
        for _ in 1...2 {
            #expect(result.state == .secret)
            #expect(result.prompt == "Word: ")
            #expect(session.echo.isIdle)
            result = try await session.type("canary-91c2")
        }
        #expect(result.state == .done)
        #expect(!session.log.bytes(0..<session.log.end).contains(Array("canary-91c2".utf8)))
        #expect(try await session.run("echo on").output == "on\n")
        session.close()
    }

    @Test @IO func `ssh asks about a host key, tmux draws, a trapped INT goes on`() async throws {
        let place = try await ProbePlace(.bash)
        let session = try await place.session()
        let known = place.server.directory.file("home/none")
        var result = try await session.run(
            "ssh -F none -o UserKnownHostsFile=\(known) -o StrictHostKeyChecking=ask "
                + "-o IdentityFile=none -p \(place.server.port) 127.0.0.1")
        #expect(result.state == .lineInput, "\(result)")
        #expect(result.foreground == "ssh")
        #expect(result.prompt?.hasSuffix("(yes/no/[fingerprint])? ") == true)
        result = try await session.type("no")
        #expect(result.state == .done)
        #expect(result.exitCode == 255)

        if Repository.find("tmux") != nil {
            result = try await session.run("tmux -S ./s -f /dev/null new-session cat")
            #expect(result.state == .fullscreen, "\(result)")
            #expect(result.foreground?.hasPrefix("tmux") == true)
            #expect(try await session.press("ctrl-d").state == .done)
        }

        result = try await session.run(
            "sh -c 'trap \"\" INT; echo go; sleep 30; :'", wait: .milliseconds(300))
        #expect(result.state == .running)
        result = try await session.press("ctrl-c", wait: .milliseconds(500))
        #expect(result.state == .running, "\(result)")
        #expect(result.foreground == "sh")
        session.close()
    }

    @Test @IO func `a read is told of the need for input, at once or when it comes`() async throws {
        let place = try await ProbePlace(.dash)
        let session = try await place.session()
        let result = try await session.run("sleep 1; printf 'In: '; read x", wait: .zero)
        #expect(result.state == .running)
        var offset = result.offset
        let end = IO.now + .seconds(20)
        var read = result
        while read.state == .running, IO.now < end {
            read = try await session.read(
                offset: offset, wait: .seconds(10), raw: false, maxBytes: 1000)
            offset = read.nextOffset
        }
        #expect(read.state == .lineInput)
        #expect(read.prompt == "In: ")
        read = try await session.read(offset: nil, wait: .zero, raw: false, maxBytes: 1000)
        #expect(read.state == .lineInput)
        #expect(try await session.type("").state == .done)
        session.close()
    }
}
