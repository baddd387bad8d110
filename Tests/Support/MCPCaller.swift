// A small MCP client of the tests' own (revision 2026-07-28 over HTTP): one connection per request.
// It shares no code with the product, so a fault there cannot hide itself here.
// Invariant: every request ends, with an answer or an error, within its limit.
import Foundation
public import JSON

/// Calls tools of one MCP endpoint with one token.
public struct MCPCaller: Sendable {
    private let port: UInt16
    private let path: String
    private let token: String?

    /// A caller for `http://127.0.0.1:PORT/PATH`.
    public init(url: String, token: String?) throws {
        guard let url = URL(string: url), let port = url.port else {
            throw Unavailable("not a URL with a port: \(url)")
        }
        self.port = UInt16(port)
        path = url.path.isEmpty ? "/" : url.path
        self.token = token
    }

    /// Calls `tool`; gives the whole result, with `isError`, `content` and `structuredContent`.
    ///
    /// A call that comes again with its key is not run again.
    public func call(
        _ tool: String, _ arguments: JSON = [:], key: String? = nil,
        within limit: Duration = .seconds(70)
    ) async throws -> JSON {
        let params: JSON = ["name": .string(tool), "arguments": arguments]
        let meta = key.map { ["dev.homeline/idempotencyKey": JSON.string($0)] as JSON.Object }
        let answer = try await request(
            "tools/call", params, name: tool, meta: meta ?? [:], within: limit)
        guard let result = answer["result"] else { throw Unavailable("refused: \(answer)") }
        return result
    }

    /// Calls `tool` and gives its structured content; throws when the tool says it failed.
    public func structured(
        _ tool: String, _ arguments: JSON = [:], within limit: Duration = .seconds(70)
    ) async throws -> JSON {
        let result = try await call(tool, arguments, within: limit)
        guard result["isError"]?.boolValue != true, let content = result["structuredContent"]
        else { throw Unavailable("\(tool) failed: \(result)") }
        return content
    }

    /// Calls `tool` with a progress token; gives the notifications' params, then the result.
    public func watched(
        _ tool: String, _ arguments: JSON = [:], within limit: Duration = .seconds(70)
    ) async throws -> (progress: [JSON], result: JSON) {
        let params: JSON = ["name": .string(tool), "arguments": arguments]
        let messages = try await exchange(
            "tools/call", params, name: tool, meta: ["progressToken": "t"], within: limit)
        guard let result = messages.last?["result"] else { throw Unavailable("no result") }
        let told = messages.filter { $0["method"] == "notifications/progress" }
        return (told.compactMap { $0["params"] }, result)
    }

    /// Sends one request and gives the whole JSON-RPC response.
    public func request(
        _ method: String, _ params: JSON = [:], name: String? = nil, meta: JSON.Object = [:],
        within limit: Duration = .seconds(70)
    ) async throws -> JSON {
        let messages = try await exchange(method, params, name: name, meta: meta, within: limit)
        for body in messages where body["id"] != nil || body["error"] != nil { return body }
        throw Unavailable("no answer: \(messages)")
    }

    private func exchange(
        _ method: String, _ params: JSON, name: String?, meta: JSON.Object = [:],
        within limit: Duration
    ) async throws -> [JSON] {
        let answer = try await send(method, params, name: name, meta: meta, within: limit)
        guard !answer.messages.isEmpty else {
            throw Unavailable("HTTP \(answer.status) without an answer: \(answer.text)")
        }
        return answer.messages
    }

    /// Calls `tool` and gives the HTTP answer as it is, whatever its status.
    public func answer(
        _ tool: String, _ arguments: JSON, within limit: Duration = .seconds(70)
    ) async throws -> HTTPAnswer {
        try await send(
            "tools/call", ["name": .string(tool), "arguments": arguments], name: tool,
            within: limit)
    }

    private func send(
        _ method: String, _ params: JSON, name: String?, meta: JSON.Object = [:],
        within limit: Duration
    ) async throws -> HTTPAnswer {
        var members = params.objectValue ?? [:]
        var all: JSON.Object = [
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": [:],
            "io.modelcontextprotocol/clientInfo": ["name": "tests", "version": "1"],
        ]
        for (key, value) in meta { all[key] = value }
        members["_meta"] = .object(all)
        let message: JSON = [
            "jsonrpc": "2.0", "id": 1, "method": .string(method), "params": .object(members),
        ]
        var headers = [
            "Content-Type: application/json", "Accept: application/json, text/event-stream",
            "MCP-Protocol-Version: 2026-07-28", "Mcp-Method: \(method)",
        ]
        if let name { headers.append("Mcp-Name: \(name)") }
        return try await post(message.encoded(), headers: headers, within: limit)
    }

    /// Posts `body` with the token and more header lines.
    public func post(
        _ body: [UInt8], headers: [String], halfClosing: Bool = false,
        within limit: Duration = .seconds(70)
    ) async throws -> HTTPAnswer {
        var head = "POST \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nConnection: close\r\n"
        head += "Content-Length: \(body.count)\r\n"
        if let token { head += "Authorization: Bearer \(token)\r\n" }
        for line in headers { head += line + "\r\n" }
        let bytes = Array((head + "\r\n").utf8) + body
        return try await HTTPAnswer.exchange(
            bytes, port: port, halfClosing: halfClosing, within: limit)
    }
}
