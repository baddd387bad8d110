// A client of the fixture that can be asked: in the modern era by `input_required`, in a legacy
// session by requests of the server. Flow: test → AskedClient → ScenarioClient → the fixture.
// Invariant: every message about a task follows the rules of its extension.
import JSON
import Loop
import Support
import Testing

@testable import MCP

extension Way {
    /// The ways of the revisions from `first` to `last`.
    static func since(_ first: Revision, through last: Revision = .newest) -> [Way] {
        all.filter { $0.revision >= first && $0.revision <= last }
    }
}

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

    let client: ScenarioClient
    private var respond: Respond = { _, _ in nil }
    /// What the server asked, in either era.
    private(set) var asked: [JSON] = []
    /// The POSTs that carried responses.
    private var responses: [Exchange] = []

    init(_ way: Way, _ capabilities: JSON.Object) async throws {
        client = try await ScenarioClient(way, capabilities: capabilities)
        client.onRequest = { [weak self] in self?.answer($0) }
    }

    private func answer(_ request: JSON) {
        #expect(!client.way.revision.isModern, "a request from the server: \(request)")
        asked.append(request)
        let method = request["method"]?.stringValue ?? ""
        guard let result = respond(method, request["params"] ?? .null) else { return }
        var response: JSON.Object = ["jsonrpc": "2.0", "id": request["id"] ?? .null]
        if result["code"] == nil { response["result"] = result } else { response["error"] = result }
        if let exchange = client.send(.object(response)) { responses.append(exchange) }
    }

    /// Whether each response was taken with 202.
    func hasTakenResponses() async -> Bool {
        await holds { self.responses.allSatisfy { $0.status != nil } }
            && responses.allSatisfy { $0.status == 202 }
    }

    /// Sends a request and waits for its reply, answering what is asked meanwhile.
    func request(
        _ method: String, _ params: JSON.Object = [:], headers: [(String, String?)] = [],
        declaring other: JSON.Object? = nil
    ) async throws -> Answered {
        let id = client.start(method, params, headers: headers, declaring: other)
        let message = try await client.reply(id)
        #expect(client.received.count { $0["id"] == id && $0["method"] == nil } == 1)
        TaskShape.check(message, method: method)
        let status = try client.way.transport == .http ? client.exchange(id).status : nil
        return Answered(message: message, status: status)
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
                SchemaCheck.check(request, as: "InputRequest", in: .newest)
                let method = request["method"]?.stringValue ?? ""
                responses[key] = respond(method, request["params"] ?? .null)
            }
            more = ["inputResponses": .object(responses)]
            more["requestState"] = reply.result?["requestState"]
        }
        throw Unavailable("asked too often")
    }
}
