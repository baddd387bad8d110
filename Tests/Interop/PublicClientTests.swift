// The main job through the public MCP clients: both clients, both eras, both transports, against a
// real relay, agent and sshd. Python does the job (python/job.py); what it reports is judged here.
import Foundation
import JSON
import Support
import Testing

/// One way to connect, and the revision it must end in.
struct Connection: Sendable, CustomTestStringConvertible {
    let client: String, mode: String, transport: String

    var version: String { mode == "auto" ? "2026-07-28" : "2025-11-25" }
    var testDescription: String { "\(client), \(mode), \(transport)" }

    static let all = ["mcp", "fastmcp"].flatMap { client in
        ["auto", "legacy"].flatMap { mode in
            ["http", "stdio"].map { Connection(client: client, mode: mode, transport: $0) }
        }
    }
}

@Suite(.needs(.pythonClients))
struct PublicClientTests {
    /// A relay, its agent `site` and an sshd that the agent's ssh_config calls `db1`.
    struct Place {
        let home: Installation, server: SSHServer, token: String
    }

    static let place = Task {
        let server = try await SSHServer.start(.init(shell: .bash))
        let home = try await Installation.start()
        let config = try server.directory.write(
            try server.configuration(alias: "db1"), to: "ssh_config")
        try await home.join(
            "site",
            settings: "SshConfig \(config)\nKnownHosts \(server.directory.file("known_hosts"))\n")
        try await home.startAgent("site", caller: try await home.caller())
        return Place(home: home, server: server, token: try await home.token("python"))
    }

    static let schemas: String? = {
        let path = "\(Repository.root)/../shared/data/mcp-schema"
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }()

    func report(_ connection: Connection) async throws -> JSON {
        let place = try await Self.place.value
        let python = try #require(Repository.python)
        let output = try await RunningProcess.run(
            python,
            [
                "\(Repository.root)/Tests/Interop/python/job.py", "--client", connection.client,
                "--mode", connection.mode, "--transport", connection.transport,
                "--url", place.home.url, "--token", place.token,
                "--program", Repository.program("homeline-relay"),
                "--data", place.home.data("relay"), "--agent", "site", "--site", "site/db1",
                "--schemas", Self.schemas ?? "",
            ], within: .seconds(150))
        return try JSON(parsing: output)
    }

    @Test(arguments: Connection.all)
    func `a public client does the main job`(connection: Connection) async throws {
        let report = try await report(connection)
        #expect(report["version"]?.stringValue == connection.version)
        #expect(report["problems"] == [])
        if Self.schemas != nil { #expect((report["checked"]?.intValue ?? 0) > 30) }
        func result(_ step: String) -> JSON? { report["steps"]?[step]?["result"] }
        let targets = result("targets")?["targets"]?.arrayValue ?? []
        #expect(targets.count == 2 && targets.allSatisfy { $0["reachable"] == true }, "\(targets)")
        for place in ["local", "site"] {
            let opened = try #require(report["steps"]?["\(place) open"])
            let log = try await Self.place.value.server.log.suffix(3000)
            #expect(opened["is_error"] == false, "\(opened) \(log)")
            #expect(result("\(place) cd")?["exit_code"] == 0)
            #expect(result("\(place) pwd")?["output"]?.stringValue?.trimmed == "/tmp")
            #expect(result("\(place) cd")?["cwd"] == "/tmp")
            #expect(result("\(place) false")?["exit_code"] == 1)
            #expect(result("\(place) false")?["state"] == "done")
            #expect(result("\(place) printf")?["output"] == "a\nb")
            #expect(result("\(place) get")?["output"]?.stringValue?.trimmed == "kept")
            #expect(result("\(place) wide")?["output"]?.stringValue?.trimmed == "é\t漢red")
            #expect(result("\(place) late")?["state"] == "running")
            #expect(
                report["steps"]?["\(place) read"]?["text"]?.stringValue?.contains("LATE") == true)
            let executed = result("\(place) execute")?["results"]?[0]
            #expect(executed?["stdout"] == "in")
            #expect(executed?["stderr"] == "err\n")
            #expect(executed?["exit_code"] == 4)
            #expect(result("\(place) content")?["content"] == "w6kK/w==")
            #expect(result("\(place) content")?["encoding"] == "base64")
            #expect(result("\(place) lines")?["matches"]?[0]?["text"] == "é")
            #expect(result("\(place) files")?["entries"]?[1]?["path"] == "deep/file")
            #expect(result("\(place) files")?["entries"]?[1]?["size"] == 4)
        }
        let stats = try #require(report["stats"])
        #expect(stats["listed"] == true)
        let agent = stats["text"]?["agents"]?[0]
        #expect(agent?["agent"] == "site")
        #expect(agent?["links"]?[0]?["target"] == "site/db1")
        #expect((agent?["links"]?[0]?["uses"]?.intValue ?? 0) >= 2)
        #expect((agent?["tunnel"]?["rtt_ms"]?.doubleValue ?? 0) > 0)
        let extras = try #require(report["extras"])
        #expect(extras["templates"]?.arrayValue?.count == 5)
        #expect(extras["file"] == "from a file\n")
        #expect(extras["missing"] == (connection.mode == "legacy" ? -32002 : -32602), "\(extras)")
        #expect(extras["prompts"]?.arrayValue?.contains("disk-full") == true)
        #expect(extras["messages"] == ["text", "resource"])
        #expect(extras["completed"]?.arrayValue?.contains("site/local") == true, "\(extras)")
        #expect(report["steps"]?["no agent"]?["is_error"] == true)
        #expect(report["steps"]?["no session"]?["is_error"] == true)
        #expect(report["steps"]?["no tool"]?["code"] == -32602)
    }
}

extension String {
    fileprivate var trimmed: String { trimmingCharacters(in: .whitespacesAndNewlines) }
}
