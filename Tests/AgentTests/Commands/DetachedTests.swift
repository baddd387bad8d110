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
        _ body: @escaping @IO @Sendable (SSHServer, TemporaryDirectory) async throws -> Void
    ) async throws {
        let home = try TemporaryDirectory("home")
        var options = SSHServer.Options(shell: .dash)
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
            let folder = home.file(".homeline/jobs/\(id)")
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

    @Test func `a record is read as it was written, and holds no password`() throws {
        let request = try ExecuteCommand(
            Fields([
                "target": "site/op@db:2200", "command": "x", "detached": true, "via": ["gate"],
                "password": "canary", "username": "op", "port": 2200,
            ]))
        let host = TargetName(
            host: "db", user: "op", port: 2200, via: [try TargetName(place: "gate")])
        let owner = Owner(Caller(id: "p1", label: "ada", reach: []), at: host)
        let order = CommandRun.Order(preview: "x", directory: "/srv", hasTerminal: false)
        let record = DetachedRecord("a.b", request, owner, order)
        let bytes = record.json.encoded()
        #expect(!String(decoding: bytes, as: UTF8.self).contains("canary"))
        let read = try #require(DetachedRecord(JSON(parsing: bytes)))
        #expect(read.id == "a.b" && read.owner == owner && read.order.directory == "/srv")
        #expect(read.started == record.started && read.access == record.access)
        #expect(DetachedRecord(["id": "x"]) == nil)
    }
}
