// People at the relay's pages, in a real browser with a virtual authenticator. python/people.py
// goes the whole way; what it reports is judged here.
import Foundation
import JSON
import Support
import Testing

@Suite(.needs(.browser)) struct PeopleTests {
    /// What a script of Tests/EndToEnd/python reports, and the relay's log.
    static func report(
        _ script: String, _ home: Installation, _ more: [String] = []
    ) async throws -> JSON {
        let python = try #require(Repository.python)
        // Passkeys are bound to names.
        let url = home.url.replacing("127.0.0.1", with: "localhost").dropLast("/mcp".count)
        let output = try await RunningProcess.run(
            python,
            [
                "\(Repository.root)/Tests/EndToEnd/python/\(script)", "--url", String(url),
                "--program", Repository.program("homeline-relay"), "--data", home.data("relay"),
            ] + more, within: .seconds(240))
        return try JSON(parsing: output)
    }

    @Test(.timeLimit(.minutes(5)))
    func `a person comes in by a link, goes, comes again, and strangers do not`() async throws {
        let home = try await Installation.start()
        let facts = try await Self.report("people.py", home)
        let link = try #require(facts["link"]?.stringValue)
        #expect(link.hasPrefix("http://localhost:") && link.contains("/welcome#"))
        #expect(facts["secret shown"] == false)
        #expect(facts["me"] == "anna" && facts["logged in"] == "anna")
        #expect(facts["used link"]?.stringValue?.hasPrefix("This link does not work") == true)
        #expect(facts["wrong link"] == facts["used link"])
        #expect(facts["sent to log in"] == "/login")
        #expect(facts["replay"] == 403)
        #expect(facts["passkeys"] == 2 && facts["passkeys left"] == 1)
        #expect(facts["can remove the last"] == false && facts["sessions"] == 1)

        #expect(facts["another origin's form"] == "Not done")
        #expect(facts["another site's form"] == "Not done")
        #expect(facts["wrong token"] == 403)
        #expect(facts["still logged in"] == true && facts["framed"] == false)
        let headers = facts["headers"]
        let policy = headers?["content-security-policy"]?.stringValue ?? ""
        #expect(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"))
        #expect(!policy.contains("unsafe"))
        #expect(headers?["x-frame-options"] == "DENY" && headers?["cache-control"] == "no-store")
        #expect(facts["cookie seen by scripts"] == "")
        let cookie: JSON = [
            "name": "homeline", "httpOnly": true, "sameSite": "Lax", "secure": false,
        ]
        #expect(facts["cookie"] == cookie)

        let refusal = "This passkey does not open this relay"
        #expect(facts["unverified"]?.stringValue?.hasPrefix(refusal) == true)
        #expect(facts["handle sent"] == true && facts["another's handle"] == facts["unverified"])
        #expect(facts["after log-out"] == "/login" && facts["after revoke"] == "/login")
        #expect(facts["revoked login"] == facts["unverified"])
        #expect(facts["revoked"]?["revoked"] == "anna")
        // The refused frame is the only thing that a browser complains of.
        let errors = facts["errors"]?.arrayValue?.compactMap(\.stringValue) ?? []
        #expect(errors.allSatisfy { $0.hasPrefix("Framing ") }, "\(errors)")

        // Neither a link nor a cookie is kept anywhere, nor logged.
        let relay = try #require(home.process("relay"))
        #expect(relay.errors.contains("has not checked who you are"))
        #expect(relay.errors.contains("its user handle is not that of the passkey's person"))
        let secrets = facts["secrets"]?.arrayValue?.compactMap(\.stringValue) ?? []
        #expect(secrets.count == 2)
        let folder = home.data("relay")
        for secret in secrets {
            #expect(!relay.errors.contains(secret) && !relay.output.contains(secret))
            for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
                let bytes = FileManager.default.contents(atPath: "\(folder)/\(name)") ?? Data()
                #expect(bytes.range(of: Data(secret.utf8)) == nil, "\(name)")
            }
        }
        await home.stop()
    }

    @Test func `where browsers have no passkeys, no link is made`() async throws {
        let folder = try TemporaryDirectory("people")
        let relay = Repository.program("homeline-relay")
        func invite() async throws -> RunningProcess {
            let command = try RunningProcess(
                relay, ["people", "invite", "anna", "--data", folder.file("relay")])
            _ = try await command.finished()
            return command
        }
        #expect(try await invite().errors.contains("start the relay"))
        let serving = try RunningProcess(
            relay,
            [
                "serve", "--data", folder.file("relay"), "--mcp", "127.0.0.1:0", "--tunnel",
                "127.0.0.1:0", "--public-url", "http://relay.example/",
            ])
        _ = try await serving.line(containing: "MCP clients:")
        let refused = try await invite()
        #expect(refused.errors.contains("https://") && refused.output.isEmpty)
        let none = try await RunningProcess.run(
            relay, ["people", "--json", "--data", folder.file("relay")])
        #expect(try JSON(parsing: none)["people"] == [])
        #expect(await serving.stop() == .exited(0))
    }
}
