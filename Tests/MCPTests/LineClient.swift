// A client of StdioConversation: the whole message core without descriptors. Every reply it gets
// is checked against the schema of the revision its request was in.
import JSON
import Loop
import Support
import Testing

@testable import MCP

@IO final class LineClient {
    private(set) var messages: [JSON] = []
    private var asked: [String: (method: String, revision: Revision)] = [:]
    private var legacy = Revision.newestLegacy
    private var next: Int64 = 101
    private let checksSchema: Bool
    private var conversation: StdioConversation?

    init(
        _ server: MCPServer, as principal: Principal = Fixture.ada, checksSchema: Bool = true
    ) {
        self.checksSchema = checksSchema
        conversation = StdioConversation(
            server: server, principal: principal, send: { [weak self] in self?.take($0) },
            notify: { [weak self] in self?.take($0) })
    }

    private func take(_ bytes: [UInt8]) {
        guard let message = try? JSON(parsing: bytes) else {
            Issue.record("not JSON: \(String(decoding: bytes, as: UTF8.self))")
            return
        }
        messages.append(message)
        guard checksSchema else { return }
        let replies = message.arrayValue ?? [message]
        for reply in replies {
            let id =
                reply["id"] ?? reply["params"]?["progressToken"]
                ?? reply["params"]?["_meta"]?[MetaKey.subscription]
            let about = id.flatMap { asked[$0.description] } ?? ("", legacy)
            SchemaCheck.check(reply, method: about.method, in: about.revision)
        }
    }

    func bytes(_ line: [UInt8]) { conversation?.receive(.text(line)) }
    func line(_ text: String) { bytes(Array(text.utf8)) }
    func line(_ json: JSON) { line(json.description) }
    func tooLong() { conversation?.receive(.tooLong(nil)) }

    /// The reply to a line; the first message without id when `id` is nil.
    func reply(_ id: JSON? = nil) async -> JSON? {
        await eventually {
            self.messages.first { $0["method"] == nil && $0["id"] == id && $0.arrayValue == nil }
        }
    }

    /// Sends a request of the modern era.
    func modern(
        _ method: String, _ params: JSON.Object = [:], meta: JSON.Object = [:],
        version: String = "2026-07-28"
    ) async -> JSON? {
        await reply(start(method, params, meta: meta, version: version))
    }

    @discardableResult
    func start(
        _ method: String, _ params: JSON.Object = [:], meta extra: JSON.Object = [:],
        version: String = "2026-07-28"
    ) -> JSON {
        var meta: JSON.Object = [
            "io.modelcontextprotocol/protocolVersion": .string(version),
            "io.modelcontextprotocol/clientCapabilities": [:],
            "io.modelcontextprotocol/clientInfo": ["name": "tests", "version": "1"],
        ]
        for (key, value) in extra { meta[key] = value }
        var params = params
        params["_meta"] = .object(meta)
        return send(method, params, .newest)
    }

    /// Sends a request of a legacy session.
    func call(_ method: String, _ params: JSON.Object = [:]) async -> JSON? {
        await reply(send(method, params, legacy))
    }

    func initialize(_ version: String, _ capabilities: JSON.Object = [:]) async -> JSON? {
        let reply = await call(
            "initialize",
            [
                "protocolVersion": .string(version), "capabilities": .object(capabilities),
                "clientInfo": ["name": "tests", "version": "1"],
            ])
        let agreed = reply?["result"]?["protocolVersion"]?.stringValue ?? ""
        legacy = Revision(rawValue: agreed) ?? legacy
        return reply
    }

    /// Waits for a request of the server, and returns it.
    func asked(_ method: String, after count: Int = 0) async -> JSON? {
        await eventually {
            self.messages.filter { $0["method"] == .string(method) && $0["id"] != nil }
                .dropFirst(count).first
        }
    }

    /// Answers a request of the server.
    func answer(_ request: JSON?, _ result: JSON) {
        line(["jsonrpc": "2.0", "id": request?["id"] ?? .null, "result": result])
    }

    @discardableResult
    func send(_ method: String, _ params: JSON.Object, _ revision: Revision) -> JSON {
        let id = JSON.int(next)
        next += 1
        asked[id.description] = (method, revision)
        line(["jsonrpc": "2.0", "id": id, "method": .string(method), "params": .object(params)])
        return id
    }
}
