// The rows: all of them, and those of asking: secrets, lines, questions.
// A new case is one more row; it is played in each of its shells under every condition.
import Support
import Terminal
import Wire

@testable import homeline_agent

enum Table {
    static let rows =
        asking + programs + dialogues + ownTerminals + lineEditors + scripts + secrets + code
        + dialects + ends
        + output
        + poor

    static let asking: [Row] = [
        Row(
            .sudo, .all, at: .account, needs: "sudo",
            .run("sudo -k; sudo id", .secret, prompt: .starts("[sudo] password"), by: "sudo"),
            .type("no-{password}", .secret), .type("nor-{password}", .secret),
            .type("never-{password}", exit: 1),
            .run("sudo -k; sudo id -u", .secret, by: "sudo"),
            .type("{password}", out: .ends("0\n")),
            .run("sudo -n sleep 300", .running, by: "sudo"), .press(["ctrl-c"], .aborted, .done)),
        Row(
            .sudo, .all, at: .accountOwnTerminal, needs: "sudo",
            .run("sudo -k; sudo id -u", .secret, prompt: .has("password for hl"), by: "sudo"),
            .type("no-{password}", .secret), .type("{password}", out: .ends("0\n")),
            .check("no star is shown") { !$0.log.bytes(0..<$0.log.end).contains(42) },
            .run("sudo -n sleep 300", .running, by: "sleep"), .press(["ctrl-c"], .aborted, .done),
            .run("sudo -n sh -c 'printf \"\\033[?1049h\"; sleep 300'", .fullscreen),
            .press(["ctrl-c"], .aborted, .done)),
        Row(
            .sudo, .all, at: .account, needs: "su",
            .run("su -c 'sleep 300' {user}", .secret, prompt: "Password: ", by: "su"),
            .type("{password}", .running, wait: .seconds(2)),
            .press(["ctrl-c"], .aborted, .done)),

        Row(
            .quietRead, [.bash, .ash],
            .run("read -s -p 'Word: ' x; echo got", .secret, prompt: "Word: "),
            .type("canary-7f3a", out: .ends("got\n"))),
        Row(
            .quietRead, [.zsh], .run("read -s 'x?Word: '; echo got", .secret, prompt: "Word: "),
            .type("canary-7f3a", out: .ends("got\n"))),
        Row(
            .quietRead, .posix,
            .run(
                "printf 'Pass: '; stty -echo; read x; stty echo; echo; echo ${#x}", .secret,
                prompt: "Pass: "), .type("canary-7f3a", out: "\n11\n")),
        Row(
            .quietRead, .all,
            .run(
                "sh -c 'stty -echo; printf \"Pass: \"; read x; stty echo; echo; echo ${#x}'",
                .secret, prompt: "Pass: "), .type("canary-7f3a", out: .ends("11\n"))),
        Row(
            .quietRead, .all, needs: "python3",
            .run(
                "python3 -c 'import getpass as g; print(len(g.getpass(\"Key: \")))'", .secret,
                prompt: "Key: ", by: "python3"), .type("canary-7f3a", out: .ends("11\n"))),
        // Typed at the prompt, outside of any command.
        Row(
            .quietRead, [.bash],
            .type(
                "sh -c 'stty -echo; for i in 1 2; do printf \"Word: \"; read x; echo; done; "
                    + "stty echo'", .secret, prompt: "Word: "),
            .type("canary-91c2", .secret, prompt: "Word: "), .type("canary-91c2")),

        Row(
            .promptedRead, [.bash, .dash, .ash],
            .run("read -p 'Continue? ' x; echo got=$x", .lineInput, prompt: "Continue? "),
            .type("yes", out: "yes\ngot=yes\n")),
        Row(
            .promptedRead, [.zsh, .mksh],
            .run("read 'x?Continue? '; echo got=$x", .lineInput, prompt: "Continue? "),
            .type("yes", out: "yes\ngot=yes\n")),
        Row(
            .promptedRead, .posix,
            .run("printf 'Name? '; read x; echo $x", .lineInput, prompt: "Name? "),
            .type("Ann", out: "Ann\nAnn\n")),
        Row(
            .promptedRead, [.bash], .run("printf 'Any key '; read -n1 x", .lineInput),
            .press(["y"])),
        Row(
            .promptedRead, [.zsh], .run("printf 'Any key '; read -k1 x", .lineInput),
            .press(["y"])),
        Row(
            .promptedRead, .all, .run("cat", .lineInput, by: "cat"),
            .type("a line", .lineInput, out: "a line\na line\n"), .press(["ctrl-d"])),
        Row(
            .promptedRead, .all,
            .run(
                "sh -c 'printf \"a b: \"; head -n 1 >/dev/null; :'", .lineInput, prompt: "a b: ",
                by: "head"), .type("x")),
        Row(
            .promptedRead, .posix, .run("x=$(head -n 1); echo $x", .lineInput, by: "head"),
            .type("in", out: "in\nin\n")),
        Row(
            .promptedRead, .posix,
            .run("sleep 1; printf 'In: '; read x", .running, wait: .zero),
            .read(.lineInput, wait: .seconds(10)), .type("")),
        Row(
            .promptedRead, [.bash],
            .type("printf 'Who? '; head -n 1", .lineInput, prompt: "Who? ", by: "head"),
            .read(.lineInput), .type("me"), .run("echo on", out: "on\n")),

        Row(
            .questions, .all, .run("touch a b; sh -c 'yes | rm -i a b'"),
            .run(
                "touch f; rm -i f", .lineInput, prompt: "rm: remove regular empty file 'f'? ",
                by: "rm"), .type("y")),
        Row(
            .questions, .all,
            .run(
                "ssh -F none -o UserKnownHostsFile=./known -o StrictHostKeyChecking=ask "
                    + "-o IdentityFile=none -p {port} 127.0.0.1", .lineInput,
                prompt: .ends("(yes/no/[fingerprint])? "), by: "ssh"), .type("no", exit: 255)),
        Row(
            .questions, .all, needs: "python3",
            .run(
                "python3 -c 'print(input(\"Name: \"))' | cat", .lineInput, prompt: "Name: ",
                by: "python3"), .type("Ann", out: .ends("Ann\n"))),
        Row(
            .questions, .all, needs: "python3",
            .run(
                "python3 -c 'import threading as t,sys; h=t.Thread(target=sys.stdin.readline);"
                    + "h.start(); h.join()'", .lineInput, by: "python3"), .type("x")),
        Row(
            .questions, .all,
            .run(
                "sh -c 'stty -echo; printf \"Verification code: \"; read c; stty echo; echo; "
                    + "printf \"Sure? \"; read y; echo ${#c}-$y'", .secret,
                prompt: "Verification code: "),
            .type("123456", .lineInput, prompt: "Sure? "), .type("y", out: .ends("6-y\n"))),
    ]
}
