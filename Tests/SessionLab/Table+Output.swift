// Rows of output: much of it, odd bytes, odd line ends; and hosts that lack something.
import Support
import Terminal
import Wire

@testable import homeline_agent

extension Table {
    static let output: [Row] = [
        Row(
            .muchOutput, .all, weight: .heavy,
            .run("sh -c 'yes 0123456789abcdef | head -c 4000000'", wait: .seconds(60)).of(
                bytes: 4_000_000)),
        Row(
            .muchOutput, [.bash], weight: .huge,
            .run("yes 0123456789abcdef | head -c 100000000", wait: .seconds(60))
                .of(bytes: 100_000_000)),
        Row(.muchOutput, .all, .run("seq 1 4000").of(bytes: 18_893)),

        Row(
            .encodings, .all,
            .run(
                "sh -c 'for b in \"\\303\" \"\\251\" \"\\346\" \"\\274\" \"\\242\" \"\\360\" "
                    + "\"\\237\" \"\\231\" \"\\202\"; do printf \"$b\"; sleep 0.02; done; echo'",
                out: "é漢🙂\n")),
        Row(
            .encodings, .all,
            .run("sh -c 'printf \"a\\033\"; sleep 0.1; printf \"[31mb\\033[0m\\n\"'", out: "ab\n")),
        Row(
            .encodings, .all,
            .run("printf '\\304\\343\\272\\303\\351\\n'").of(
                raw: [0xc4, 0xe3, 0xba, 0xc3, 0xe9, 10]),
            .run("printf 'é漢🙂'", out: "é漢🙂")),
        Row(
            .encodings, .all,
            .run("printf '\\377\\303(\\n'", out: "\u{fffd}\u{fffd}(\n"),
            .run("printf '\\033[31mred\\033[0m\\n'", out: "red\n")),

        Row(
            .lineEnds, .all,
            .run("printf '10%%\\r50%%\\r100%%\\ndone\\n'", out: "100%\ndone\n").of(
                raw: "10%\r50%\r100%\ndone\n"),
            .run("printf 'a\\r\\nb\\r\\r\\nc'", out: "a\nb\nc").of(raw: "a\r\nb\r\r\nc"),
            .run("printf 'x\\ry\\n'", out: "y\n")),
    ]

    static let poor: [Row] = [
        Row(
            .oneChannel, .all, at: .oneChannel, .run("echo one", out: "one\n", evidence: [.mark]),
            // Nothing shows when sleep has begun: on a busy host a Ctrl-C before that reaches the
            // shell, which then shows no mark.
            .run("sleep 300", .running, evidence: [], wait: .seconds(4)),
            .press(["ctrl-c"], .aborted),
            .run(
                "sh -c 'printf \"Token [y/n]: \"; read x; echo $x'", .maybeInput,
                prompt: "Token [y/n]: ", evidence: [.regex]), .type("y", out: .ends("y\n"))),
        Row(
            .oneChannel, .all, at: .oneChannel,
            .run("sh -c 'printf \"\\033[?1049h\"; sleep 300'", .fullscreen, evidence: [.regex]),
            .press(["ctrl-c"], .aborted, .done)),

        // The kernel tells the terminal's modes alone: marks, and guesses told as such.
        Row(
            .oneChannel, [.bash, .dash], at: .noProcesses,
            .run("echo one", out: "one\n", evidence: [.mark]),
            .run(
                "printf 'Continue? '; read x; echo $x", .maybeInput, prompt: "Continue? ",
                evidence: [.regex]), .type("yes", out: .ends("yes\n")),
            .run(
                "stty -echo; printf 'Password: '; read x; stty echo; echo; echo ${#x}", .maybeInput,
                prompt: "Password: ", evidence: [.regex]),
            .type("canary", out: .ends("6\n")),
            .run("sleep 300", .running, evidence: [], wait: .seconds(4)),
            .press(["ctrl-c"], .aborted), .run("sh", .running, evidence: []), .adopt,
            .run("echo in", out: "in\n"),
            .run("exit 4", exit: 4), .run("exit 5", .shellExited, exit: 5)),

        Row(
            .poorHost, .all, at: .poorHost, .run("echo hi", out: "hi\n"),
            .run("sh -c 'echo full > /dev/full'", exit: 1), .run("printf 'é'", out: "é"),
            .run("cat", .lineInput), .press(["ctrl-d"])),
        Row(
            .poorHost, .posix, .run("PATH=/nowhere"), .run("echo hi", out: "hi\n"),
            .run("ls", exit: 127)),
    ]
}
