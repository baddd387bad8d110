// Rows of how commands end: signals, jobs, lost links, two clients.
import Support
import Terminal
import Wire

@testable import homeline_agent

extension Table {
    static let ends: [Row] = [
        Row(
            .signals, .posix, .run("echo start; sleep 30", .running, out: "start\n"),
            .press(["ctrl-c"], .aborted).by(signal: "INT"), .run("echo $?", out: "130\n")),
        Row(
            .signals, .all,
            .run("sh -c 'trap \"echo caught\" INT; echo go; sleep 2; sleep 30'", .running),
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
