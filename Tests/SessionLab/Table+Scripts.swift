// Rows of shells that run a script and ask: no shell to adopt, and nothing is typed to them.
import Support
import Terminal
import Wire

@testable import homeline_agent

extension Table {
    /// Adopting is refused, and what asks has been typed nothing.
    private static let refusal = Step.check("nothing is adopted, nothing typed") { session in
        let before = session.log.end
        let result = try await session.read(
            offset: before, wait: .zero, raw: false, maxBytes: 1000)
        guard !result.hasLostMarks, session.console.watch.finding != nil else { return false }
        do {
            _ = try await session.adopt(wait: .seconds(1), maxBytes: 1000)
            return false
        } catch {
            return "\(error)".contains("nothing typed") && session.log.end == before
        }
    }

    static let scripts: [Row] = [
        Row(
            .scripts, .all,
            .run(
                "bash -c 'read -p \"Go on? [y/N] \" a; echo got $a'", .lineInput,
                prompt: "Go on? [y/N] ", by: "bash"), refusal, .type("y", out: .ends("got y\n"))),
        Row(
            .scripts, .all,
            .run(
                "sh -c 'printf \"Name: \"; read a; echo got $a; :'", .lineInput, prompt: "Name: "),
            refusal, .type("me", out: .ends("got me\n"))),
        // An installer that is piped into a shell, and asks at the terminal.
        Row(
            .scripts, .all,
            .run(
                "printf 'printf \"Path: \"; read a </dev/tty; echo got $a\\n' | sh", .lineInput,
                prompt: "Path: "), refusal, .type("here", out: .ends("got here\n"))),
        // A part of the session's own shell.
        Row(
            .scripts, .posix,
            .run("(printf 'Yes? '; read a; echo got $a)", .lineInput, prompt: "Yes? "), refusal,
            .type("y", out: .ends("got y\n"))),
        Row(
            .scripts, .posix, .run("printf 'Yes? $ '; read a", .lineInput, prompt: "Yes? $ "),
            refusal, .type("y")),
        Row(
            .scripts, .all,
            .run(
                "env SHELL=/bin/sh script -qc 'printf \"Sure? \"; head -n 1' /dev/null",
                .lineInput, prompt: "Sure? "), refusal, .type("y", out: .ends("y\n"))),
        // A question in an interactive shell without marks.
        Row(
            .scripts, .all, .run("bash --norc", .lineInput).withoutMarks,
            .type("read -e -p 'Name: ' a", .lineInput, prompt: "Name: "), refusal,
            .type("me", .lineInput).withoutMarks,
            .type("read -p 'Name: ' a", .lineInput, prompt: "Name: "), refusal,
            .type("me", .lineInput).withoutMarks, .type("exit")),
        Row(
            .scripts, .all, at: .account, needs: "sudo",
            .run("sudo -k; sudo sh -c 'printf \"Drop? \"; read a; echo got $a; :'", .secret),
            // What another user's shell waits for is not shown.
            .type("{password}", .maybeInput, prompt: "Drop? "), refusal,
            .type("y", out: .ends("got y\n"))),
    ]
}
