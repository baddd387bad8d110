// A client of the fixture program over a real transport, in one of the four revisions. Every
// message that the server sends is checked against the schema of that revision. Invariant: every
// wait has a deadline, and the program ends with its client.
import HTTP
import JSON
import Loop
import Net
import Support
import Testing

@testable import MCP

/// How a client talks to the fixture.
struct Way: Sendable, CustomTestStringConvertible {
    enum Transport: String, CaseIterable {
        case http, stdio
    }

    let revision: Revision
    let transport: Transport

    /// Each revision over each transport.
    static let all = Revision.advertised.flatMap { revision in
        Transport.allCases.map { Way(revision: revision, transport: $0) }
    }
    static let modern = all.filter(\.revision.isModern)
    static let legacy = all.filter { !$0.revision.isModern }

    var testDescription: String { "\(revision.rawValue) \(transport.rawValue)" }
}

/// One HTTP request, and what has come back so far.
@IO final class Exchange {
    fileprivate(set) var head: HTTPResponse?
    fileprivate(set) var events: [SSEEvent] = []
    fileprivate(set) var messages: [JSON] = []
    fileprivate(set) var isOver = false
    fileprivate var stream: HTTPResponseStream?

    /// Leaves before the end.
    func close() { stream?.close() }

    var status: Int? { head?.status }
}

@IO final class ScenarioClient {
    let way: Way
    /// The fixture.
    let program: RunningProcess
    /// Every message from the server, in the order of arrival.
    private(set) var received: [JSON] = []
    /// Where each request over HTTP was answered.
    private(set) var exchanges: [String: Exchange] = [:]
    private(set) var session: String?
    private var asked: [String: String] = [:]
    private var next: Int64 = 1
    private var http: HTTPClient?
    /// The fixture's port.
    private(set) var port: UInt16 = 0
    private var parsedLines = 0
    /// Takes each request of the server.
    var onRequest: (@IO (JSON) -> Void)?

    /// Starts the fixture and, in a legacy revision, shakes hands.
    init(_ way: Way, capabilities: JSON.Object = [:]) async throws {
        self.way = way
        self.capabilities = capabilities
        let path = Repository.program("mcp-everything")
        switch way.transport {
        case .stdio: program = try RunningProcess(path)
        case .http:
            program = try RunningProcess(path, ["--http", "127.0.0.1:0"])
            let url = try await program.line(containing: "http://")
            let port = url.split(separator: ":").last.flatMap {
                UInt16($0.prefix { $0 != "/" })
            }
            self.port = try #require(port)
            http = HTTPClient(host: "127.0.0.1", port: self.port)
        }
        guard !way.revision.isModern else { return }
        let reply = try await call(
            "initialize",
            [
                "protocolVersion": .string(way.revision.rawValue),
                "capabilities": .object(capabilities),
                "clientInfo": ["name": "tests", "version": "1"],
            ])
        try #require(reply["result"]?["protocolVersion"]?.stringValue == way.revision.rawValue)
        notify("notifications/initialized")
        if way.transport == .http {
            try #require(await holds { self.noted.allSatisfy { $0.status == 202 } })
        }
    }

    private let capabilities: JSON.Object
    private var noted: [Exchange] = []

    // MARK: Requests

    /// Sends a request; the id it got.
    @discardableResult
    func start(
        _ method: String, _ params: JSON.Object = [:], meta extra: JSON.Object = [:],
        id given: JSON? = nil, headers changed: [(String, String?)] = [],
        declaring other: JSON.Object? = nil
    ) -> JSON {
        let id = given ?? .int(next)
        next += 1
        asked[id.description] = method
        var params = params
        var meta = extra
        if way.revision.isModern {
            meta[MetaKey.version] = .string(way.revision.rawValue)
            meta[MetaKey.capabilities] = .object(other ?? capabilities)
            meta[MetaKey.client] = ["name": "tests", "version": "1"]
        }
        if !meta.isEmpty { params["_meta"] = .object(meta) }
        let message: JSON = [
            "jsonrpc": "2.0", "id": id, "method": .string(method), "params": .object(params),
        ]
        switch way.transport {
        case .stdio: program.send("\(message)\n")
        case .http: exchanges[id.description] = post(message, method, params, changed)
        }
        return id
    }

    /// Sends a request and waits for its reply.
    func call(
        _ method: String, _ params: JSON.Object = [:], meta: JSON.Object = [:]
    ) async throws -> JSON {
        try await reply(start(method, params, meta: meta))
    }

    /// The result of a tool.
    func tool(
        _ name: String, _ arguments: JSON.Object = [:], meta: JSON.Object = [:]
    ) async throws -> JSON {
        let reply = try await call(
            "tools/call", ["name": .string(name), "arguments": .object(arguments)], meta: meta)
        return try #require(reply["result"], "\(reply)")
    }

    func reply(_ id: JSON) async throws -> JSON {
        let found = await eventually(within: .seconds(20)) {
            self.poll().first { $0["id"] == id && $0["method"] == nil }
        }
        return try #require(found, "no reply to \(id): \(received) \(program.errors)")
    }

    func notify(_ method: String, _ params: JSON.Object = [:]) {
        let message: JSON = [
            "jsonrpc": "2.0", "method": .string(method), "params": .object(params),
        ]
        switch way.transport {
        case .stdio: program.send("\(message)\n")
        case .http: noted.append(post(message, method, params))
        }
    }

    /// Sends a response to a request of the server; over HTTP, where it is answered.
    func send(_ response: JSON) -> Exchange? {
        switch way.transport {
        case .stdio:
            program.send("\(response)\n")
            return nil
        case .http: return begin("POST", headers, response.encoded())
        }
    }

    /// What has arrived so far.
    @discardableResult
    func poll() -> [JSON] {
        guard way.transport == .stdio else { return received }
        let lines = program.output.split(separator: "\n", omittingEmptySubsequences: false)
        for line in lines.dropLast().dropFirst(parsedLines) {
            parsedLines += 1
            take(Array(line.utf8))
        }
        return received
    }

    /// The notifications with this method so far.
    func notices(_ method: String) -> [JSON] {
        poll().filter { $0["method"]?.stringValue == method }
    }

    /// Waits until there are so many of them.
    func has(_ count: Int, _ method: String) async -> Bool {
        await holds { self.notices(method).count >= count }
    }

    // MARK: HTTP

    /// Opens the session's own stream, or goes on with one that was lost.
    func openStream(after event: String? = nil) -> Exchange {
        var headers = headers
        headers["Last-Event-ID"] = event
        return begin("GET", headers, [])
    }

    /// Where a request was answered.
    func exchange(_ id: JSON) throws -> Exchange { try #require(exchanges[id.description]) }

    /// The headers of a request in this session.
    var headers: HTTPHeaders {
        var headers: HTTPHeaders = [
            "Content-Type": "application/json", "Accept": "application/json, text/event-stream",
        ]
        headers["Mcp-Session-Id"] = session
        if way.revision.isModern || session != nil && way.revision >= .v2025_06_18 {
            headers["MCP-Protocol-Version"] = way.revision.rawValue
        }
        return headers
    }

    private func post(
        _ message: JSON, _ method: String, _ params: JSON.Object,
        _ changed: [(String, String?)] = []
    ) -> Exchange {
        var headers = headers
        if way.revision.isModern {
            headers["Mcp-Method"] = method
            headers["Mcp-Name"] =
                params["name"]?.stringValue ?? params["uri"]?.stringValue
                ?? params["taskId"]?.stringValue
        }
        for (name, value) in changed { headers[name] = value }
        return begin("POST", headers, message.encoded())
    }

    /// Sends an HTTP request and reads its response in the background.
    func begin(_ method: String, _ headers: HTTPHeaders, _ body: [UInt8]) -> Exchange {
        let exchange = Exchange()
        IO.task { await self.run(exchange, method, headers, body) }
        return exchange
    }

    private func run(
        _ exchange: Exchange, _ method: String, _ headers: HTTPHeaders, _ body: [UInt8]
    ) async {
        defer { exchange.isOver = true }
        guard let stream = try? await http?.open(method, "/mcp", headers: headers, body: body)
        else { return }
        exchange.stream = stream
        exchange.head = stream.head
        if let id = stream.head.header("Mcp-Session-Id") { session = id }
        let isStream = stream.head.header("Content-Type") == "text/event-stream"
        var parser = SSEParser()
        var whole: [UInt8] = []
        while let piece = try? await stream.next(deadline: .seconds(30)) {
            guard isStream else {
                whole += piece
                continue
            }
            for event in (try? parser.feed(piece)) ?? [] {
                exchange.events.append(event)
                if !event.data.isEmpty { take(event.data, exchange) }
            }
        }
        if !whole.isEmpty, stream.head.header("Content-Type") == "application/json" {
            take(whole, exchange)
        }
    }

    private func take(_ bytes: [UInt8], _ exchange: Exchange? = nil) {
        guard let message = try? JSON(parsing: bytes) else {
            Issue.record("not JSON: \(String(decoding: bytes, as: UTF8.self))")
            return
        }
        // A batch is answered by an array.
        for one in message.arrayValue ?? [message] {
            let method = one["id"].flatMap { asked[$0.description] } ?? ""
            SchemaCheck.check(one, method: method, in: way.revision)
        }
        exchange?.messages.append(message)
        received.append(message)
        if message["method"] != nil, message["id"] != nil { onRequest?(message) }
    }
}
