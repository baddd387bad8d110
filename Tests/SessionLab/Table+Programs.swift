// Rows of programs that draw, of line editors, and of what merely works.
import Support
import Terminal
import Wire

@testable import homeline_agent

extension Table {
    /// Draws, takes a key, then works for a while.
    private static let slowEnd = """
        import os, time, tty, termios; m = termios.tcgetattr(0); tty.setraw(0); \
        os.write(1, b"\\033[?1049hpicture"); os.read(0, 9); \
        e = time.time() + 0.6; sum(1 for _ in iter(lambda: time.time() < e, False)); \
        os.write(1, b"\\033[?1049l"); termios.tcsetattr(0, 1, m)
        """

    static let programs: [Row] = [
        Row(
            .pager, .all, needs: "less", .run("seq 1 500 > numbers"),
            .run("less numbers", .fullscreen, by: "less"),
            .press(["page-down"], .fullscreen), .press(["q"])),
        Row(
            .pager, .all, needs: "git",
            .run(
                "git init -q .; git -c user.name=a -c user.email=b commit -q --allow-empty -m one"),
            .run("git log", out: .has("    one\n"))),
        Row(
            .pager, .all, needs: "man",
            .run(
                "printf '.TH X 1\\n.SH NAME\\nx - a page\\n' > x.1; man ./x.1", out: .has("a page"))
        ),

        Row(
            .editor, .all, needs: "vim", .run("vim -u NONE f", .fullscreen, by: .starts("vim")),
            .type(":q!"), .run("vim -u NONE f", .fullscreen),
            .press(["i", "a", "esc"], .fullscreen), .type(":wq"), .run("cat f", out: "a\n")),

        // Its host's settings do not hold behind sudo.
        Row(
            .pager, .all, at: .account, needs: "less",
            .run("sudo -k; sudo less /etc/services", .secret),
            .type("{password}", .fullscreen, by: "less").noting(.has("\"q\"")), .press(["q"])),
        Row(
            .pager, .all, needs: "less",
            .run("less -X /etc/services", .fullscreen, by: "less").noting(.has("\"q\"")),
            .press(["q"])),

        // The key ends it, but not at once: it is not full-screen for that while.
        Row(
            .editor, .all, needs: "python3", .run("python3 -c '\(slowEnd)'", .fullscreen),
            .press(["q"])),

        Row(
            .monitor, .all, needs: "top", weight: .heavy,
            .run("top -d 0.3", .fullscreen, by: "top"), .press(["q"])),
        // As much as a slow line takes.
        Row(.monitor, .all, needs: "top", .run("top", .fullscreen, by: "top"), .press(["q"])),
        Row(.monitor, .all, needs: "htop", .run("htop", .fullscreen, by: "htop"), .press(["q"])),

        Row(
            .python, .all, needs: "python3",
            .run("python3 -q", .lineInput, prompt: ">>> ", by: "python3"),
            .type("6*7", .lineInput, out: .has("42\n"), prompt: ">>> "),
            .type("for i in range(2):", .lineInput, prompt: "... "),
            .type("  print(i + 5)", .lineInput, prompt: "... "),
            .type("", .lineInput, out: .has("5\n6\n"), prompt: ">>> "),
            .type("import time; time.sleep(30)", .running, wait: .milliseconds(1500)),
            .press(["ctrl-c"], .lineInput, prompt: ">>> "), .type("exit()")),

        Row(
            .multiplexer, .all, needs: "tmux",
            .run(
                "env SHELL=/bin/sh tmux -S ./s -f /dev/null new-session cat", .fullscreen,
                by: .starts("tmux")),
            // tmux's server ends first: until it says so, the program on this terminal still draws.
            .press(["ctrl-d"], .fullscreen, .done),
            .check("tmux is over") { !$0.isRunning }, .read(.done)),
        Row(
            .multiplexer, .all,
            .run(
                "sh -c 'printf \"a\\n\\033[?1049h\\033[?1000h\\033[?2004h\\033[?1hjunk\"; sleep 300'",
                .fullscreen, out: "a\n"),
            .check("modes are on") { $0.display.modes.names.count == 3 },
            .runs("sleep"),
            .press(["ctrl-c"], .aborted, .done),
            .check("modes are off") { $0.display.modes == .init() }, .run("echo b", out: "b\n")),

        Row(
            .everyday, .all, .run("sleep 300", .running, by: "sleep"), .press(["ctrl-c"], .aborted)),
        // A job in the shell's own group, as one that a start-up file has begun.
        Row(
            .everyday, .posix, .run("set +m; sleep 300 & set -m"),
            .run("printf 'Name? '; read x", .lineInput, prompt: "Name? "), .type("a"),
            .run("sleep 299", .running, by: "sleep"), .press(["ctrl-c"], .aborted),
            .run("PS1='me> '; PS2=; printf 'And? '; read x", .lineInput, prompt: "And? "),
            .press(["ctrl-c"], .aborted), .run("kill $!")),
        Row(
            .everyday, .all, .run("sleep 300 | cat", .running, by: "sleep"),
            .press(["ctrl-c"], .aborted)),
        Row(
            .everyday, .all, .run("printf 'Password: '; sleep 300", .running, by: "sleep"),
            .press(["ctrl-c"], .aborted)),
        Row(
            .everyday, .all, .run("stty -echo; sleep 300; stty echo", .running, by: "sleep"),
            .press(["ctrl-c"], .aborted)),
        Row(
            .everyday, [.bash, .dash, .zsh, .mksh], .run("while :; do :; done", .running),
            .press(["ctrl-c"], .aborted)),
        Row(
            .everyday, .all, needs: "python3",
            .run(
                "python3 -c 'import socket as s; l=s.socket(); l.bind((\"127.0.0.1\",0)); "
                    + "l.listen(); l.accept()'", .running, by: "python3"),
            .press(["ctrl-c"], .aborted, .done)),
    ]
}
