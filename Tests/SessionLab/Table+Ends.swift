// Rows of how commands end: signals, jobs, lost links, two clients.
import Support
import Terminal
import Wire

@testable import homeline_agent

extension Table {
    /// A shell inside the shell, adopted and left; `end` is how.
    private static func other(_ begin: Step, needs: Need? = nil, _ end: Step) -> Row {
        Row(
            .otherShell, .all, needs: needs, begin, .adopt, .run("echo in", out: "in\n"),
            .run("sh -c 'exit 3'", exit: 3),
            .run("printf 'Say: '; cat", .lineInput, prompt: "Say: "), .press(["ctrl-d"]), end)
    }
    private static func inner(_ code: String) -> Step { .run(code, .fullscreen, .lineInput) }

    static let ends: [Row] = [
        other(inner("exec bash --norc").withoutMarks, .run("exit 4", .shellExited, exit: 4)),
        other(inner("exec sh").withoutMarks, .run("exit 4", .shellExited, exit: 4)),
        other(
            inner("exec fish --no-config").withoutMarks, needs: "fish",
            .run("exit 4", .shellExited, exit: 4)),
        other(inner("bash --norc").withoutMarks, .run("exit 4", exit: 4)),
        other(inner("sh").withoutMarks, .run("exit 4", exit: 4)),
        other(inner("fish --no-config").withoutMarks, needs: "fish", .run("exit 4", exit: 4)),
        // What comes nearest to `docker exec -it` without its engine.
        other(inner("chroot / sh").withoutMarks, needs: .chroot, .run("exit 4", exit: 4)),
        other(
            inner("sh -c 'exec nsenter -t $$ -m sh'").withoutMarks, needs: .entering,
            .run("exit 4", exit: 4)),
        Row(
            .otherShell, .all, needs: .processes,
            inner("unshare --pid --fork --mount-proc sh").withoutMarks, .adopt,
            .run("echo $$", out: "1\n"), .run("sh -c 'exit 3'", exit: 3),
            // The kernel that is asked numbers the processes otherwise.
            .run("printf 'Token? '; head -n 1", .lineInput, prompt: "Token? ", by: "head"),
            .type("x", out: .ends("x\n")),
            // dash, as it ends, minds that its terminal is another namespace's: any status.
            .run("exit 4", .done, .done)),
        // Its /proc is the one outside: it says nothing of the shell inside.
        Row(
            .otherShell, .all, needs: .processes,
            inner("unshare --pid --fork sh").withoutMarks, .adopt, .run("echo $$", out: "1\n"),
            .run("printf 'Say: '; cat", .lineInput, prompt: "Say: ", by: "cat"),
            .press(["ctrl-d"]), .run("exit 4", .done, .done)),
        Row(
            .signals, .posix, .run("echo start; sleep 300", .running), .said("start\n"),
            .runs("sleep"),
            .press(["ctrl-c"], .aborted).by(signal: "INT"), .run("echo $?", out: "130\n")),
        Row(
            .signals, .all,
            .run("sh -c 'trap \"echo caught\" INT; echo go; sleep 20; sleep 300'", .running),
            .said("go"), .press(["ctrl-c"], .running), .said("caught")),
        Row(
            .signals, .all,
            .run("sh -c 'trap \"\" INT; echo go; sleep 300; :'", .running), .said("go"),
            .press(["ctrl-c"], .running, by: "sh"), .press(["ctrl-\\"], .aborted, .done)),
        Row(
            .signals, .posix, .run("sleep 300", .running, by: "sleep"),
            .press(["ctrl-z"], .stopped).by(signal: "TSTP"),
            .run("fg", .running, by: "sleep"), .press(["ctrl-z"], .stopped),
            // zsh no longer has a current job after a second stop in a list.
            .run("fg %1", .running, by: "sleep"), .press(["ctrl-c"], .aborted, .done),
            .run("echo on", out: "on\n")),

        // What was sent is run once, whatever becomes of the link between mark C and mark D.
        Row(
            .poorLink, .all, at: .ownLink, .run("echo x >> ../ran; sleep 300", .running), .cut,
            .read(.linkLost), .lines(1, in: "ran")),
        Row(
            .poorLink, .all, at: .ownLink,
            .run(
                "echo x >> ../ran; sh -c 'until test -e ../go; do sleep 0.1; done; echo x >> ../over'",
                .running), .hold, .file("go"), .lines(1, in: "over"), .cut, .read(.linkLost),
            .lines(1, in: "ran")),
        Row(
            .poorLink, .all, at: .ownLink,
            .run(
                "echo x >> ../ran; sh -c 'echo before; sleep 1; echo after'", .running,
                wait: .milliseconds(700)), .stall(.seconds(3)),
            .read(.done, out: "before\nafter\n"), .lines(1, in: "ran")),

        Row(
            .poorLink, .all, at: .lossyLink, .run("seq 1 40000").of(bytes: 228_894),
            .run("printf 'Say: '; cat", .lineInput, prompt: "Say: ", by: "cat"),
            .type("a line", .lineInput), .press(["ctrl-d"]),
            .run("sh -c 'stty -echo; printf \"Pass: \"; read x'", .secret, prompt: "Pass: "),
            .press(["ctrl-c"], .aborted, .done), .run("stty sane; sh -c 'exit 3'", exit: 3)),
        Row(
            .poorLink, [.bash, .dash], at: .farLink, weight: .slow, .run("echo hi", out: "hi\n"),
            .run("sh -c 'exit 3'", exit: 3), .run("seq 1 2000").of(bytes: 8893), long(2000),
            .run("printf 'Say: '; cat", .lineInput, prompt: "Say: ", by: "cat"),
            .type("a line", .lineInput), .press(["ctrl-d"]),
            .run("sh -c 'stty -echo; printf \"Pass: \"; read x'", .secret, prompt: "Pass: "),
            .press(["ctrl-c"], .aborted, .done), .run("sleep 60", .running, by: "sleep"),
            .press(["ctrl-c"], .aborted), .run("echo 'open", .aborted),
            .run("echo bye; exit 7", .shellExited, exit: 7, out: .starts("bye\n"))),
        Row(
            .poorLink, [.bash, .dash], at: .console, weight: .slow, .run("echo hi", out: "hi\n"),
            .run("sh -c 'exit 3'", exit: 3),
            .run(
                "printf 'What is your name? '; head -n 1", .lineInput,
                prompt: "What is your name? ", by: "head"),
            .type("Ann", out: "Ann\nAnn\n"),
            .run("sleep 60", .running, by: "sleep"), .press(["ctrl-c"], .aborted),
            .run("exit 7", .shellExited, exit: 7)),

        Row(
            .twoClients, .all, .run("sleep 3; echo first", .running), .second("echo second"),
            .read(.done, out: "first\n"), .run("echo third", out: "third\n")),
    ]
}
