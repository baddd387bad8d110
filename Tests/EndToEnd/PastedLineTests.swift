// The line that `homeline-relay invite` prints for machines without the agent, pasted for real
// into a shell with a home of its own and nothing but the programs that a bare machine has. What
// the agent's static build does on bare systems is `make install-roots`.
import Foundation
import JSON
import Support
import Testing

@Suite struct PastedLineTests {
    @Test(.needs("curl")) func `a pasted line makes a machine a site, and it can be taken back`()
        async throws
    {
        let site = try await PasteSite.start()
        let caller = try await site.relay.caller()
        let line = try await site.line("--name", "jump")
        #expect(line.hasPrefix("(curl -fsS --insecure --pinnedpubkey sha256//"), "\(line)")
        #expect(!line.split(separator: ";")[0].contains("hl1."), "a secret in a URL: \(line)")

        let first = try await site.paste(line)
        #expect(first.code == .exited(0), "\(first.text)")
        #expect(first.text.contains("jump/local"), "\(first.text)")
        let ran = try await caller.structured(
            "ssh_execute", ["target": "jump/local", "command": "echo at $HOME"])
        #expect(
            ran["results"]?[0]?["stdout"]?.stringValue == "at \(site.home)\n", "\(ran)")

        // Again: the invitation is used, and the machine is a site already.
        let again = try await site.paste(line)
        #expect(again.code == .exited(0), "\(again.text)")
        #expect(again.text.contains("jump at"), "\(again.text)")
        #expect(again.text.contains("the invitation was not used"), "\(again.text)")

        let status = try JSON(
            parsing: Array(
                try Data(
                    contentsOf: URL(
                        fileURLWithPath: site.home + "/.local/state/homeline/agent/status"))))
        #expect(status["state"] == "connected", "\(status)")

        let kept = try await site.run(
            "'\(site.home)/.local/bin/homeline-agent' uninstall --user")
        #expect(kept.code == .exited(0) && kept.text.contains("ended the agent"), "\(kept.text)")
        #expect(site.files.contains(".local/state/homeline/agent/agent.key"))
        #expect(!site.files.contains { $0.hasPrefix(".local/bin/") }, "\(site.files)")

        // What was kept is taken up again.
        let back = try await site.paste(line)
        #expect(back.code == .exited(0) && back.text.contains("not used"), "\(back.text)")
        let purged = try await site.run(
            "'\(site.home)/.local/bin/homeline-agent' uninstall --user --purge")
        #expect(purged.code == .exited(0), "\(purged.text)")
        #expect(!site.files.contains { $0.contains("homeline") }, "\(site.files)")

        // Without the state folder's variable, uninstall finds what was installed with it.
        let apart = try await site.paste(
            "export XDG_STATE_HOME='\(site.home)/st%ate'; " + site.line("--name", "apart"))
        #expect(apart.code == .exited(0), "\(apart.text)")
        #expect(site.files.contains("st%ate/homeline/agent/agent.key"), "\(site.files)")
        let gone = try await site.run(
            "'\(site.home)/.local/bin/homeline-agent' uninstall --user --purge")
        #expect(gone.code == .exited(0), "\(gone.text)")
        #expect(!site.files.contains { $0.contains("homeline") }, "\(site.files)")
        await site.relay.stop()
    }

    @Test(.needs("curl")) func `uninstall in a session of its own agent leaves nothing`()
        async throws
    {
        let site = try await PasteSite.start()
        let caller = try await site.relay.caller()
        let first = try await site.paste(try await site.line("--name", "jump"))
        #expect(first.code == .exited(0), "\(first.text)")
        // Its answer is lost with the agent.
        let open = try await caller.structured("ssh_session_open", ["target": "jump/local"])
        let session = try #require(open["session_id"]?.stringValue)
        let program = "\(site.home)/.local/bin/homeline-agent"
        _ = try? await caller.structured(
            "ssh_session_send",
            [
                "session_id": .string(session),
                "text": .string("'\(program)' uninstall --purge --user"),
            ])
        #expect(
            await holds(within: .seconds(20)) { !site.files.contains { $0.contains("homeline") } },
            "\(site.files)")
        await site.relay.stop()
    }

    @Test(.needs("curl")) func `a line that fails installs nothing, and says why`() async throws {
        let site = try await PasteSite.start()
        /// Each: what is changed about the line or the machine, and what must be said.
        func refused(_ line: String, saying text: String, code: Int32? = 1) async throws {
            let files = site.files
            let result = try await site.paste(line)
            #expect(result.text.contains(text), "\(result.text)")
            #expect(site.files == files, "\(result.text)")
            if let code {
                #expect(result.code == .exited(code), "\(result.text)")
                #expect(result.text.contains("Nothing was installed"), "\(result.text)")
            }
        }
        let line = try await site.line()
        // The shell has got nothing to run, so that curl's sentence is all there is.
        try await refused(
            line.replacing("sha256//", with: "sha256//AAAA", maxReplacements: 1)
                .replacing(/AAAA..../, with: "AAAA"),
            saying: "pinned", code: nil)
        try await refused(line.replacing(/.{9}\) \|/, with: ") |"), saying: "whole line")
        try await refused(
            line.replacing(/.\) \|/, with: "x) |"), saying: "are not those of this line")
        try await refused(
            line.replacing("hl1.", with: "hl1.A"), saying: "copy the whole line", code: 65)

        let spent = try await site.relay.invitation("other")
        try await RunningProcess.run(
            Repository.program("homeline-agent"), ["join", spent, "--data", site.relay.data("a")])
        try await refused(
            line.replacing(/hl1[^ ]*/, with: spent), saying: "invitation", code: 77)

        let curl = try #require(Repository.find("curl"))
        // As by a proxy, or a bad disk.
        try site.write(
            "curl",
            """
            #!/bin/sh
            \(curl) "$@" || exit
            for word; do case $word in */homeline-agent) printf x >>"$word" ;; esac; done

            """)
        try await refused(line, saying: "changed on its way")
        try site.empty(without: "sha256sum")
        try await refused(line, saying: "no sha256sum")
        try site.empty()
        try site.write("uname", "#!/bin/sh\ncase $1 in -m) echo riscv64 ;; *) echo Linux ;; esac\n")
        try await refused(line, saying: "no agent for linux-riscv64")
        try site.write("uname", "#!/bin/sh\necho Plan9\n")
        try await refused(line, saying: "this is Plan9")
        await site.relay.stop()
    }

    @Test(.needs("curl", "dash", "busybox"), arguments: ["dash", "busybox"])
    func `no process's arguments have the invitation`(shell: String) async throws {
        let site = try await PasteSite.start()
        let place = site.path + "/sh"
        try FileManager.default.removeItem(atPath: place)
        try FileManager.default.createSymbolicLink(
            atPath: place, withDestinationPath: try #require(Repository.find(shell)))
        let pattern = site.home + "/pattern"
        // The program looks around before it does anything, and after `install` is apart.
        let program = site.relay.data("relay") + "/agents/homeline-agent-linux-\(PasteSite.machine)"
        try FileManager.default.removeItem(atPath: program)
        try TemporaryDirectory.write(
            """
            #!/bin/sh
            look() { \(Repository.find("grep") ?? "") -lF -f '\(pattern)' /proc/[0-9]*/cmdline; }
            look >>'\(site.home)/seen'
            '\(Repository.program("homeline-agent"))' "$@"
            code=$?
            look >>'\(site.home)/seen'
            exit $code

            """, toFile: program, mode: 0o644)
        let line = try await site.line() + " --user"
        let invitation = try #require(line.firstMatch(of: /hl1[^ ]*/)).output
        try TemporaryDirectory.write(String(invitation), toFile: pattern, mode: 0o600)
        // As a person does: the shell reads the line.
        let shell = try RunningProcess(
            place, [],
            environment: [
                "HOME": site.home, "PATH": site.path, "XDG_STATE_HOME": "", "TMPDIR": site.home,
            ])
        shell.send(line + "; exit\n")
        #expect(try await shell.finished(within: .seconds(30)) == .exited(0), "\(shell.errors)")
        #expect(shell.output.contains("Joined"), "\(shell.output)\(shell.errors)")
        #expect(try String(contentsOfFile: site.home + "/seen", encoding: .utf8).isEmpty)
        try await site.remove()
    }

    @Test func `a relay that has no agent program to serve prints no line to paste`() async throws {
        let relay = try await Installation.start()
        let command = try RunningProcess(
            Repository.program("homeline-relay"),
            ["invite", "--pasted", "--data", relay.data("relay")])
        #expect(try await command.finished() == .exited(69))
        #expect(command.errors.contains("make agent-static"), "\(command.errors)")
        #expect(try await relay.relay("invitations", "--json")["invitations"] == [])
        // The relay of a test listens on loopback, where no site finds it.
        let doubted = try RunningProcess(
            Repository.program("homeline-relay"),
            ["invite", "--data", relay.data("relay")])
        #expect(try await doubted.finished() == .exited(0))
        #expect(doubted.errors.contains("127.0.0.1 is this machine's own"), "\(doubted.errors)")
        #expect(doubted.output.split(separator: "\n").count == 1, "\(doubted.output)")
        await relay.stop()
    }

    @Test func `a service manager hears that the agent is ready, connected and alive`() async throws
    {
        let relay = try await Installation.start()
        try await relay.join("site")
        let socket = relay.directory.file("notify")
        let manager = try ServiceManager(socket)
        let caller = try await relay.caller()
        try await relay.startAgent(
            "site", caller: caller,
            environment: ["NOTIFY_SOCKET": socket, "WATCHDOG_USEC": "100000"])
        #expect(await manager.hears("READY=1"))
        #expect(await manager.hears("STATUS=connected: tls://"))
        #expect(await manager.hears("WATCHDOG=1"))
        #expect(await manager.hears("WATCHDOG=1"))
        _ = await relay.process("relay")?.stop()
        #expect(await manager.hears("STATUS=offline: "))
        _ = await relay.process("site")?.stop()
        #expect(await manager.hears("STOPPING=1"))
    }
}
