// A client of the HTTP endpoint without sockets: requests by hand, replies recorded. Replies are
// checked against the schema of the revision their request was in.
import HTTP
import JSON
import Loop
import Support
import Testing

@testable import MCP

/// What one request was answered with.
@IO final class Recorder: Reply {
    private(set) var status: Int?
    private(set) var headers: HTTPHeaders = [:]
    private(set) var body: [UInt8] = []
    private(set) var isStream = false
    private(set) var isDone = false
    /// Makes every write wait, as for a client that does not read.
    var isStalled = false
    var onDisconnect: (@IO () -> Void)?
    var onInputEnd: (@IO () -> Void)?
    var client: String?
    /// The task that answers.
    var task: Task<Void, Never>?

    func send(status: Int, headers: HTTPHeaders, body: [UInt8]) {
        #expect(self.status == nil)
        (self.status, self.headers, self.body) = (status, headers, body)
        isDone = true
    }

    func start(status: Int, headers: HTTPHeaders) {
        #expect(self.status == nil)
        (self.status, self.headers) = (status, headers)
        isStream = true
    }

    func write(_ chunk: [UInt8]) async throws(HTTPError) {
        #expect(isStream && !isDone)
        while isStalled { await Task.yield() }
        body.append(contentsOf: chunk)
    }

    func end() { isDone = true }

    func cancel() { task?.cancel() }

    /// The messages: the events of a stream, or the one body.
    var messages: [JSON] {
        guard isStream else { return (try? JSON(parsing: body)).map { [$0] } ?? [] }
        return events.compactMap { try? JSON(parsing: $0.data) }
    }
    /// The events of a stream.
    var events: [SSEEvent] {
        var parser = SSEParser()
        return (try? parser.feed(body)) ?? []
    }
    var json: JSON? { messages.last }
    var text: String { String(decoding: body, as: UTF8.self) }
}

@IO final class Visitor {
    let endpoint: MCPHTTPEndpoint

    init(
        _ server: MCPServer, access: HTTPAccess = HTTPAccess(isLoopback: true),
        stepUp: StepUp? = nil
    ) {
        endpoint = MCPHTTPEndpoint(server: server, access: access) { request in
            switch request.soleHeader("authorization") {
            case nil: .principal(Fixture.ada, nil)
            case "Bearer bob"?: .principal(Fixture.bob, stepUp)
            case "Bearer off"?: .refused(status: 403, "this token is switched off")
            default: .challenge("Bearer error=\"invalid_token\"")
            }
        }
    }

    static let modernHeaders: HTTPHeaders = [
        "Content-Type": "application/json", "Accept": "application/json, text/event-stream",
    ]

    /// Sends a request and waits for its whole reply.
    func send(
        _ method: String = "POST", _ headers: HTTPHeaders, _ body: String = ""
    ) async -> Recorder {
        let recorder = Recorder()
        await begin(method, headers, body, recorder).value
        return recorder
    }

    func begin(
        _ method: String, _ headers: HTTPHeaders, _ body: String, _ recorder: Recorder
    ) -> Task<Void, Never> {
        guard
            let request = try? HTTPRequest(
                method: method, target: "/mcp", headers: headers, body: Array(body.utf8))
        else {
            Issue.record("no request")
            return IO.task {}
        }
        let task = IO.task { await self.endpoint.handle(request, recorder) }
        recorder.task = task
        return task
    }

    /// Headers and body of a modern request; `change` sets or, with nil, removes headers.
    static func modern(
        _ method: String, _ params: JSON.Object = [:], meta extra: JSON.Object = [:],
        version: String = "2026-07-28", change: [(String, String?)] = []
    ) -> (HTTPHeaders, String) {
        var meta: JSON.Object = [
            "io.modelcontextprotocol/protocolVersion": .string(version),
            "io.modelcontextprotocol/clientCapabilities": [:],
        ]
        for (key, value) in extra { meta[key] = value }
        var params = params
        params["_meta"] = .object(meta)
        var headers = modernHeaders
        headers["MCP-Protocol-Version"] = version
        headers["Mcp-Method"] = method
        headers["Mcp-Name"] = params["name"]?.stringValue ?? params["uri"]?.stringValue
        for (name, value) in change { headers[name] = value }
        let body: JSON = [
            "jsonrpc": "2.0", "id": 1, "method": .string(method), "params": .object(params),
        ]
        return (headers, body.description)
    }

    func modern(
        _ method: String, _ params: JSON.Object = [:], meta: JSON.Object = [:],
        version: String = "2026-07-28", change: [(String, String?)] = []
    ) async -> Recorder {
        let (headers, body) = Self.modern(
            method, params, meta: meta, version: version, change: change)
        let recorder = await send("POST", headers, body)
        for message in recorder.messages {
            SchemaCheck.check(message, method: method, in: .newest)
        }
        return recorder
    }

    /// Opens a legacy session; its id.
    func initialize(
        _ version: String = "2025-11-25", token: String? = nil, capabilities: JSON.Object = [:]
    ) async -> String {
        let body: JSON = [
            "jsonrpc": "2.0", "id": 0, "method": "initialize",
            "params": [
                "protocolVersion": .string(version), "capabilities": .object(capabilities),
                "clientInfo": ["name": "tests", "version": "1"],
            ],
        ]
        var headers = Self.modernHeaders
        headers["Authorization"] = token
        let recorder = await send("POST", headers, body.description)
        let revision = Revision(rawValue: version) ?? .newestLegacy
        for message in recorder.messages {
            SchemaCheck.check(message, method: "initialize", in: revision)
        }
        return recorder.headers["Mcp-Session-Id"] ?? ""
    }

    static func legacy(
        _ session: String?, version: String? = "2025-11-25"
    ) -> HTTPHeaders {
        var headers = modernHeaders
        headers["Mcp-Session-Id"] = session
        headers["MCP-Protocol-Version"] = version
        return headers
    }

    func legacy(
        _ session: String?, _ method: String, _ params: JSON.Object = [:], id: JSON? = 1,
        version: String? = "2025-11-25"
    ) async -> Recorder {
        var body: JSON.Object = [
            "jsonrpc": "2.0", "method": .string(method), "params": .object(params),
        ]
        body["id"] = id
        let recorder = await send(
            "POST", Self.legacy(session, version: version), JSON.object(body).description)
        for message in recorder.messages {
            SchemaCheck.check(
                message, method: method,
                in: version.flatMap(Revision.init(rawValue:)) ?? .v2025_03_26)
        }
        return recorder
    }
}
