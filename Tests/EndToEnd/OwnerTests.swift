// A token that is revoked, with real programs: what it left at the agents is ended, and a token
// made again under its name is another owner.
import Foundation
import JSON
import Support
import Testing

@Suite struct OwnerTests {
    @Test func `a token made again under its name inherits nothing`() async throws {
        let home = try await Installation.start()
        try await home.join("site")
        let admin = try await home.caller()
        try await home.startAgent("site", caller: admin)
        let scopes = "sessions:exec,sessions:read,fleet:read"
        let first = try MCPCaller(
            url: home.url, token: try await home.token("laptop", scopes: scopes))
        let session = try await first.structured("ssh_session_open", ["target": "site/local"])
        let sessionID = try #require(session["session_id"])
        let run = try await first.structured(
            "ssh_execute",
            ["target": "site/local", "command": "sleep 600", "background": true])
        let commandID = try #require(run["results"]?[0]?["command_id"])

        // An admin, but for other hosts.
        let narrow = try MCPCaller(
            url: home.url, token: try await home.token("narrow", pattern: "site/db*"))
        try await refuses(narrow, sessionID, commandID)
        // An admin who may use the host sees both, by the name of the one who opened them.
        let sessions = try await admin.structured("ssh_session_list")
        #expect(sessions["sessions"]?[0]?["session_id"] == sessionID)
        #expect(sessions["sessions"]?[0]?["owner"] == "laptop")

        let revoked = try await home.relay("tokens", "revoke", "laptop", "--json")
        #expect(revoked["sessions"] == 1 && revoked["commands"] == 1 && revoked["pending"] == [])
        let again = try MCPCaller(
            url: home.url, token: try await home.token("laptop", scopes: scopes))
        try await refuses(again, sessionID, commandID)
        #expect(try await admin.structured("ssh_session_list")["sessions"] == [])
        #expect(await ends(commandID, admin))
        await home.stop()
    }

    @Test func `what a revoked token left at an agent that was offline ends when it connects`()
        async throws
    {
        let home = try await Installation.start()
        try await home.join("site")
        let admin = try await home.caller()
        try await home.startAgent("site", caller: admin)
        let scopes = "sessions:exec,sessions:read,fleet:read"
        let (first, other) = (
            try MCPCaller(url: home.url, token: try await home.token("first", scopes: scopes)),
            try MCPCaller(url: home.url, token: try await home.token("other", scopes: scopes))
        )
        _ = try await first.structured("ssh_session_open", ["target": "site/local"])
        let kept = try await other.structured("ssh_session_open", ["target": "site/local"])
        let run = try await first.structured(
            "ssh_execute",
            ["target": "site/local", "command": "sleep 600", "background": true])
        let commandID = try #require(run["results"]?[0]?["command_id"])
        let agent = try #require(home.process("site"))
        // A relay that is not running revokes the token; the agent keeps its sessions meanwhile.
        _ = await home.process("relay")?.stop()
        let revoked = try await home.relay("tokens", "revoke", "first", "--json")
        #expect(revoked["sessions"] == nil)
        try await home.startRelay()
        #expect(await home.online("site", caller: admin))
        #expect(agent.end == nil)
        #expect(
            await holds {
                let sessions = try? await admin.structured("ssh_session_list")["sessions"]
                return sessions?.arrayValue?.map { $0["session_id"] } == [kept["session_id"]]
            })
        #expect(await ends(commandID, admin))
        await home.stop()
    }

    private func ends(_ commandID: JSON, _ admin: MCPCaller) async -> Bool {
        await holds {
            let list = try? await admin.structured("ssh_command_list")
            return list?["commands"]?.arrayValue?.contains {
                $0["command_id"] == commandID && $0["state"] == "cancelled"
            } == true
        }
    }

    /// Checks that a session and a command do not exist for a caller.
    private func refuses(
        _ caller: MCPCaller, _ sessionID: JSON, _ commandID: JSON
    ) async throws {
        for (tool, arguments, unknown) in [
            ("ssh_session_command", ["session_id": sessionID, "command": "id"], "session"),
            ("ssh_session_send", ["session_id": sessionID, "text": "id"], "session"),
            ("ssh_session_read", ["session_id": sessionID], "session"),
            ("ssh_session_update", ["session_id": sessionID, "name": "x"], "session"),
            ("ssh_session_close", ["session_id": sessionID], "session"),
            ("ssh_session_open", ["reopen": sessionID], "session"),
            ("ssh_command_output", ["command_id": commandID], "command"),
            ("ssh_command_cancel", ["command_id": commandID], "command"),
        ] as [(String, JSON, String)] {
            let result = try await caller.call(tool, arguments)
            #expect(result["isError"] == true, "\(tool): \(result)")
            #expect(result.text.contains("no \(unknown)"), "\(tool): \(result.text)")
        }
        let sessions = try await caller.structured("ssh_session_list")
        #expect(sessions["sessions"] == [])
        let commands = try await caller.structured("ssh_command_list")
        #expect(commands["commands"] == [])
        let closed = try await caller.structured("ssh_session_close", ["all": true])
        #expect(closed["closed"] == [])
    }
}
