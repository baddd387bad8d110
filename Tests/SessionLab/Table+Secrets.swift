// Rows of secrets that are asked for with stars, by a raw program, or by a program of another
// session: the state of each is `secret`, and nothing shows how long the secret is.
import Support
import Terminal
import Wire

@testable import homeline_agent

extension Table {
    private static let noStar = Step.check("no star is shown") { session in
        let shown = String(decoding: session.log.bytes(0..<session.log.end), as: UTF8.self)
        return !shown.contains("*") && !shown.contains("●")
    }
    private static let stars = """
        bash -c 'printf "Password: "; while IFS= read -rsn1 c; do [ -n "$c" ] || break; \
        printf "\\x2a"; done; echo; echo over'
        """
    /// gpg, whose agent has a pinentry ask on the terminal.
    private static func gpg(_ pinentry: String) -> String {
        "sh -c 'mkdir -m 700 g; echo pinentry-program /usr/bin/\(pinentry) > g/gpg-agent.conf; "
            + "export GNUPGHOME=$PWD/g GPG_TTY=$(tty); echo x > f; gpg -q -c f; e=$?; "
            + "gpgconf --kill gpg-agent; exit $e'"
    }

    /// gpg's first start makes an agent, which takes long on a busy machine.
    static let start = Duration.seconds(40)

    static let secrets: [Row] = [
        Row(
            .secrets, .all, .run(stars, .secret, prompt: "Password: ", by: "bash"),
            .type("canary-7f3a", out: .ends("\nover\n")), noStar),
        Row(
            .secrets, .all, needs: "systemd-ask-password",
            .run(
                "systemd-ask-password Key: > f", .secret, prompt: .has("Key: "),
                by: .starts("systemd-ask")),
            .type("canary-7f3a"), noStar, .run("wc -c < f", out: .has("12"))),
        Row(
            .secrets, .all, needs: "pinentry-tty",
            .run(
                gpg("pinentry-tty"), .secret, prompt: "Passphrase: ", by: "pinentry-tty",
                wait: start),
            .type("canary-7f3a", .secret), .type("canary-7f3a"), noStar),
        Row(
            .secrets, .all, needs: "pinentry-curses",
            .run(gpg("pinentry-curses"), .secret, by: "pinentry-curses", wait: start),
            .type("canary-7f3a", .secret), .type("canary-7f3a"), noStar),
        Row(
            .secrets, .all, needs: "fish",
            .run("fish --no-config -c 'read -s x; echo got'", .secret, by: "fish"),
            .type("canary-7f3a", out: .ends("got\n")), noStar),
        Row(
            .secrets, [.fish], .run("read --silent x; echo got", .secret),
            .type("canary-7f3a", out: .ends("got\n")), noStar),
    ]
}
