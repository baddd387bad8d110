// Which process a session's login shell is, according to the script's answer.
import Foundation
import Support
import Testing

@testable import Terminal

@Suite struct LoginShellTests {
    private func login(_ answer: String) -> LoginShell? { LoginShell(Array(answer.utf8)) }

    @Test func `an answer names a process and its terminal`() {
        let found = login("login 42 /dev/pts/3 - bash\n")
        #expect(found?.question == Probe.Question(process: 42, terminal: "/dev/pts/3"))
        #expect(login("login 42 /dev/pts/3 + tmux: client\n") != nil)
        for answer in [
            "", "hidden\n", "login\n", "login x /dev/pts/3 - sh\n", "login 4 pts/3 - sh\n",
        ] {
            #expect(login(answer) == nil, "\(answer)")
        }
    }

    @Test func `no answer is told from one that comes later`() {
        #expect(LoginShell.Answer(Array("hidden\n".utf8)) == .hidden)
        #expect(LoginShell.Answer([]) == .notYet)
        #expect(LoginShell.Answer(Array("login 4 /dev/pts/3 + sh\n".utf8)) != .notYet)
    }

    @Test func `what has taken the shell's place is a program, unless it is a shell`() {
        func probe(_ name: String) -> Probe? {
            Probe(
                Array(
                    """
                    shell 42 42 42 9000 34819
                    process 42 S do_poll 7 /dev/pts/3 \(name)
                    tty /dev/pts/3 -icanon -echo

                    """.utf8))
        }
        let bash = login("login 42 /dev/pts/3 - bash\n")
        let own = login("login 42 /dev/pts/3 - elvish\n")
        let started = login("login 42 /dev/pts/3 + tmux: client\n")
        for (login, name, isShell) in [
            (bash, "bash", true), (bash, "zsh", true), (bash, "tmux: client", false),
            (own, "elvish", true), (own, "tmux: client", false), (own, "bash", true),
            (started, "tmux: client", false), (started, "sh", true),
        ] {
            let seen = probe(name).flatMap { login?.seen(in: $0) }
            #expect(seen?.shellIsAlone == isShell, "\(name)")
            #expect(seen?.foreground == (isShell ? nil : name), "\(name)")
        }
    }

    /// The script, run by shells that stand for sshd and for its children.
    @Test(.needs("python3")) func `the script finds the terminals of its own connection`()
        async throws
    {
        let folder = try TemporaryDirectory()
        // The server: two terminals, then the probe's own shell.
        try folder.write(
            """
            import os, pty, subprocess, time
            with open("/proc/self/comm", "w") as name: name.write("sshd-session")
            found = [pty.fork() for _ in range(2)]
            for pid, _ in found:
                if pid == 0: os.execvp("sleep", ["-sleep", "60"])
            if all(pid for pid, _ in found):
                while True:
                    stats = [open(f"/proc/{pid}/comm").read() for pid, _ in found]
                    if stats == ["sleep\\n"] * 2: break
                    time.sleep(0.01)
                script = "\\n".join(iter(input, "END")).replace("FIRST", str(found[0][0]))
                out = subprocess.run(["sh"], input=script, capture_output=True, text=True).stdout
                for n, (pid, _) in enumerate(found):
                    out = out.replace(f"login {pid} ", f"login P{n} ")
                    os.kill(pid, 9)
                print(out)
            """, to: "server.py")
        let questions =
            [
                LoginShell.Question(place: 1, count: 2, known: []),
                .init(place: 2, count: 2, known: []),
                .init(place: 1, count: 3, known: []),
            ].map(\.line).joined() + "hl_login 1 1 FIRST\n\nEND\n"
        let server = try RunningProcess("/usr/bin/python3", [folder.file("server.py")])
        server.send(Probe.definitions + LoginShell.definitions + questions)
        try await server.finished(within: .seconds(30))
        let lines = server.output.split(separator: "\n").map { $0.split(separator: " ") }
        #expect(lines.map { $0[1] } == ["P0", "P1", "P1"], "\(server.output) \(server.errors)")
        #expect(lines.allSatisfy { $0[2].hasPrefix("/dev/pts/") && $0[3...] == ["-", "sleep"] })
    }
}
