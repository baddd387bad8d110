// Rows of code: exact output and status, what cannot be parsed, long code, odd options and
// terminals.
import Support
import Terminal
import Wire

@testable import homeline_agent

extension Table {
    static func digits(_ count: Int) -> String {
        String(String(repeating: "0123456789", count: count / 10 + 1).prefix(count))
    }

    /// A command of exactly so many bytes that prints what it holds.
    static func long(_ size: Int) -> Step {
        let text = digits(size - "printf %s ''".utf8.count)
        return .run("printf %s '\(text)'", out: .is(text), wait: .seconds(60))
    }

    static let code: [Row] = [
        Row(
            .hereDocument, .posix, .run("cat <<EOF\nhello $((1+1))\nEOF", out: "hello 2\n"),
            .run("cat <<'EOF'\n'\"$x\\!\nEOF\n", out: "'\"$x\\!\n"),
            .run("cat <<E\nno end", .aborted), .run("echo on", out: "on\n")),

        Row(
            .everyday, .posix, .run("false", exit: 1), .run("echo prev=$?", out: "prev=1\n"),
            .run("printf 'a\\nb'", out: "a\nb"), .run("echo hi # comment", out: "hi\n"),
            .run("echo hi;", out: "hi\n"), .run("echo a \\", out: "a\n"),
            .run("for i in 1 2\ndo\n  echo $i\ndone", out: "1\n2\n"),
            .run("f() { return 9; }; f", exit: 9), .run("f", exit: 9), .run("X=5; export X"),
            .run("sh -c 'echo $X'", out: "5\n"), .run("   "), .run(""), .run("\n\n"),
            .run("echo one && echo two", out: "one\ntwo\n"),
            .run("echo 'a!b' \"c!d\"", out: "a!b c!d\n"),
            .run("echo \"tab\there\"", out: "tab\there\n"),
            .run("echo out; echo err >&2", out: "out\nerr\n"), .run("true | false", exit: 1),
            .run("(exit 7)", exit: 7)),
        // A mark of somebody else's is nothing.
        Row(
            .everyday, .all,
            .run(
                "printf '\\033]133;D;0;0;1;/;00112233445566778899aabbccddeeff\\007x'", out: "x")),
        Row(
            .everyday, [.bash, .dash, .ash, .mksh],
            .run("alias zz='echo alias'\nzz", out: "alias\n")),
        Row(
            .everyday, .all, .run("sh -c 'exit 3'", exit: 3), .run("echo hi", out: "hi\n"),
            .run("cd /tmp"), .run("pwd", out: "/tmp\n"),
            .check("the directory is known") { $0.cwd == "/tmp" }),

        Row(
            .syntax, .posix, .run("echo 'abc", .aborted), .run("echo ok", out: "ok\n"),
            .run("if; then", .aborted), .run("echo ok", out: "ok\n"), .run("ls |", .aborted),
            .run("echo ok", out: "ok\n"), .run("echo $(", .aborted), .run("echo ok", out: "ok\n")),
        Row(.syntax, [.bash, .dash, .ash, .mksh], .run("echo a &&", .aborted)),
        // zsh takes the next command for the body of a loop that has none.
        Row(
            .syntax, [.zsh], .run("repeat 3", .aborted, out: ""),
            .run("until true", .aborted, out: ""),
            .run("while true", .aborted, out: ""), .run("for ((i=0;i<2;i++))", .aborted, out: ""),
            .run("for x (1 2)", .aborted, out: ""), .run("echo a; repeat 2 repeat 2", .aborted),
            .run("repeat 2 { break }; (exit 5)", exit: 5), .run("echo on", out: "on\n")),

        Row(
            .lineLengths, .posix, long(700), long(850), long(900), long(1023), long(1024),
            long(2000)),
        Row(.longCode, .posix, long(4095), long(4096), long(10_000)),
        Row(.longCode, .posix, weight: .heavy, long(100_000)),
        Row(
            .longCode, [.bash, .dash, .zsh], weight: .heavy,
            .run(
                "x=0\n" + String(repeating: "x=$((x+1)) # \(digits(87))\n", count: 10_200)
                    + "echo $x", out: "10200\n", wait: .seconds(60))),

        Row(
            .strictOptions, .posix, .run("set -eu"), .run("echo fine", out: "fine\n"),
            .run("(exit 3) || true"), .run("set +eu; IFS=0123456789; set -C"),
            .run("echo still; false", exit: 1, out: "still\n"),
            .run("exec 3>&1 >/dev/null"), .run("echo nowhere", out: ""), .run("exec >&3"),
            .run("echo back", out: "back\n")),
        Row(
            .strictOptions, [.bash, .zsh, .mksh, .ash], .run("set -euo pipefail"),
            .run("echo fine | cat", out: "fine\n"), .run("set +eu"),
            .run("false | true", exit: 1)),
        Row(
            .strictOptions, .posix,
            .run("set -e; false", .shellExited, exit: 1, evidence: [.eof])),
        Row(
            .strictOptions, .all,
            .run("echo bye; exit 7", .shellExited, exit: 7, out: .starts("bye\n"))),

        Row(
            .oddTerminal, .posix, .run("PS1='$ '"), .run("echo one; false", exit: 1, out: "one\n"),
            .run("echo 'open", .aborted), .run("PS1='two\nlines> '; PS2=''"),
            .run("echo two", out: "two\n"), .run("unset PS1"), .run("echo three", out: "three\n")),
        Row(
            .oddTerminal, .all, .run("stty -echo"), .run("printf 'a\\nb'", out: "a\nb"),
            .run("stty raw"), .run("printf 'a\\nb'", out: "a\nb"), .run("stty raw -echo"),
            .run("printf 'a\\nb'", out: "a\nb"), .run("stty -onlcr"),
            .run("printf 'a\\nb'", out: "a\nb"), .run("stty sane"),
            .run("printf 'a\\nb'", out: "a\nb")),
    ]
}
