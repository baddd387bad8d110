// Shells inside the session's shell: found, adopted, driven exactly, and left again.
import Glibc
import Loop
import SSH
import Support
import Terminal
import Testing
import Wire

@testable import homeline_agent

extension Session {
    func adopt(_ wait: Duration = .seconds(20)) async throws -> CommandResult {
        try await adopt(wait: wait, maxBytes: 100_000)
    }
}

@Suite(.serialized, .timeLimit(.minutes(3))) struct SessionsAdoptTests {
    /// How a shell is started inside another.
    static func command(_ shell: TestShell) -> String {
        shell == .ash ? "busybox ash" : shell == .bash ? "bash --norc" : shell.rawValue
    }

    @Test(arguments: TestShell.known)
    @IO func `a shell inside a shell is driven exactly and left with its status`(inner: TestShell)
        async throws
    {
        let home = try TemporaryDirectory()
        for outer in TestShell.known {
            let session = try await openSession(outer, home: home)
            defer { session.close() }
            let outerName = session.shellName
            let started = try await session.run(
                "cd /tmp; \(Self.command(inner))", wait: .seconds(30))
            #expect(
                started.state == .fullscreen || started.state == .lineInput,
                "\(outer) \(inner): \(started)")
            #expect(started.evidence == [.probe])
            #expect(started.hasLostMarks, "\(outer) \(inner): \(started)")
            #expect(started.note?.contains("adopt") == true)
            #expect(started.foreground != nil)

            let adopted = try await session.adopt()
            #expect(adopted.state == .done)
            #expect(adopted.evidence == [.mark])
            #expect(adopted.depth == 1)
            #expect(adopted.shell == inner.rawValue)
            #expect(adopted.cwd == "/tmp")
            #expect(!adopted.output.contains("133;"), "\(adopted.output.debugDescription)")
            for (code, output, status) in SessionsShellTests.exact.prefix(16) {
                if inner == .zsh, code.hasPrefix("alias") { continue }
                let result = try await session.run(code)
                #expect(result.state == .done, "\(outer) \(inner) \(code): \(result)")
                #expect(result.output == output, "\(outer) \(inner) \(code)")
                #expect(result.exitCode == status, "\(outer) \(inner) \(code)")
                #expect(result.depth == 1)
            }
            let waiting = try await session.run("printf 'Say: '; cat")
            #expect(waiting.state == .lineInput, "\(outer) \(inner): \(waiting)")
            #expect(waiting.prompt == "Say: ")
            #expect(try await session.press("ctrl-c").state == .aborted)
            _ = try await session.run("cd /")

            let left = try await session.run("exit 3")
            #expect(left.state == .done, "\(outer) \(inner): \(left)")
            #expect(left.exitCode == 3)
            #expect(left.commandID == started.commandID)
            #expect(left.depth == 0)
            #expect(left.note?.contains("over") == true)
            #expect(session.shellName == outerName)
            let back = try await session.run("echo back $?; pwd")
            #expect(back.output == "back 3\n/tmp\n", "\(outer) \(inner)")
            #expect(back.note == nil)
            #expect(back.depth == 0)
        }
    }

    /// A session whose kernel can fall silent.
    @IO static func muteSession(
        _ home: TemporaryDirectory, _ shell: TestShell = .bash
    ) async throws -> (Session, ProbedShell) {
        var transport: ProbedShell?
        let session = try await openSession(shell, home: home) {
            let shell = ProbedShell($0)
            transport = shell
            return shell
        }
        return (session, try #require(transport))
    }

    @Test(arguments: ["dash", "bash --norc", "fish --no-config", "exec dash"])
    @IO func `a shell adopted while the kernel was silent is asked about later`(inner: String)
        async throws
    {
        let home = try TemporaryDirectory()
        let (session, shell) = try await Self.muteSession(home)
        defer { session.close() }
        let started = try await session.run(inner, wait: .seconds(30))
        #expect(started.hasLostMarks, "\(started)")
        shell.answers = 1
        _ = try await session.adopt()
        #expect(try await session.run("echo in").output == "in\n")
        let unknown = try await session.run("printf 'Say: '; cat", wait: .seconds(1))
        #expect(unknown.state == .running, "\(unknown)")
        shell.answers = .max
        let known = try await session.read(
            offset: session.log.end, wait: .seconds(10), raw: false, maxBytes: 1000)
        #expect(known.state == .lineInput, "\(known)")
        #expect(known.prompt == "Say: ")
        _ = try await session.press("ctrl-d")
        let left = try await session.run("exit 3")
        #expect(left.exitCode == 3, "\(left)")
    }

    /// Its /proc is the one outside, where the shell has another number: it is known as the one
    /// that reads the terminal, so it has to be found before the next program reads.
    @Test(.needs(.processes)) @IO
    func `a shell in a namespace of processes is found before its next command`() async throws {
        let home = try TemporaryDirectory()
        let (session, shell) = try await Self.muteSession(home)
        defer { session.close() }
        _ = try await session.run("unshare --pid --fork sh", wait: .seconds(30))
        shell.answers = 1
        _ = try await session.adopt()
        shell.delay = .milliseconds(600)
        shell.answers = .max
        #expect(try await session.run("echo $$").output == "1\n")
        let asked = try await session.run("printf 'Say: '; cat", wait: .seconds(10))
        #expect(asked.state == .lineInput, "\(asked)")
        #expect(asked.prompt == "Say: ")
        _ = try await session.press("ctrl-d")
        #expect(try await session.run("echo on").output == "on\n")
    }

    @Test @IO func `nothing is typed while a kernel that told before is silent`() async throws {
        let home = try TemporaryDirectory()
        let (session, shell) = try await Self.muteSession(home)
        defer { session.close() }
        #expect(try await session.run("cat", wait: .seconds(30)).state == .lineInput)
        shell.answers = 0
        do {
            let result = try await session.adopt(.seconds(1))
            Issue.record("cat was adopted: \(result)")
        } catch { #expect("\(error)".contains("nothing typed"), "\(error)") }
        shell.answers = .max
        _ = try await session.press("ctrl-d")
        #expect(try await session.run("echo ok").output == "ok\n")
    }

    @Test @IO func `three deep and back, by exit, Ctrl-D and a signal`() async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(.bash, home: home)
        defer { session.close() }
        var ids: Set<String> = []
        for shell in [TestShell.dash, .zsh, .bash].filter(\.isInstalled) {
            let started = try await session.run(Self.command(shell), wait: .seconds(30))
            ids.insert(try #require(started.commandID))
            _ = try await session.adopt()
            let result = try await session.run("echo in; level=\(shell.rawValue)")
            ids.insert(try #require(result.commandID))
            #expect(result.output == "in\n")
        }
        #expect(session.depth == 3)
        #expect(ids.count == 6)
        #expect(try await session.run("echo $level").output == "bash\n")
        // A signal, at the prompt and in a command.
        var result = try await session.run("kill -9 $$", wait: .seconds(10))
        #expect(result.state == .done, "\(result)")
        #expect(result.exitCode == 137)
        #expect(session.depth == 2)
        #expect(try await session.run("echo $level").output == "zsh\n")
        result = try await session.send(
            text: "exit 5", keys: [], enter: true, wait: .seconds(10), maxBytes: 1000)
        #expect(result.state == .done)
        #expect(result.exitCode == 5)
        #expect(session.depth == 1)
        result = try await session.press("ctrl-d", wait: .seconds(10))
        #expect(result.state == .done, "\(result)")
        #expect(session.depth == 0)
        #expect(try await session.run("echo $level.").output == ".\n")
    }

    @Test(arguments: TestShell.known)
    @IO func `exec puts another shell in the place of the session's`(shell: TestShell) async throws
    {
        let home = try TemporaryDirectory()
        for next in TestShell.known {
            let session = try await openSession(shell, home: home)
            defer { session.close() }
            let started = try await session.run("exec \(Self.command(next))", wait: .seconds(3))
            #expect(started.state != .done)
            let adopted = try await session.adopt()
            #expect(adopted.state == .done, "\(shell) \(next): \(adopted)")
            #expect(adopted.depth == 0)
            #expect(session.shellName == next.rawValue)
            let result = try await session.run("echo $((1+1)); (exit 6)")
            #expect(result.output == "2\n")
            #expect(result.exitCode == 6)
            #expect(result.note == nil, "\(result)")
            _ = try await session.run(session.console.shell.profile.exporting("HL_NEW", "canary"))
            #expect(await holds { session.console.exports.known?.values["HL_NEW"] == "canary" })
            #expect(!session.log.bytes(0..<session.log.end).contains(Array("canary".utf8)))
            let end = try await session.run("exit 4", wait: .seconds(10))
            #expect(end.state == .shellExited)
            #expect(end.exitCode == 4)
        }
    }

    @Test @IO func `a typed line starts a shell too`() async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(.dash, home: home)
        defer { session.close() }
        let typed = try await session.send(
            text: "bash --norc", keys: [], enter: true, wait: .seconds(30), maxBytes: 1000)
        #expect(typed.hasLostMarks, "\(typed)")
        #expect(try await session.adopt().depth == 1)
        #expect(try await session.run("echo ${BASH_VERSION:+yes}").output == "yes\n")
        let left = try await session.run("exit 9")
        #expect(left.state == .done)
        #expect(left.depth == 0)
        #expect(try await session.run("echo $?").output == "9\n")
    }

    @Test @IO func `fish and tcsh inside are driven too`() async throws {
        let home = try TemporaryDirectory()
        for shell in [TestShell.fish, .tcsh] where shell.isInstalled {
            let session = try await openSession(.bash, home: home)
            defer { session.close() }
            _ = try await session.run(shell.rawValue, wait: .seconds(30))
            let adopted = try await session.adopt()
            #expect(adopted.shell?.contains(shell.rawValue) == true, "\(adopted)")
            #expect(try await session.run("echo ok; false").exitCode == 1)
            #expect(try await session.run("exit 2").exitCode == 2)
            #expect(session.depth == 0)
        }
    }

    @Test @IO func `what is no shell is refused and nothing is typed`() async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(.bash, home: home)
        defer { session.close() }
        await #expect(throws: Fault.self) { try await session.adopt() }
        _ = try await session.run("seq 1 200 > numbers")
        let programs = [
            ("sleep 30", "ctrl-c"), ("cat", "ctrl-c"), ("python3", "ctrl-d"),
            ("sh -c 'cat; true'", "ctrl-c"), ("while :; do :; done", "ctrl-c"),
            ("stty -echo; head -n1; stty echo", "ctrl-c"), ("less numbers", "q"),
            ("vim -u NONE", "ctrl-c"),
        ]
        for (program, end) in programs {
            let name = String(program.prefix { $0 != " " })
            if ["python3", "less", "vim"].contains(name),
                let obstacle = Need.program(name).obstacle
            {
                leaveOut("adopting \(name)", because: obstacle)
                continue
            }
            let begin = session.log.end
            _ = try await session.run(program, wait: .seconds(2))
            do {
                let result = try await session.adopt(.seconds(5))
                Issue.record("\(program) was adopted: \(result)")
            } catch { #expect("\(error)".contains("nothing typed"), "\(program): \(error)") }
            let all = session.log.bytes(begin..<session.log.end)
            #expect(!String(decoding: all, as: UTF8.self).contains("133;P"), "\(program)")
            if name == "vim" {
                _ = try await session.type(":q!")
            } else {
                _ = try await session.press(end)
            }
            if name == "stty" { _ = try await session.run("stty echo") }
            #expect(try await session.run("echo ok").output == "ok\n", "after \(program)")
        }
    }

    @Test @IO func `the session's own shell that reads a line is not adopted`() async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(.dash, home: home)
        defer { session.close() }
        // For the kernel `read` looks like a prompt.
        let reading = try await session.run("read x; echo \"got $x\"; sleep 1")
        #expect(reading.state == .lineInput)
        do {
            let result = try await session.adopt(.zero)
            Issue.record("adopted: \(result)")
        } catch { #expect("\(error)".contains("nothing typed"), "\(error)") }
        #expect(session.depth == 0)
        let done = try await session.type("me")
        #expect(done.state == .done)
        #expect(done.output == "me\ngot me\n", "\(done)")
        #expect(try await session.run("echo ok").output == "ok\n")
    }

    @Test @IO func `nothing else is typed while a shell is asked, and depth has a limit`()
        async throws
    {
        let home = try TemporaryDirectory()
        let session = try await openSession(.bash, home: home)
        defer { session.close() }
        for level in 1...8 {
            _ = try await session.run("dash", wait: .seconds(2))
            if level == 1 {
                let adoption = IO.task { try? await session.adopt() }
                #expect(await holds { (session.console.occupation != nil) })
                await #expect(throws: Fault.self) { try await session.run("echo") }
                await #expect(throws: Fault.self) { try await session.adopt() }
                #expect(await adoption.value?.depth == 1)
            } else {
                #expect(try await session.adopt().depth == level)
            }
        }
        _ = try await session.run("dash", wait: .seconds(2))
        await #expect(throws: Fault.self) { try await session.adopt() }
        _ = try await session.press("ctrl-d")
        for level in (0..<8).reversed() {
            #expect(try await session.run("exit").depth == level)
        }
        #expect(try await session.run("echo ok").output == "ok\n")
    }

    @Test(.needs("ssh")) @IO func `ssh inside a session`() async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        let config = try server.directory.write(
            try server.configuration(alias: "there"), to: "client_config")
        let home = try TemporaryDirectory()
        let session = try await openSession(.bash, home: home)
        defer { session.close() }
        let started = try await session.run("ssh -F \(config) there", wait: .seconds(10))
        #expect(started.foreground == "ssh", "\(started)")
        #expect(started.hasLostMarks)
        #expect(try await session.adopt().shell == "dash")
        let result = try await session.run("cd /usr; printf 'a\\nb'; (exit 7)")
        #expect(result.output == "a\nb")
        #expect(result.exitCode == 7)
        #expect(result.cwd == "/usr")
        let left = try await session.run("exit 5")
        #expect(left.state == .done, "\(left)")
        #expect(left.exitCode == 5)
        // A connection that breaks is the end of the inner shell alone.
        _ = try await session.run("ssh -F \(config) there", wait: .seconds(10))
        _ = try await session.adopt()
        let waiting = IO.task { try? await session.run("echo on; sleep 60", wait: .seconds(20)) }
        #expect(await holds { session.isRunning })
        server.cutConnections()
        let cut = await waiting.value
        #expect(cut?.state == .done, "\(String(describing: cut))")
        #expect(cut?.exitCode == 255)
        #expect(try await session.run("echo ok").output == "ok\n")
    }

    @Test(.needs(.account, "setpriv"))
    @IO func `su and sudo`() async throws {
        let user = try await ProbeSudoTests.User(usesOwnTerminal: true)
        let failure: (any Error)?
        do {
            try await Self.becomeOthers(user)
            failure = nil
        } catch { failure = error }
        await user.remove()
        if let failure { throw failure }
    }

    @IO private static func becomeOthers(_ user: ProbeSudoTests.User) async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(.bash, home: home)
        defer { session.close() }
        for command in [
            "su - \(user.name)", "su -s /bin/dash \(user.name)", "sudo -iu \(user.name)",
        ] {
            let started = try await session.run(command, wait: .seconds(10))
            #expect(started.hasLostMarks, "\(command): \(started)")
            #expect(try await session.adopt().depth == 1)
            let result = try await session.run("id -un; (exit 8)")
            #expect(result.output == "\(user.name)\n")
            #expect(result.exitCode == 8)
            let left = try await session.run("exit 6")
            #expect(left.state == .done)
            #expect(left.exitCode == 6)
        }
        // An agent without root's rights: the password is asked for first, then sudo's shell.
        let (own, _) = try await user.session()
        defer { own.close() }
        let asking = try await own.run("sudo -i")
        #expect(asking.state == .secret)
        do {
            _ = try await own.adopt(.zero)
            Issue.record("a password prompt was adopted")
        } catch { #expect("\(error)".contains("secret")) }
        await #expect(throws: Fault.self) {
            try await own.send(
                secret: user.password, into: ["su"], wait: .seconds(3), maxBytes: 1000)
        }
        _ = try await own.send(
            secret: user.password, into: ["sudo"], wait: .seconds(3), maxBytes: 1000)
        #expect(try await own.adopt().depth == 1)
        #expect(try await own.run("id -u").output == "0\n")
        #expect(try await own.run("exit 3").exitCode == 3)
        #expect(try await own.run("id -un").output == "\(user.name)\n")
        // A program of the user's own that calls itself sudo.
        let imitation =
            "cp $(command -v bash) ~/sudo; ~/sudo -c 'read -sp Password: x; echo $x | rev'"
        #expect(try await own.run(imitation, wait: .seconds(30)).state == .secret)
        do {
            _ = try await own.send(
                secret: user.password, into: ["sudo"], wait: .seconds(3), maxBytes: 1000)
            Issue.record("an imitation got the secret")
        } catch { #expect("\(error)".contains("imitation"), "\(error)") }
        _ = try await own.press("ctrl-c", wait: .seconds(20))
        // A name that looks like two lines, and a reader behind a real su.
        let others = [
            "cp $(command -v bash) ~/'sudo\\nx'; ~/'sudo\\nx' -c 'read -sp Password: x; echo $x'",
            "printf '\\n' | sudo -S -k -p '' true; sudo -k; sudo true | cat",
        ]
        for code in others {
            #expect(try await own.run(code, wait: .seconds(30)).state == .secret, "\(code)")
            await #expect(throws: Fault.self, "\(code)") {
                _ = try await own.send(
                    secret: user.password, into: ["sudo"], wait: .seconds(3), maxBytes: 1000)
            }
            _ = try await own.press("ctrl-c", wait: .seconds(20))
        }
    }
}
