// Rows of what fish and tcsh say in their own ways, and of what is the same in every shell:
// directories with odd names, output of jobs in the background.
import Support
import Terminal
import Wire

@testable import homeline_agent

extension Table {
    static let dialects: [Row] = [
        Row(
            .hereDocument, [.fish], .run("cat <<EOF\nhello\nEOF", .aborted).noting(.has("parse")),
            .run("echo on", out: "on\n")),
        Row(
            .hereDocument, [.tcsh], .run("cat << EOF\nhello\nEOF", out: "hello\n"),
            .run("echo on", out: "on\n")),

        Row(
            .syntax, [.fish], .run("echo 'abc", .incomplete), .run("echo ok", out: "ok\n"),
            .run("echo (", .incomplete), .run("if true", .incomplete), .run("end", .aborted),
            .run("echo a | | cat", .aborted), .run("echo ok", out: "ok\n"),
            .run("echo a &&", .aborted, .incomplete), .run("echo ok", out: "ok\n")),
        // A builtin's error ends tcsh's command with status 1, whether it parses or not.
        Row(
            .syntax, [.tcsh],
            .run("echo 'abc", exit: 1, out: .has("Unmatched")).noting(.has("did not run")),
            .run("echo ok", out: "ok\n"), .run("if (", exit: 1), .run("echo ok", out: "ok\n"),
            .run("echo a | | cat", exit: 1), .run("echo $nowhere; echo no", exit: 1),
            .run("echo ok", out: "ok\n")),

        Row(.lineLengths, [.fish, .tcsh], long(700), long(900), long(1024), long(2000)),
        Row(.longCode, [.fish, .tcsh], long(4096), long(10_000)),
        Row(.longCode, [.fish, .tcsh], weight: .heavy, long(100_000)),
        Row(
            .longCode, [.fish], weight: .heavy,
            .run(
                "set x 0\n"
                    + String(repeating: "set x (math $x + 1) # \(digits(230))\n", count: 2000)
                    + "echo $x", out: "2000\n", wait: .seconds(60))),
        Row(
            .longCode, [.tcsh], weight: .heavy,
            .run(
                "set x = 0\n" + String(repeating: "@ x++\n", count: 4000) + "echo $x",
                out: "4000\n", wait: .seconds(60))),

        Row(
            .signals, [.fish, .tcsh], .run("sleep 300", .running, by: "sleep"),
            .press(["ctrl-z"], .stopped).by(signal: "TSTP"), .run("jobs", out: .has("sleep")),
            .run("bg; echo going", out: .has("going\n")), .run("fg %1", .running, by: "sleep"),
            .press(["ctrl-c"], .aborted, .done), .run("echo on", out: "on\n")),
        Row(
            .everyday, [.fish], .run("false | true; echo $pipestatus", out: "1 0\n"),
            .run("sh -c 'exit 3'", exit: 3), .run("echo $status", out: "3\n"),
            .run("false; or echo else", out: "else\n"),
            .run("function f; return 9; end; f", exit: 9), .run("f", exit: 9)),
        Row(
            .everyday, [.tcsh], .run("sh -c 'exit 3'", exit: 3), .run("echo $status", out: "3\n"),
            .run("false | true", exit: 1), .run("false || echo else", out: "else\n"),
            .run("foreach i (1 2)\necho $i\nend", out: "1\n2\n")),

        Row(
            .everyday, .all, .run("mkdir 'a b é漢'; cd 'a b é漢'"),
            .check("the directory is known") { $0.cwd?.hasSuffix("/a b é漢") == true },
            .run("sh -c pwd", out: .ends("/a b é漢\n"))),
        Row(
            .everyday, .all, .run("sh -c 'sleep 0.3; echo late' &"),
            .check("it came") {
                $0.log.bytes(0..<$0.log.end).contains(Array("late\n".utf8))
                // tcsh tells here that the job is over.
            }, .run("echo on", out: .ends("on\n")).noting(.has("background output"))),
    ]
}
