// Rows of programs that own a terminal, run another program on it and pass bytes on: what is asked,
// and who asks, is found behind them.
import Support
import Terminal
import Wire

@testable import homeline_agent

extension Table {
    /// Runs `sh` code on a terminal of its own; the code has no single quotes.
    private static func spawn(_ code: String) -> String {
        let escaped = code.replacing("\"", with: "\\\"")
        return "python3 -c 'import pty; pty.spawn([\"sh\", \"-c\", \"\(escaped)\"])'"
    }

    static let ownTerminals: [Row] = [
        Row(
            .ownTerminals, .all, needs: "python3",
            .run(spawn("echo work; sleep 300; :"), .running, by: "sh"),
            .press(["ctrl-c"], .aborted, .done),
            .run(
                spawn("printf \"Name? \"; read x; echo got $x; sleep 300; :"), .lineInput,
                prompt: "Name? ", by: "sh"),
            .type("Ann", .running, out: .ends("got Ann\n")),
            .press(["ctrl-c"], .aborted, .done)),
        Row(
            .ownTerminals, .all, needs: "python3",
            .run(
                spawn("stty -echo; printf \"Key: \"; read x; stty echo; echo; echo ${#x}"), .secret,
                prompt: "Key: ", by: "sh"), .type("canary-7f3a", out: .ends("11\n"))),
        Row(
            .ownTerminals, .all, needs: "python3",
            .run(spawn("exec sh"), .fullscreen, .lineInput).withoutMarks, .adopt,
            .run("echo in; false", exit: 1, out: "in\n"),
            .run("printf 'Say: '; cat", .lineInput, prompt: "Say: ", by: "cat"),
            .press(["ctrl-d"]), .run("exit 4", .done, .done)),
        // One inside the other.
        Row(
            .ownTerminals, .all,
            .run(
                "env SHELL=/bin/sh script -qc 'script -qc cat /dev/null' /dev/null", .lineInput,
                by: "cat"),
            .type("a line", .lineInput, out: "a line\na line\n"), .press(["ctrl-d"])),
        Row(
            .ownTerminals, .all, needs: "expect",
            .run(
                "expect -c 'spawn -noecho sh -c {printf \"Go on? \"; read x; echo got $x}; interact'",
                .lineInput, prompt: "Go on? ", by: "sh"), .type("yes", out: .ends("got yes\n"))),
    ]
}
