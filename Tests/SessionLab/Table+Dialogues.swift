// Rows of what operators answer every day: questions of package tools, keys, archives, version
// control and accounts, and the programs that draw. Each leads to its end with the tools alone.
import Support
import Terminal
import Wire

@testable import homeline_agent

extension Table {
    /// Two versions of a package with a configuration file, the first one installed below `r` and
    /// its file changed.
    private static let package = #"""
        sh -c 'exec > log 2>&1; mkdir -p p/DEBIAN p/etc r/var/lib/dpkg/updates r/var/lib/dpkg/info; \#
        : > r/var/lib/dpkg/status; echo /etc/demo.conf > p/DEBIAN/conffiles; \#
        for v in 1 2; do echo version $v > p/etc/demo.conf; \#
        printf "Package: demo\nVersion: $v\nArchitecture: all\nMaintainer: a <a@b.c>\nDescription: d\n" \#
        > p/DEBIAN/control; dpkg-deb --root-owner-group -b p demo$v.deb; done; \#
        dpkg --root=$PWD/r --force-not-root --log=/dev/null -i demo1.deb; \#
        echo mine >> r/etc/demo.conf'
        """#

    static let dialogues: [Row] = [
        Row(
            .dialogues, .all, needs: "dpkg-deb", .run(package),
            .run(
                "dpkg --root=$PWD/r --force-not-root --log=/dev/null -i demo2.deb", .lineInput,
                prompt: .ends("[default=N] ? "), by: "dpkg", wait: start),
            .type("d", .lineInput, out: .has("+version 2"), prompt: .ends("[default=N] ? ")),
            .type("n"), .run("grep -c mine r/etc/demo.conf", out: "1\n")),
        Row(
            .dialogues, .all, needs: "ssh-keygen",
            .run("ssh-keygen -q -t ed25519 -N '' -f k"),
            .run(
                "ssh-keygen -q -t ed25519 -N '' -f k", .lineInput,
                prompt: "Overwrite (y/n)? ", by: "ssh-keygen"), .type("n", exit: 1)),
        Row(
            .dialogues, .all, needs: "ssh-keygen",
            .run(
                "ssh-keygen -t ed25519 -f k", .secret,
                prompt: .starts("Enter passphrase"), by: "ssh-keygen"),
            .type("canary-7f3a", .secret), .type("canary-7f3b", .secret),
            .press(["ctrl-c"], .aborted)),
        Row(
            .dialogues, .all, needs: "openssl",
            .run(
                "openssl genrsa -aes128 -out k 1024", .secret, prompt: .starts("Enter PEM pass"),
                by: "openssl"),
            .type("canary-7f3a", .secret, prompt: .starts("Verifying")), .type("canary-7f3a")),
        Row(
            .dialogues, .all, needs: "python3",
            .run(
                "python3 -c 'import getpass; print(len(getpass.getpass()))'", .secret,
                prompt: "Password: ", by: "python3"), .type("canary-7f3a", out: .has("11\n"))),
        Row(
            .dialogues, .all, at: .account, needs: "passwd",
            .run("passwd", .secret, prompt: "Current password: ", by: "passwd"),
            .type("{password}", .secret, prompt: "New password: "),
            .type("canary-7f3a", .secret, prompt: "Retype new password: "),
            .type("canary-7f3b", exit: 10)),
        Row(
            .dialogues, .all, at: .account, needs: "su",
            .run("su -c 'echo in' {user}", .secret, prompt: "Password: ", by: "su"),
            .type("canary-7f3a", exit: 1)),
        Row(
            .dialogues, .all, needs: "git",
            .run(
                "git init -q .; git config user.name a; git config user.email b; seq 9 > f; git add f; git commit -qm one; echo 10 >> f"
            ),
            .run("git add -p", .lineInput, prompt: .has("Stage this hunk"), by: .starts("git")),
            .type("?", .lineInput, prompt: .has("Stage this hunk")), .type("y"),
            .run(
                "env GIT_EDITOR='vim -u NONE' git commit", .fullscreen, by: .starts("vim"),
                wait: start),
            .type(":q!", exit: 1),
            .run("git commit -qm two"),
            .run(
                "env GIT_SEQUENCE_EDITOR='vim -u NONE' git rebase -i HEAD~1", .fullscreen,
                by: .starts("vim"), wait: start),
            .type(":wq"),
            .run("touch g; git clean -i", .lineInput, prompt: "What now> ", by: "git"),
            .type("5")),
        Row(
            .dialogues, .all, needs: "visudo",
            .run(
                "env EDITOR=ed sh -c 'echo root ALL > f; chmod 440 f; visudo -f f'", .lineInput,
                by: "ed"),
            .type("wq", .lineInput, prompt: "What now? ", by: "visudo"),
            .type("x")),
        Row(
            .dialogues, .all, needs: "fdisk",
            .run(
                "truncate -s 1M d; fdisk d", .lineInput, prompt: "Command (m for help): ",
                by: "fdisk"),
            .type("m", .lineInput, out: .has("Help:"), prompt: "Command (m for help): "),
            .type("q")),
        Row(
            .dialogues, .all, needs: "redis-cli",
            .run("redis-cli -p 1", .lineInput, prompt: "not connected> ", by: "redis-cli"),
            .type("exit")),
        Row(
            .dialogues, .all, needs: "unzip",
            .run("sh -c 'echo a > f; zip -q f.zip f'"),
            .run("unzip f.zip", .lineInput, prompt: .ends("[r]ename: "), by: "unzip"),
            .type("n")),
        Row(
            .dialogues, .all, needs: "zip",
            .run("sh -c 'echo a > f; zip -e f.zip f'", .secret, prompt: "Enter password: "),
            .type("canary-7f3a", .secret, prompt: "Verify password: "), .type("canary-7f3a")),
        Row(
            .dialogues, .all, needs: "nano",
            .run("nano f", .fullscreen, by: "nano"), .press(["h", "i"], .fullscreen),
            .press(["ctrl-x"], .fullscreen), .press(["n"])),
        Row(
            .dialogues, .all, needs: "mc",
            .run("mc -u", .fullscreen, by: "mc", wait: start), .press(["f10"])),
        Row(
            .dialogues, .all, needs: "dialog",
            .run("dialog --yesno Sure 7 30", .fullscreen, by: "dialog"), .press(["enter"])),
        Row(
            .dialogues, .all, needs: "whiptail",
            .run("whiptail --yesno Sure 7 30", .fullscreen, by: "whiptail"),
            .press(["tab", "enter"], exit: 1)),
        Row(
            .dialogues, .all, needs: "watch",
            .run("watch -n 0.3 date", .fullscreen, by: "watch"), .press(["ctrl-c"], .aborted, .done)
        ),
        Row(
            .dialogues, .all, .run("echo a > f; tail -f f", .running, out: "a\n", by: "tail"),
            .press(["ctrl-c"], .aborted)),
        Row(
            .dialogues, .all, needs: "screen",
            .run(
                "env SHELL=/bin/sh SCREENDIR=$PWD/s sh -c 'mkdir -m 700 s; exec screen cat'",
                .fullscreen, by: .starts("screen")),
            .press(["ctrl-d"], .fullscreen, .done), .check("screen is over") { !$0.isRunning },
            .read(.done)),
        Row(
            .dialogues, .all, needs: "man",
            .run(
                "printf '.TH X 1\\n.SH NAME\\nx - a page\\n' > x.1; env MANPAGER=less man ./x.1",
                .fullscreen, by: "less", wait: start),
            .press(["q"])),
    ]
}
