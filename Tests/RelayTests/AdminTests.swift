// Admin commands from their words to what they print, with a running relay and without one.

import Configuration
import Crypto
import Foundation
import JSON
import Loop
import Net
import Support
import Testing
import Wire

@testable import homeline_relay

/// A relay as the admin socket needs it, and what it was told.
@IO private final class FakeRelay: LiveRelay {
    var revoked: [String] = []
    var revokedTokens: [String] = []
    var tokenChanges = 0
    var online: [String: JSON.Object] = [:]
    var attached: [UInt8]?

    func status() -> JSON.Object { ["mcp_url": "http://127.0.0.1:1/mcp"] }
    func presence() -> [String: JSON.Object] { online }
    var changed: [AgentRecord] = []
    func agentChanged(_ record: AgentRecord) { changed.append(record) }
    func changeKey(of record: AgentRecord) async -> String? { nil }
    func agentRevoked(_ id: String) { revoked.append(id) }
    func tokenRevoked(_ id: String) async -> JSON.Object {
        revokedTokens.append(id)
        return ["sessions": 2, "commands": 1, "pending": ["lab"]]
    }
    func tokensChanged() async { tokenChanges += 1 }
    func personRevoked(_ id: String) async -> JSON.Object { await tokenRevoked(id) }
    func peopleChanged() async { tokenChanges += 1 }
    func oauthChanged() async {}
    func perform(_ command: String, _ arguments: JSON) async -> JSON? {
        command == "audit" ? ["rows": []] : nil
    }
    func attach(_ stream: SocketStream, received: [UInt8]) {
        attached = received
        stream.write(Array("hello".utf8))
        stream.finish()
    }
}

/// A folder with a relay running on it, as far as admin commands can tell.
@IO private final class RunningRelay {
    let directory: TemporaryDirectory
    let live = FakeRelay()
    let store: Store
    private let server: AdminServer

    init() async throws {
        directory = try TemporaryDirectory("admin")
        let folder = DataFolder(directory.path, environment: [:])
        let lock = try #require(try folder.lock())
        store = try await Store.open(folder: folder.path)
        let administration = Administration(folder: folder, store: store, live: live)
        try await administration.remember(tunnelURLs: ["tls://127.0.0.1:9"], pin: nil)
        server = try AdminServer(folder: folder, lock: lock, administration: administration)
        kept = administration
    }

    private let kept: Administration

    func close() { server.close() }
}

private let program = Program(
    "homeline-relay", version: "0", summary: "", commands: AdminCommands.all)

@IO private func run(_ line: String, in directory: TemporaryDirectory) async throws -> Outcome {
    let words = line.split(separator: " ").map(String.init) + ["--data", directory.path]
    guard case .run(let name, let options) = try program.parse(words) else { return Outcome() }
    return try #require(await AdminProgram.run(name, options, environment: [:]))
}

@IO @Suite struct AdminTests {
    @Test func `one invitation for several agents is listed until it is used up or cancelled`()
        async throws
    {
        let running = try await RunningRelay()
        defer { running.close() }
        func open() async throws -> [JSON] {
            let text = try await run("invitations --json", in: running.directory).output
            return try JSON(parsing: Array(text.utf8))["invitations"]?.arrayValue ?? []
        }
        let none = try await run("invitations", in: running.directory)
        #expect(none.output.hasPrefix("no open invitations"))
        let made = try await run(
            "invite --name web --tags lab --uses 2 --json", in: running.directory)
        let invitation = try Invitation(
            try JSON(parsing: Array(made.output.utf8))["invitation"]?.stringValue ?? "")
        let shown = try await run("invitations", in: running.directory).output
        #expect(shown.contains("web") && shown.contains("lab") && shown.contains("operator"))
        #expect(!shown.contains(Base64.encodeURL(invitation.secret)))
        for left in [2, 1] {
            let row = try await open().first
            #expect(row?["left"] == JSON(left) && row?["uses"] == 2, "\(row ?? .null)")
            _ = try await running.store.redeem(
                secret: invitation.secret, publicKey: Random.bytes(32))
        }
        #expect(try await open() == [])
        #expect(try await running.store.agents().map(\.name) == ["web-1", "web-2"])
        #expect(try await running.store.agents().allSatisfy { $0.tags == ["lab"] })
        _ = try await run("invite", in: running.directory)
        let id = try await open().first?["id"]?.stringValue ?? ""
        let ended = try await run("invitations cancel \(id)", in: running.directory)
        #expect(ended.output == "cancelled \(id)\n" && ended.exit == ExitCode.ok)
        let again = try await run("invitations cancel \(id)", in: running.directory)
        #expect(again.exit == ExitCode.data && again.errors.contains("no open invitation"))
        for uses in ["0", "10001", "many"] {
            #expect(throws: (any Error).self) { try program.parse(["invite", "--uses", uses]) }
        }
    }

    @Test func `an operator changes an agent's record, and the relay learns it`() async throws {
        let running = try await RunningRelay()
        defer { running.close() }
        let secret = try await running.store.createInvitation(
            tags: ["a"], lifetime: .seconds(60)
        ).secret
        _ = try await running.store.redeem(
            secret: secret, publicKey: Random.bytes(32), name: "lab", tags: ["own"])
        let done = try await run(
            "agents update lab --name shop --tags b,c --purpose tills", in: running.directory)
        #expect(done.output == "updated shop\n")
        let record = try #require(running.live.changed.last)
        #expect(record.name == "shop" && record.tags == ["b", "c"] && record.purpose == "tills")
        #expect(record.ownTags == ["own"] && record.changedBy == "operator")
        #expect(record.changed != nil)
        let list = try await run("agents --json", in: running.directory).output
        #expect(list.contains("\"changed_by\":\"operator\""))
        #expect(try await run("agents update shop", in: running.directory).exit == ExitCode.usage)
        let bad = try await run("agents update shop --name A_B", in: running.directory)
        #expect(bad.exit == ExitCode.data && running.live.changed.count == 1)
    }

    @Test func `an address that other machines may not find is doubted, one that was given is not`()
        async throws
    {
        let directory = try TemporaryDirectory("admin")
        let store = try await Store.open(folder: directory.path)
        for (url, isDoubted) in [("tls://relay:8643", true), ("tls://relay.example:8643", false)] {
            try await store.setFact("tunnel_url", url)
            let outcome = try await run("invite", in: directory)
            #expect(outcome.exit == ExitCode.ok)
            #expect(outcome.errors.contains("--tunnel-url") == isDoubted, "\(url)")
            let given = try await run("invite --tunnel-url \(url)", in: directory)
            #expect(given.errors == "")
        }
        await store.close()
    }

    @Test func `a damaged pin is not taken for none`() async throws {
        let directory = try TemporaryDirectory("admin")
        let store = try await Store.open(folder: directory.path)
        try await store.setFact("tunnel_url", "tls://relay.example:8643")
        try await store.setFact("tunnel_pin", "sha256:damaged")
        let outcome = try await run("invite", in: directory)
        #expect(outcome.exit == ExitCode.data && outcome.errors.contains("pin"))
        try await store.setFact("tunnel_pin", "public")
        #expect(try await run("invite", in: directory).exit == ExitCode.ok)
        await store.close()
    }

    @Test func `without a relay the commands work on the store`() async throws {
        let directory = try TemporaryDirectory("admin")
        let none = try await run("agents", in: directory)
        #expect(none.output.hasPrefix("no agents"))
        let early = try await run("invite", in: directory)
        #expect(early.exit == ExitCode.unavailable)
        #expect(early.output.isEmpty)

        let outcome = try await run("invite --name lab --tunnel-url tls://r:1", in: directory)
        let words = outcome.output.split(separator: " ")
        #expect(words.prefix(2) == ["homeline-agent", "join"])
        #expect(outcome.output.split(separator: "\n").count == 1)
        let invitation = try Invitation(String(try #require(words.last)))
        #expect(invitation.urls == ["tls://r:1"])
        let identity = try RelayIdentity(folder: DataFolder(directory.path, environment: [:]))
        #expect(invitation.pin == identity.pin.bytes)

        let store = try await Store.open(folder: directory.path)
        let agent = try await store.redeem(secret: invitation.secret, publicKey: Random.bytes(32))
        #expect(agent.name == "lab")
        let list = try await run("agents list --json", in: directory)
        let row = try JSON(parsing: list.output)["agents"]?[0]
        #expect(row?["agent"] == "lab")
        #expect(row?["online"] == false)
        #expect(try await run("agents revoke lab", in: directory).output == "revoked lab\n")
        let again = try await run("agents revoke lab", in: directory)
        #expect(again.exit == ExitCode.data)
        #expect(again.errors.hasPrefix("homeline-relay: no agent 'lab'"))

        let status = try await run("status --json", in: directory)
        #expect(status.exit == ExitCode.unavailable)
        #expect(try JSON(parsing: status.output)["running"] == false)
    }

    @Test func `a token is printed alone and works`() async throws {
        let directory = try TemporaryDirectory("admin")
        let made = try await run("tokens create me --scopes files:read,admin", in: directory)
        let token = made.output.trimmingCharacters(in: .newlines)
        #expect(made.output == token + "\n")
        let store = try await Store.open(folder: directory.path)
        #expect(try await store.token(token)?.scopes == [.filesRead, .admin])
        let full = try await run("tokens create you --pattern web-* --json", in: directory)
        let members = try JSON(parsing: full.output)
        #expect(members["pattern"] == "web-*")
        #expect(members["scopes"]?.arrayValue?.contains("admin") == false)
        #expect(try await run("tokens", in: directory).output.contains("files:read,admin"))
        #expect(
            try await run("tokens revoke me", in: directory).output == """
                revoked me
                agents end what it left there when they connect

                """)
        #expect(try await store.token(token) == nil)
        let wrong = try await run("tokens create x --scopes root", in: directory)
        #expect(wrong.exit == ExitCode.usage)
        #expect(wrong.errors.contains("'root' is not a scope"))
    }

    @Test func `a running relay is asked and told`() async throws {
        let relay = try await RunningRelay()
        let directory = relay.directory
        let status = try JSON(parsing: try await run("status --json", in: directory).output)
        #expect(status["running"] == true)
        #expect(status["mcp_url"] == "http://127.0.0.1:1/mcp")

        let line = try await run("invite --ttl 1m", in: directory).output
        let invitation = try Invitation(String(try #require(line.split(separator: " ").last)))
        #expect(invitation.urls == ["tls://127.0.0.1:9"])
        #expect(invitation.pin == nil)
        let urls = "tls://a:1,wss://b"
        let made = try await run("invite --tunnel-url \(urls) --json", in: directory).output
        let text = try #require(try JSON(parsing: made)["invitation"]?.stringValue)
        #expect(try Invitation(text).urls == ["tls://a:1", "wss://b/tunnel"])
        let agent = try await relay.store.redeem(
            secret: invitation.secret, publicKey: Random.bytes(32), name: "site")
        relay.live.online[agent.id] = ["rtt_ms": 1.5]
        let row = try JSON(parsing: try await run("agents --json", in: directory).output)[
            "agents"]?[0]
        #expect(row?["online"] == true)
        #expect(row?["rtt_ms"] == 1.5)
        #expect(try await run("agents revoke site", in: directory).exit == 0)
        #expect(relay.live.revoked == [agent.id])
        _ = try await run("tokens create a", in: directory)
        #expect(relay.live.tokenChanges == 1)
        let gone = try JSON(parsing: try await run("tokens revoke a --json", in: directory).output)
        #expect(relay.live.revokedTokens.map(JSON.string) == [gone["id"]])
        #expect(gone["sessions"] == 2 && gone["commands"] == 1 && gone["pending"] == ["lab"])
        relay.close()
        #expect(try await run("status", in: directory).exit == ExitCode.unavailable)
    }

    @Test func `the socket is private and a folder has one relay`() async throws {
        let relay = try await RunningRelay()
        let folder = DataFolder(relay.directory.path, environment: [:])
        let attributes = try FileManager.default.attributesOfItem(atPath: folder.socket)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        #expect(try folder.lock() == nil)
        relay.close()
        #expect(!FileManager.default.fileExists(atPath: folder.socket))
    }

    @Test func `a socket file left by a crash is in nobody's way`() async throws {
        let directory = try TemporaryDirectory("admin")
        let folder = DataFolder(directory.path, environment: [:])
        try directory.write("", to: "admin.sock")
        #expect(try await run("tokens", in: directory).output.hasPrefix("no tokens"))
        let lock = try #require(try folder.lock())
        let administration = Administration(
            folder: folder, store: try await Store.open(folder: folder.path))
        let server = try AdminServer(folder: folder, lock: lock, administration: administration)
        #expect(try await run("tokens", in: directory).exit == 0)
        server.close()
    }

    @Test func `several requests share a connection and bad ones end it`() async throws {
        let relay = try await RunningRelay()
        let path = relay.directory.path + "/admin.sock"
        let replies = try await exchange(
            path,
            "{\"command\":\"tokens\"}\n{\"command\":\"audit\"}\n{\"command\":\"x\"}\nnonsense\n{}\n"
        )
        #expect(replies.count == 4)
        #expect(replies[0] == "{\"ok\":{\"tokens\":[]}}")
        #expect(replies[1] == "{\"ok\":{\"rows\":[]}}")
        #expect(replies[2].contains("there is no admin command 'x'"))
        #expect(replies[3].contains("not JSON"))
        let long = try await exchange(path, String(repeating: "x", count: (1 << 20) + 1))
        #expect(long.first?.contains("too long") == true)
        relay.close()
    }

    @Test func `a connection may become the relay's own`() async throws {
        let relay = try await RunningRelay()
        let path = relay.directory.path + "/admin.sock"
        #expect(try await exchange(path, "{\"command\":\"attach\"}\nrest") == ["hello"])
        #expect(relay.live.attached == Array("rest".utf8))
        relay.close()
    }

    /// The lines the socket answers with until it closes.
    private func exchange(_ path: String, _ text: String) async throws -> [String] {
        let stream = try await SocketStream.connect(path: path)
        let received = Box<[UInt8]>([])
        let ended = Box(false)
        stream.onData = { bytes in received.withLock { $0 += bytes } }
        stream.onClose = { _ in ended.withLock { $0 = true } }
        stream.write(Array(text.utf8))
        #expect(await holds(within: .seconds(10)) { ended.withLock { $0 } })
        let answer = received.withLock { String(decoding: $0, as: UTF8.self) }
        return answer.split(separator: "\n").map(String.init)
    }
}
