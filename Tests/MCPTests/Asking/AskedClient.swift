// A client of mcp-everything that can be asked: in the modern era by `input_required`, in a legacy
// session by requests of the server. Every message it gets is checked against the schema of its
// revision, and tasks against the rules of their extension.
import JSON
import Loop
import Support
import Testing

@testable import MCP

/// The answer to a request: the message, and over HTTP its status.
struct Answered {
    let message: JSON
    let status: Int?

    var result: JSON? { message["result"] }
    var code: Int64? { message["error"]?["code"]?.intValue }
    var text: String? { result?["content"]?[0]?["text"]?.stringValue }
}

@IO final class AskedClient {
    /// Answers a request of the server; nil leaves it without an answer.
    typealias Respond = @IO (_ method: String, _ params: JSON) -> JSON?

    let revision: Revision
    private let process: EverythingProcess
    private let capabilities: JSON.Object
    private var session: String?
    private var next: Int64 = 1
    private var methods: [String: String] = [:]
    private var replies: [String: JSON] = [:]
    private var exchanges: [HTTPExchangeRecord] = []
    /// Answers what a legacy session is asked.
    var respond: Respond = { _, _ in nil }
    /// What the server asked with requests of its own.
    private(set) var asked: [JSON] = []
    private(set) var notifications: [JSON] = []
    /// The statuses of the POSTs that carried responses.
    private(set) var responseStatuses: [Int?] = []

    init(_ way: Way, _ revision: Revision, _ capabilities: JSON.Object) async throws {
        self.revision = revision
        self.capabilities = capabilities
        process = try await EverythingProcess(way)
        guard !revision.isModern else { return }
        let reply = try await request(
            "initialize",
            [
                "protocolVersion": .string(revision.rawValue),
                "capabilities": .object(capabilities),
                "clientInfo": ["name": "tests", "version": "1"],
            ])
        #expect(reply.result?["protocolVersion"] == .string(revision.rawValue))
        try await send(["jsonrpc": "2.0", "method": "notifications/initialized"])
    }

    func stop() async { await process.stop() }

    // MARK: Requests

    /// Sends a request and waits for its reply, answering what is asked meanwhile.
    func request(
        _ method: String, _ params: JSON.Object = [:], headers: [(String, String?)] = [],
        declaring other: JSON.Object? = nil
    ) async throws -> Answered {
        let begun = try await begin(method, params, headers: headers, declaring: other)
        return try await end(begun)
    }

    func end(_ begun: (id: JSON, exchange: HTTPExchangeRecord?)) async throws -> Answered {
        let key = begun.id.description
        let found = await holds(within: .seconds(20)) {
            try? await self.turn()
            // A refusal below JSON-RPC has no message.
            return self.replies[key] != nil
                || begun.exchange.map { $0.isOver && $0.status != nil } == true
        }
        #expect(found, "no reply to \(begun.id)")
        try await turn()
        return Answered(message: replies[key] ?? .null, status: begun.exchange?.status)
    }

    func begin(
        _ method: String, _ params: JSON.Object = [:], headers: [(String, String?)] = [],
        declaring other: JSON.Object? = nil
    ) async throws -> (id: JSON, exchange: HTTPExchangeRecord?) {
        let id = JSON.int(next)
        next += 1
        methods[id.description] = method
        var params = params
        if revision.isModern {
            params["_meta"] = [
                "io.modelcontextprotocol/protocolVersion": .string(revision.rawValue),
                "io.modelcontextprotocol/clientCapabilities": .object(other ?? capabilities),
                "io.modelcontextprotocol/clientInfo": ["name": "tests", "version": "1"],
            ]
        }
        let exchange = try await send(
            ["jsonrpc": "2.0", "id": id, "method": .string(method), "params": .object(params)],
            headers)
        return (id, exchange)
    }

    /// Calls a tool.
    func call(
        _ tool: String, _ arguments: JSON.Object = [:], more: JSON.Object = [:],
        declaring other: JSON.Object? = nil
    ) async throws -> Answered {
        var params: JSON.Object = ["name": .string(tool), "arguments": .object(arguments)]
        for (key, value) in more { params[key] = value }
        return try await request("tools/call", params, declaring: other)
    }

    /// Calls a tool and answers whatever it asks, in any era.
    func converse(
        _ tool: String, _ arguments: JSON.Object = [:], _ respond: @escaping Respond
    ) async throws -> Answered {
        self.respond = respond
        var more: JSON.Object = [:]
        for _ in 0..<5 {
            let reply = try await call(tool, arguments, more: more)
            guard reply.result?["resultType"] == "input_required" else { return reply }
            var responses: JSON.Object = [:]
            for (key, request) in reply.result?["inputRequests"]?.objectValue ?? [:] {
                asked.append(request)
                let method = request["method"]?.stringValue ?? ""
                responses[key] = respond(method, request["params"] ?? .null)
            }
            more = ["inputResponses": .object(responses)]
            more["requestState"] = reply.result?["requestState"]
        }
        throw Unavailable("asked too often")
    }

    // MARK: Messages

    @discardableResult
    private func send(
        _ message: JSON, _ changed: [(String, String?)] = []
    ) async throws -> HTTPExchangeRecord? {
        guard process.isHTTP else {
            process.send(line: message)
            return nil
        }
        var headers = ["Accept": "application/json, text/event-stream"]
        headers["Mcp-Session-Id"] = session
        let method = message["method"]?.stringValue
        if revision.isModern {
            headers["Mcp-Method"] = method
            let params = message["params"]
            let name = params?["name"] ?? params?["uri"] ?? params?["taskId"]
            headers["Mcp-Name"] = name?.stringValue
        }
        if method != "initialize", revision != .v2025_03_26 {
            headers["MCP-Protocol-Version"] = revision.rawValue
        }
        for (name, value) in changed { headers[name] = value }
        let exchange = try await process.post(message, headers.map { ($0, $1) })
        exchanges.append(exchange)
        return exchange
    }

    /// Takes what has come, and answers it.
    private func turn() async throws {
        let (all, over) = (exchanges, exchanges.filter(\.isOver))
        for exchange in all {
            if session == nil { session = exchange.header("mcp-session-id") }
            for message in exchange.newMessages() { try await take(message) }
        }
        exchanges.removeAll { exchange in over.contains { $0 === exchange } }
        for message in process.newLines() { try await take(message) }
    }

    private func take(_ message: JSON) async throws {
        guard let method = message["method"]?.stringValue else {
            let key = message["id"]?.description ?? ""
            #expect(replies[key] == nil, "two replies to \(key)")
            replies[key] = message
            let method = methods[key] ?? ""
            TaskShape.check(message, method: method)
            SchemaCheck.check(message, method: method, in: revision)
            return
        }
        SchemaCheck.check(message, method: "", in: revision)
        guard let id = message["id"] else { return notifications.append(message) }
        #expect(!revision.isModern, "a request from the server: \(message)")
        asked.append(message)
        guard let result = respond(method, message["params"] ?? .null) else { return }
        var response: JSON.Object = ["jsonrpc": "2.0", "id": id]
        if result["code"] == nil { response["result"] = result } else { response["error"] = result }
        guard let exchange = try await send(.object(response)) else { return }
        _ = await holds { exchange.status != nil }
        responseStatuses.append(exchange.status)
    }
}
