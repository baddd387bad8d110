// Commands that outlive the connection and the agent: found again by their ids, with their output
// by offset, their end, and their way to it.
import Foundation
import JSON
import Loop
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite(.timeLimit(.minutes(2))) struct DetachedTests {
    /// Runs a body with a server whose sessions have a home of their own.
    private func withServer(
        settings: (TemporaryDirectory) -> [String: String] = { _ in [:] },
        _ body: @escaping @IO @Sendable (SSHServer, TemporaryDirectory) async throws -> Void
    ) async throws {
        let home = try TemporaryDirectory("home")
        var options = SSHServer.Options(shell: .dash, settings: settings(home))
        options.home = home.path
        let server = try await SSHServer.start(options)
        let result = await IO.task { () async -> Result<Void, any Error> in
            do {
                try await body(server, home)
                return .success(())
            } catch {
                return .failure(error)
            }
        }.value
        try result.get()
    }

    @Test func `its output and end outlive the connection and the agent`() async throws {
        try await withServer { server, home in
            let records = home.file("records")
            let gate = home.file("gate")
            let setup = try CommandSetup(server)
            try setup.commands.restore(from: records)
            let begun = try await setup.run(
                "cat; echo err >&2; until [ -e \(gate) ]; do sleep 0.05; done; pwd; echo $A; exit 7"
            ) {
                ($0.isDetached, $0.input, $0.wait) = (true, "in\n", .zero)
                $0.environment = [("A", "it's")]
                $0.timeout = nil
            }
            #expect(begun.state == .running && begun.isDetached, "\(begun)")
            let id = begun.commandID
            let first = try await setup.output(id, wait: .seconds(20))
            #expect(first.stdout.text == "in\n", "\(first)")
            server.cutLinks()
            let run = try setup.commands.find(id)
            #expect(await holds { !run.isAttached })
            let again = try await setup.output(id, from: 3, wait: .milliseconds(300))
            #expect(again.state == .running && again.stdout.text.isEmpty, "\(again)")
            // Another process of the agent.
            await setup.commands.shutDown(saying: "the agent was stopped")
            setup.links.shutDown()
            let other = try CommandSetup(server)
            defer { other.links.shutDown() }
            try other.commands.restore(from: records)
            #expect(other.commands.owner(of: id)?.id == "ada")
            #expect(FileManager.default.createFile(atPath: gate, contents: nil))
            let over = try await other.output(id, wait: .seconds(20)) {
                ($0.goal, $0.stdoutOffset, $0.stderrOffset) = (.end, nil, nil)
            }
            #expect(over.state == .done && over.exitCode == 7, "\(over)")
            #expect(over.stdout.text == "in\n\(home.path)\nit's\n", "\(over)")
            #expect(over.stderr.text == "err\n" && over.isDetached)
            let jobs = try FileManager.default.contentsOfDirectory(
                atPath: home.file(".homeline/jobs"))
            let folder = home.file(
                ".homeline/jobs/" + (try #require(jobs.first { $0.hasPrefix(id + "-") })))
            let mode = try FileManager.default.attributesOfItem(atPath: folder)[.posixPermissions]
            #expect((mode as? Int) == 0o700)
        }
    }

    @Test func `it is cancelled with all it started, and a missing end is called so`() async throws
    {
        try await withServer { server, home in
            let setup = try CommandSetup(server)
            defer { setup.links.shutDown() }
            try setup.commands.restore(from: home.file("records"))
            func start(_ command: String) async throws -> RunResult {
                try await setup.run(command) {
                    ($0.isDetached, $0.wait, $0.timeout) = (true, .zero, nil)
                }
            }
            let file = home.file("pids")
            let begun = try await start(
                "(sh -c 'echo $$ >>\(file); exec sleep 81' &); echo $$ >>\(file); sleep 82")
            func processes() -> [Int32] {
                let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
                return text.split(separator: "\n").compactMap { Int32($0) }
            }
            #expect(await holds { processes().count == 2 })
            server.cutLinks()
            let over = try await setup.commands.cancel(
                CancelCommand(Fields(["command_id": .string(begun.commandID)])), maxBytes: 1000)
            #expect(over.state == .cancelled && over.exitCode == nil, "\(over)")
            #expect(!processes().contains(where: CancelTests.runs))

            let killed = try await start("echo $PPID $$; exec sleep 83")
            let first = try await setup.output(killed.commandID, wait: .seconds(20))
            let both = first.stdout.text.split(whereSeparator: \.isWhitespace)
                .compactMap { Int32($0) }
            #expect(both.count == 2 && both.allSatisfy { $0 > 1 })
            for process in both { kill(process, SIGKILL) }
            let lost = try await setup.output(killed.commandID, wait: .seconds(20)) {
                $0.goal = .end
            }
            #expect(lost.state == .endedWithoutStatus && lost.exitCode == nil, "\(lost)")

            let missing = await #expect(throws: Fault.self) {
                try await setup.run("echo never") {
                    ($0.isDetached, $0.timeout, $0.directory) = (true, nil, "/no/such")
                }
            }
            #expect(missing?.code == .fileNotFound)
        }
    }

    @Test(arguments: [false, true])
    func `a start whose connection is lost is found, or is said not to have been`(
        isStarted: Bool
    ) async throws {
        // The first command of all waits, before its start or after it.
        func gate(_ home: TemporaryDirectory) -> [String: String] {
            let wait =
                "touch \(home.file("waits")); until [ -e \(home.file("gate")) ]; do sleep 0.05; done"
            let run = #"sh -c "$SSH_ORIGINAL_COMMAND""#
            let first = isStarted ? "\(run); \(wait)" : wait
            return [
                "ForceCommand":
                    "if mkdir \(home.file("first")); then \(first); else exec \(run); fi"
            ]
        }
        try await withServer(settings: gate) { server, home in
            let setup = try CommandSetup(server)
            defer { setup.links.shutDown() }
            defer { _ = FileManager.default.createFile(atPath: home.file("gate"), contents: nil) }
            try setup.commands.restore(from: home.file("records"))
            let start = IO.task { () async -> Result<RunResult, any Error> in
                do {
                    return .success(
                        try await setup.run(
                            "until [ -e \(home.file("gate")) ]; do sleep 0.05; done"
                        ) {
                            ($0.isDetached, $0.wait, $0.timeout) = (
                                true, isStarted ? .zero : .seconds(20), nil
                            )
                        })
                } catch { return .failure(error) }
            }
            #expect(await holds { FileManager.default.fileExists(atPath: home.file("waits")) })
            server.cutLinks()
            switch await start.value {
            case .success(let begun):
                #expect(isStarted && begun.state == .running, "\(begun)")
                let over = try await setup.commands.cancel(
                    CancelCommand(Fields(["command_id": .string(begun.commandID)])), maxBytes: 9)
                #expect(over.state == .cancelled && over.note == nil, "\(over)")
            case .failure(let error):
                #expect(!isStarted && (error as? Fault)?.code == .linkLost, "\(error)")
            }
            #expect(setup.commands.places.taken == 0)
        }
    }

    @Test func `what was started for a revoked token is ended`() async throws {
        try await withServer { server, home in
            let setup = try CommandSetup(server)
            defer { setup.links.shutDown() }
            setup.revoked.add("ada")
            let file = home.file("pid")
            await #expect(throws: Fault.self) {
                try await setup.run("echo $$ >\(file); exec sleep 84") {
                    ($0.isDetached, $0.timeout) = (true, nil)
                }
            }
            #expect(await holds { setup.commands.runningCount == 0 })
            let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
            #expect(Int32(text.dropLast()).map(CancelTests.runs) != true)
        }
    }

    @Test func `one out of reach counts as running, and KILL gives it up`() async throws {
        try await withServer { server, home in
            let setup = try CommandSetup(server)
            defer { setup.links.shutDown() }
            let records = home.file("records")
            try setup.commands.restore(from: records)
            let begun = try await setup.run("echo $$; exec sleep 85") {
                ($0.isDetached, $0.wait, $0.timeout) = (true, .zero, nil)
            }
            let first = try await setup.output(begun.commandID, wait: .seconds(20))
            let process = try #require(Int32(first.stdout.text.dropLast()))
            defer { kill(process, SIGKILL) }
            server.cutLinks()
            server.stop()
            let run = try setup.commands.find(begun.commandID)
            #expect(await holds { !run.isAttached })
            #expect(run.state == .linkLost && !run.state.isOver(isDetached: true))
            func cancel(_ signal: String) async throws -> RunResult {
                try await setup.commands.cancel(
                    CancelCommand(
                        Fields([
                            "command_id": .string(begun.commandID), "signal": .string(signal),
                        ])), maxBytes: 1000)
            }
            let refused = await #expect(throws: Fault.self) { try await cancel("TERM") }
            #expect(refused?.code == .linkLost && refused?.message.contains("KILL") == true)
            let over = try await cancel("KILL")
            #expect(over.state == .cancelled && over.exitCode == nil, "\(over)")
            #expect(over.note?.hasPrefix("its end is not confirmed") == true, "\(over)")
            #expect(setup.commands.places.taken == 0)
            #expect(try FileManager.default.contentsOfDirectory(atPath: records).isEmpty)
        }
    }

    @Test func `a record is read as it was written, and holds no password`() throws {
        let fields: JSON.Object = [
            "target": "site/op@db:2200", "command": "x", "detached": true, "via": ["gate"],
            "username": "op", "port": 2200,
        ]
        var request = try ExecuteCommand(Fields(object: fields))
        request.access.password = "canary"
        let host = TargetName(
            host: "db", user: "op", port: 2200, via: [try TargetName(place: "gate")])
        let owner = Owner(Caller(id: "p1", label: "ada", reach: []), at: host)
        let order = CommandRun.Order(
            preview: "x", directory: "/srv", hasTerminal: false, mark: "a.b-c")
        let record = DetachedRecord("a.b", request, owner, order)
        let bytes = record.json.encoded()
        #expect(!String(decoding: bytes, as: UTF8.self).contains("canary"))
        let read = try #require(DetachedRecord(JSON(parsing: bytes)))
        #expect(
            read.id == "a.b" && read.order.mark == "a.b-c" && read.owner == owner
                && read.order.directory == "/srv")
        #expect(read.started == record.started && read.access == record.access)
        #expect(DetachedRecord(["id": "x"]) == nil)
    }
}
