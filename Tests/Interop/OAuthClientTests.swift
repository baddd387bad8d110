// OAuth with the public MCP clients' own code, by registration and by metadata document; a person
// allows it in a real browser. python/oauth.py goes the whole way; what it reports is judged here.
import Foundation
import JSON
import Support
import Testing

@Suite(.needs(.browser, .pythonClients, .network), .timeLimit(.minutes(6))) struct OAuthClientTests
{
    @Test func `public clients log in, step up and refresh by their own code`() async throws {
        let folder = try TemporaryDirectory("oauth")
        let python = try #require(Repository.python)
        let output = try await RunningProcess.run(
            "/usr/bin/env",
            [
                "unshare", "--net", "--mount", python,
                "\(Repository.root)/Tests/Interop/python/oauth.py", "--program",
                Repository.program("homeline-relay"), "--folder", folder.path,
            ], within: .seconds(300))
        let facts = try JSON(parsing: output)
        #expect(facts["troubles"] == nil, "\(facts["troubles"] ?? .null)")
        let asked = ["fleet:read", "sessions:read"]
        for client in ["mcp", "fastmcp"] {
            for way in ["registered", "documented"] {
                let told = try #require(facts["\(client), \(way)"])
                #expect(told["failed"] == nil, "\(told["failed"]?.stringValue ?? "")")
                #expect(told["agents"]?["agents"] == [])
                #expect(told["scope"]?.stringValue == asked.joined(separator: " "))
                let tools = told["tools"]?.arrayValue?.compactMap(\.stringValue) ?? []
                #expect(tools.contains("agent_list") && !tools.contains("ssh_execute"))
                let id = told["client"]?.stringValue ?? ""
                #expect(
                    way == "registered"
                        ? id.hasPrefix("hlc_") : id == "https://client.example/oauth/client.json")
                guard client == "mcp" else { continue }
                #expect(told["version"] == "2026-07-28")
                #expect(told["refreshed"] == true)
                #expect(told["stepped up"] == "fleet:read sessions:read sessions:exec")
                #expect(told["executed"]?.stringValue?.contains("no agent") == true)
            }
        }
        // Six consents: four logins, and two steps up.
        let seen = facts["seen"]?.arrayValue ?? []
        #expect(seen.count == 6)
        #expect(seen.allSatisfy { $0["at"] == "/oauth/authorize" })
        #expect(seen.allSatisfy { $0["back"] == ["code", "iss", "state"] })
        #expect(seen.first?["asked"] == ["fleet:read", "sessions:read"])
        #expect(seen.contains { $0["asked"] == ["fleet:read", "sessions:read", "sessions:exec"] })
        let words = seen.compactMap { $0["facts"]?.stringValue }
        #expect(words.contains { $0.contains("Unverified") && $0.contains("mcp test") })
        #expect(words.contains { $0.contains("client.example") })
        // One document, once.
        #expect(facts["fetched"] == ["/oauth/client.json"])
        #expect(
            facts["inner document"]?.stringValue?.contains("not on the public Internet") == true)
        #expect(facts["me"]?.stringValue?.contains("Documented client") == true)
        #expect(facts["clients"]?["grants"]?.arrayValue?.count == 6)
        #expect(facts["left"] == [])
        // What is open ends with its grant, and says how to get in again.
        let stream = facts["stream"]
        #expect(stream?["opened"] == true, "\(stream ?? .null)")
        #expect((stream?["took"]?.doubleValue ?? 99) < 5)
        #expect(stream?["again"]?[0] == 401)
        let challenge = stream?["again"]?[1]?.stringValue ?? ""
        #expect(challenge.contains("error=\"invalid_token\""))
        #expect(
            challenge.contains(
                "resource_metadata=\"http://localhost:8642/.well-known/oauth-protected-resource/mcp\""
            ))
        let log = facts["log"]?.stringValue ?? ""
        #expect(log.contains("anna lets Documented client"))
        for secret in ["hla_", "hlr_", "code="] { #expect(!log.contains(secret)) }
    }
}
