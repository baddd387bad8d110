// Rows of how commands end: signals, jobs, lost links, two clients.
import Support
import Terminal
import Wire

@testable import homeline_agent

extension Table {
    /// A shell inside the shell, adopted and left; `end` is how.
    private static func other(_ begin: Step, needs: String? = nil, _ end: Step) -> Row {
        Row(
            .otherShell, .all, needs: needs, begin, .adopt, .run("echo in", out: "in\n"),
            .run("sh -c 'exit 3'", exit: 3),
            .run("printf 'Say: '; cat", .lineInput, prompt: "Say: "), .press(["ctrl-d"]), end)
    }
    private static func inner(_ code: String) -> Step { .run(code, .fullscreen, .lineInput) }

    static let ends: [Row] = [
        other(inner("exec bash --norc"), .run("exit 4", .shellExited, exit: 4)),
        other(inner("exec sh"), .run("exit 4", .shellExited, exit: 4)),
        other(inner("exec fish --no-config"), needs: "fish", .run("exit 4", .shellExited, exit: 4)),
        other(inner("bash --norc").withoutMarks, .run("exit 4", exit: 4)),
        other(inner("sh").withoutMarks, .run("exit 4", exit: 4)),
        other(inner("fish --no-config").withoutMarks, needs: "fish", .run("exit 4", exit: 4)),
        Row(
            .signals, .posix, .run("echo start; sleep 30", .running, out: "start\n"),
            .press(["ctrl-c"], .aborted).by(signal: "INT"), .run("echo $?", out: "130\n")),
        Row(
            .signals, .all,
            .run("sh -c 'trap \"echo caught\" INT; echo go; sleep 20; sleep 30'", .running),
            .press(["ctrl-c"], .running),
            .check("caught") { session in
                session.log.bytes(0..<session.log.end).contains(Array("caught".utf8))
            }),
        Row(
            .signals, .all,
            .run("sh -c 'trap \"\" INT; echo go; sleep 30; :'", .running),
            .press(["ctrl-c"], .running, by: "sh"), .press(["ctrl-\\"], .aborted, .done)),
        Row(
            .signals, .posix, .run("sleep 30", .running, by: "sleep"),
            .press(["ctrl-z"], .stopped).by(signal: "TSTP"),
            .run("fg", .running, by: "sleep"), .press(["ctrl-z"], .stopped),
            // zsh no longer has a current job after a second stop in a list.
            .run("fg %1", .running, by: "sleep"), .press(["ctrl-c"], .aborted, .done),
            .run("echo on", out: "on\n")),

        Row(
            .poorLink, .all, at: .ownLink,
            .run("echo x >> ../count{port}; sleep 30", .running), .cut,
            .read(.linkLost)),
        Row(
            .poorLink, .all, at: .ownLink,
            .run("sh -c 'echo before; sleep 1; echo after'", .running, wait: .milliseconds(700)),
            .stall(.seconds(3)), .read(.done, out: "before\nafter\n")),

        Row(
            .twoClients, .all, .run("sleep 3; echo first", .running), .second("echo second"),
            .read(.done, out: "first\n"), .run("echo third", out: "third\n")),
    ]
}
