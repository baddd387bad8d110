// One-shot commands on a real sshd and on the agent's own machine.
import Foundation
import JSON
import Loop
import SSH
import Support
import Testing
import Wire

@testable import homeline_agent

/// The agent's parts around commands, for one sshd.
@IO final class CommandSetup {
    let links = Links()
    let commands: Commands
    let revoked = RevokedPrincipals()
    let directory: TemporaryDirectory
    private let targets: Targets
    var settings: TargetSettings {
        get { targets.settings }
        set { targets.settings = newValue }
    }

    init(_ server: SSHServer?) throws {
        directory = try TemporaryDirectory("commands")
        let config = try directory.write(
            try server?.configuration(alias: "box") ?? "", to: "config")
        let environment = [
            "PATH": "/usr/bin:/bin", "HOMELINE_SECRET": "canary", "SHELL": "/bin/sh",
        ]
        targets = Targets(
            settings: TargetSettings(sshConfig: config),
            place: Place(environment: environment, user: "me", home: directory.path))
        var count = 0
        commands = Commands(
            hosts: Hosts(targets: targets, links: links), revoked: revoked
        ) {
            count += 1
            return "site1.\(UUID().uuidString)\(count)"
        }
    }

    func run(
        _ command: String, on host: String = "box",
        _ change: (inout ExecuteCommand) -> Void = { _ in }
    ) async throws -> RunResult {
        var request = try ExecuteCommand(
            Fields(["target": .string("site/\(host)"), "command": .string(command)]))
        request.wait = .seconds(45)  // as long as a loaded machine may need
        change(&request)
        return try await commands.execute(
            request, caller: Caller(id: "ada", reach: Caller.everywhere))
    }

    func output(
        _ id: String, from offset: Int = 0, wait: Duration = .zero, errors: Int = 0,
        _ change: (inout ReadCommand) -> Void = { _ in }
    ) async throws -> RunResult {
        var request = try ReadCommand(Fields(["command_id": .string(id)]))
        (request.stdoutOffset, request.stderrOffset) = (offset, errors)
        change(&request)
        request.wait = wait
        return try await commands.output(request)
    }
}

/// Runs a test's body with commands on a server; `local` needs none.
func withCommands(
    _ host: String, _ settings: [String: String] = [:],
    _ body: @escaping @IO @Sendable (CommandSetup) async throws -> Void
) async throws {
    let server =
        host == "local"
        ? nil : try await SSHServer.start(SSHServer.Options(shell: .dash, settings: settings))
    let result = await IO.task { () async -> Result<Void, any Error> in
        do {
            let setup = try CommandSetup(server)
            defer { setup.links.shutDown() }
            try await body(setup)
            return .success(())
        } catch {
            return .failure(error)
        }
    }.value
    try result.get()
}

@Suite(.timeLimit(.minutes(2))) struct CommandsTests {
    @Test(arguments: ["box", "local"])
    func `both outputs and the exit code are told apart`(host: String) async throws {
        try await withCommands(host) { setup in
            let result = try await setup.run("echo out; echo err >&2; exit 3", on: host)
            #expect(result.state == .done && result.exitCode == 3 && result.signal == nil)
            #expect(result.stdout.text == "out\n" && result.stderr.text == "err\n")
            #expect(result.commandID.hasPrefix("site1."))
            #expect(result.target == "site/\(host)")
        }
    }

    @Test func `no exit code is shown that the host did not send`() async throws {
        try await withCommands("box", ["ChannelTimeout": "session:*=1s"]) { setup in
            let silent = try await setup.run("echo start; sleep 61; exit 7")
            #expect(silent.state == .endedWithoutStatus && silent.exitCode == nil, "\(silent)")
            #expect(silent.stdout.text == "start\n" && silent.signal == nil)
            #expect(silent.note?.contains("sent no exit status") == true)
            #expect(silent.json["exit_code"] == nil)
            let listed = setup.commands.list(for: Caller(id: "ada", reach: Caller.everywhere))
            #expect(listed.map(\.info.exitCode) == [nil])
            let quick = try await setup.run("exit 0")
            #expect(quick.state == .done && quick.exitCode == 0)
        }
    }

    @Test(arguments: ["box", "local"])
    func `input, variables and folder arrive`(host: String) async throws {
        try await withCommands(host) { setup in
            let result = try await setup.run("pwd; cat; printf '%s|' \"$A\" \"$B\"", on: host) {
                $0.input = "fed\n"
                $0.environment = [("A", "it's \"$HOME\" `id` \\ 1\n2"), ("B", "")]
                $0.directory = "/usr/../tmp"
            }
            #expect(result.stdout.text == "/tmp\nfed\nit's \"$HOME\" `id` \\ 1\n2||")
            let own = try await setup.run("echo homeline:x:missing >&2; exit 125", on: host) {
                $0.directory = "~"
            }
            #expect(own.state == .done && own.exitCode == 125, "\(own)")
        }
    }

    @Test(arguments: ["box", "local"])
    func `a terminal is there when asked for`(host: String) async throws {
        try await withCommands(host) { setup in
            let with = try await setup.run("tty; stty size", on: host) { $0.hasTerminal = true }
            #expect(with.stdout.text.contains("/dev/pts/") && with.stdout.text.contains("50 200"))
            let without = try await setup.run("tty", on: host)
            #expect(without.exitCode == 1)
            let fed = try await setup.run("cat", on: host) {
                $0.hasTerminal = true
                $0.input = "typed\n"
            }
            #expect(fed.state == .done && fed.stdout.text.hasSuffix("typed\n"))
        }
    }

    @Test(arguments: ["box", "local"], [false, true])
    func `at the timeout all of the command ends`(host: String, terminal: Bool) async throws {
        try await withCommands(host) { setup in
            let file = setup.directory.file("pids")
            // One that ignores TERM, one that has left the session, one that the shell waits for.
            let command = """
                sh -c 'trap "" TERM HUP; echo $$ >>\(file); while :; do sleep 0.2; done' & \
                setsid sh -c 'echo $$ >>\(file); exec sleep 64' >/dev/null 2>&1 & \
                echo $$ >>\(file); echo started; sleep 65
                """
            let result = try await setup.run(command, on: host) {
                $0.hasTerminal = terminal
                $0.timeout = .seconds(4)
                $0.wait = .seconds(30)
            }
            #expect(result.state == .timedOut)
            #expect(result.stdout.text.contains("started"))
            #expect(result.durationMS < 25_000)
            let text = try String(contentsOfFile: file, encoding: .utf8)
            let pids = text.split(separator: "\n").compactMap { Int32($0) }
            #expect(pids.count == 3)
            #expect(await holds(within: .seconds(20)) { pids.allSatisfy { kill($0, 0) != 0 } })
            for pid in pids { kill(pid, SIGKILL) }
        }
    }

    @Test(arguments: ["box", "local"])
    func `a background command is read by offset, listed and cancelled`(host: String) async throws {
        try await withCommands(host) { setup in
            let gate = NSTemporaryDirectory() + "homeline-gate-" + UUID().uuidString
            defer { try? FileManager.default.removeItem(atPath: gate) }
            let waiting = "until [ -e \(gate) ]; do sleep 0.05; done"
            let result = try await setup.run("echo one; \(waiting); echo two; sleep 66", on: host) {
                $0.isBackground = true
            }
            #expect(result.state == .running && result.exitCode == nil)
            let id = result.commandID
            let first = try await setup.output(id, wait: .seconds(10))
            #expect(first.stdout.text == "one\n" && first.stdout.nextOffset == 4)
            #expect(FileManager.default.createFile(atPath: gate, contents: nil))
            let second = try await setup.output(id, from: 4, wait: .seconds(10))
            #expect(second.stdout.text == "two\n" && second.state == .running)
            let mine = setup.commands.list(
                for: Caller(id: "ada", reach: Caller.everywhere)
            ).map(\.info)
            #expect(mine.map(\.commandID) == [id])
            let others = setup.commands.list(
                for: Caller(id: "bob", reach: Caller.everywhere)
            ).map(\.info)
            #expect(others.isEmpty)
            let cancel = try CancelCommand(Fields(["command_id": .string(id)]))
            let start = IO.now
            let over = try await setup.commands.cancel(cancel, maxBytes: 1000)
            #expect(over.state == .cancelled && over.stdout.text == "one\ntwo\n")
            #expect(IO.now - start < .seconds(30))
            #expect(setup.commands.runningCount == 0)
        }
    }

    @Test(arguments: ["box", "local"])
    func `large output is cut in the middle and counted`(host: String) async throws {
        try await withCommands(host) { setup in
            let result = try await setup.run("seq 1 500000", on: host) { $0.maxBytes = 2000 }
            #expect(result.state == .done)
            #expect(
                result.stdout.text.hasPrefix("1\n2\n") && result.stdout.text.hasSuffix("500000\n"))
            let kept = result.stdout.nextOffset - result.stdout.omittedBytes
            #expect(result.stdout.nextOffset == 3_388_895 && kept <= 2000)
        }
    }

    @Test func `a lost link is told, with the output so far`() async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        try await IO.task { () async -> Result<Void, Fault> in
            await outcome {
                let setup = try CommandSetup(server)
                let result = try await setup.run("echo before; sleep 67") { $0.isBackground = true }
                let first = try await setup.output(result.commandID, wait: .seconds(10))
                #expect(first.stdout.text == "before\n")
                server.cutConnections()
                let over = try await setup.output(result.commandID, from: 7, wait: .seconds(10))
                #expect(over.state == .linkLost)
                #expect(over.note?.hasPrefix("the SSH connection is lost: ") == true)
                setup.links.shutDown()
            }
        }.value.get()
    }

    @Test(arguments: Shell.allCases.filter { $0.command != nil })
    func `every login shell runs the command with its mark, and says nothing of it`(
        shell: Shell
    ) async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: shell))
        let result = await IO.task { () async -> Result<[RunResult], any Error> in
            do {
                let setup = try CommandSetup(server)
                defer { setup.links.shutDown() }
                let first = try await setup.run("env | grep ^HOMELINE_COMMAND; cd /usr; pwd")
                do {
                    return .success([first, try await setup.run("echo \"a$\"")])
                } catch let fault as Fault {
                    // fish cannot parse it.
                    #expect(shell == .fish && !fault.message.contains("HOMELINE"), "\(fault)")
                    return .success([first])
                }
            } catch {
                return .failure(error)
            }
        }.value
        let results = try result.get()
        #expect(
            results[0].stdout.text.hasPrefix("HOMELINE_COMMAND=\(results[0].commandID)-")
                && results[0].stdout.text.hasSuffix("\n/usr\n"),
            "\(results[0])")
        #expect(results[0].exitCode == 0 && results[0].stderr.text.isEmpty, "\(results[0])")
        #expect(!results.dropFirst().contains { $0.stderr.text.contains("HOMELINE") })
    }

    /// A start file may have `set -u` and `set -e`.
    @Test(arguments: Shell.allCases.filter { $0.command != nil && $0 != .fish && $0 != .tcsh })
    func `the mark is set where an unset variable is an error`(shell: Shell) async throws {
        let text = CommandText(command: "printenv HOMELINE_COMMAND").wrapped(
            mark: "site1.x", isMarked: true)
        let words = try #require(shell.command).split(separator: " ").map(String.init)
        let arguments = words.dropFirst() + ["-e", "-u", "-c", text]
        #expect(try await RunningProcess.run(words[0], Array(arguments)) == "site1.x\n")
    }

    /// A forced command that is not a shell.
    @Test(.needs("sshd")) func `an account without a shell gets the command as it is`() async throws
    {
        let folder = try TemporaryDirectory("forced")
        let script = try folder.write(
            """
            case $SSH_ORIGINAL_COMMAND in
            backup) echo ran; exit 5 ;;
            *) echo "denied: $SSH_ORIGINAL_COMMAND" >&2; exit 3 ;;
            esac

            """, to: "forced")
        let options = SSHServer.Options(settings: ["ForceCommand": "/bin/sh \(script)"])
        let server = try await SSHServer.start(options)
        let result = await IO.task { () async -> Result<Void, any Error> in
            do {
                let setup = try CommandSetup(server)
                defer { setup.links.shutDown() }
                let refused = try await setup.run("backup")
                #expect(refused.exitCode == 3)
                #expect(refused.note?.contains(#""shell": "none""#) == true, "\(refused)")
                let ran = try await setup.run("backup") { $0.shell = .none }
                #expect(ran.exitCode == 5 && ran.stdout.text == "ran\n", "\(ran)")
                #expect(ran.note == nil)
                let other = try await setup.run("other") { $0.shell = .none }
                #expect(other.exitCode == 3 && other.stderr.text == "denied: other\n", "\(other)")
                #expect(other.note == nil)
                setup.settings.blocks = [TargetBlock(patterns: ["box"], hasShell: false)]
                #expect(try await setup.run("backup").exitCode == 5)
                await #expect(throws: Fault.self) {
                    try await setup.run("backup") { $0.directory = "/" }
                }
                return .success(())
            } catch {
                return .failure(error)
            }
        }.value
        try result.get()
    }

    @Test(.needs("sshd"), .needs("git-shell"), .needs("git"))
    func `git-shell serves a repository`() async throws {
        let folder = try TemporaryDirectory("git")
        try await RunningProcess.run(
            try #require(Repository.find("git")), ["init", "-q", "--bare", folder.file("r.git")])
        let shell = try #require(Repository.find("git-shell"))
        let options = SSHServer.Options(
            settings: ["ForceCommand": "\(shell) -c \"$SSH_ORIGINAL_COMMAND\""])
        let server = try await SSHServer.start(options)
        let command = "git-upload-pack '\(folder.file("r.git"))'"
        let result = await IO.task { () async -> Result<[RunResult], any Error> in
            do {
                let setup = try CommandSetup(server)
                defer { setup.links.shutDown() }
                return .success([
                    try await setup.run(command) { $0.input = "0000" },
                    try await setup.run(command) {
                        $0.input = "0000"
                        $0.shell = .none
                    },
                ])
            } catch {
                return .failure(error)
            }
        }.value
        let results = try result.get()
        #expect(results[0].note?.contains(#""shell": "none""#) == true, "\(results[0])")
        #expect(results[1].exitCode == 0, "\(results[1])")
        #expect(results[1].stdout.text == "0000" && results[1].note == nil, "\(results[1])")
    }

    @Test func `the agent's own settings are not in a local command's environment`() async throws {
        try await withCommands("local") { setup in
            let result = try await setup.run("env", on: "local")
            #expect(!result.stdout.text.contains("canary"))
            #expect(result.stdout.text.contains("HOMELINE_COMMAND=site1."))
        }
    }

    @Test func `hundreds at once stay apart`() async throws {
        try await withCommands("box", ["MaxSessions": "10"]) { setup in
            let tasks = (0..<60).map { index in
                IO.task { () -> String in
                    do {
                        let result = try await setup.run("sleep 0.0\(index % 10); echo \(index)")
                        return result.stdout.text
                    } catch {
                        return "\(error)"
                    }
                }
            }
            // Half of them waited for their turn.
            for (index, task) in tasks.enumerated() {
                let text = await task.value
                #expect(text == "\(index)\n")
            }
        }
    }
}
