// A token that is revoked and made again under its name, with real programs: another owner, whose
// pattern counts at every use of a session or command.
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

        _ = try await home.relay("tokens", "revoke", "laptop", "--json")
        let again = try MCPCaller(
            url: home.url, token: try await home.token("laptop", scopes: scopes))
        // An admin, but for other hosts.
        let narrow = try MCPCaller(
            url: home.url, token: try await home.token("narrow", pattern: "site/db*"))
        for caller in [again, narrow] {
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
        // An admin who may use the host sees both, by the name of the one who opened them.
        let sessions = try await admin.structured("ssh_session_list")
        #expect(sessions["sessions"]?[0]?["session_id"] == sessionID)
        #expect(sessions["sessions"]?[0]?["owner"] == "laptop")
        let ended = try await admin.structured("ssh_command_cancel", ["command_id": commandID])
        #expect(ended["state"] == "cancelled")
        await home.stop()
    }
}
