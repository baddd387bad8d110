// One JSON-RPC message from a client, read shallowly: what routing needs, and where the rest is.
// Flow: transport → Message → era → dispatch. Invariant: all of the bytes are valid JSON, so a
// range of them may be passed on as RawJSON.
import JSON
import Loop

struct Message: Sendable {
    enum Kind: Sendable, Equatable {
        case request(RequestID, method: String)
        case notification(method: String)
        case response(ClientResponse)
    }

    let kind: Kind
    let params: Params
    /// `params._meta`, parsed completely: it is small, and every era needs it.
    let meta: JSON.Object?

    var id: RequestID? {
        if case .request(let id, _) = kind { id } else { nil }
    }
    var method: String? {
        switch kind {
        case .request(_, let method), .notification(let method): method
        case .response: nil
        }
    }
    var isInitialize: Bool {
        if case .request(_, "initialize") = kind { true } else { false }
    }
    /// Whether the message says that it belongs to the era without a handshake.
    var claimsModern: Bool {
        guard let meta else { return false }
        return meta[MetaKey.version] != nil || meta[MetaKey.capabilities] != nil
    }
}

/// A message that cannot be served, with the id for the answer if it could be read.
struct BadMessage: Error {
    var id: RequestID?
    var error: MCPError
}

extension Message {
    init(_ bytes: [UInt8]) throws(BadMessage) {
        try self.init(bytes, 0..<bytes.count)
    }

    /// Reads a message, beside the loop if it is long.
    @IO static func read(_ bytes: [UInt8]) async throws(BadMessage) -> Message {
        try await Blocking.run(ifLong: bytes.count) { () -> Result<Message, BadMessage> in
            do throws(BadMessage) { return .success(try Message(bytes)) } catch {
                return .failure(error)
            }
        }.get()
    }

    /// Reads the message that fills `range`.
    init(_ bytes: [UInt8], _ range: Range<Int>) throws(BadMessage) {
        let fields = try Fields(bytes, range)
        var id: RequestID?
        if let range = fields.id {
            id = RequestID(bytes, range)
            guard id != nil else {
                throw BadMessage(error: .invalidRequest("id must be a string or an integer"))
            }
        }
        guard fields.isVersion2 else {
            throw BadMessage(id: id, error: .invalidRequest("jsonrpc must be \"2.0\""))
        }
        guard let methodRange = fields.method else {
            guard fields.isResponse else {
                throw BadMessage(id: id, error: .invalidRequest("method is missing"))
            }
            kind = .response(ClientResponse(id: id, outcome: fields.outcome(in: bytes)))
            params = .none
            meta = nil
            return
        }
        guard let method = (try? JSON(parsing: bytes, in: methodRange))?.stringValue else {
            throw BadMessage(id: id, error: .invalidRequest("method must be a string"))
        }
        kind = id.map { .request($0, method: method) } ?? .notification(method: method)
        do {
            params =
                try fields.params.map { (range) throws(MCPError) in
                    try Params(bytes, range)
                } ?? .none
            meta = try params.object("_meta")
        } catch {
            throw BadMessage(id: id, error: error)
        }
    }
}

/// Where the members of a message are.
private struct Fields {
    var id, method, params, result, error: Range<Int>?
    var isVersion2 = false
    var isResponse: Bool { result != nil || error != nil }

    init(_ bytes: [UInt8], _ range: Range<Int>) throws(BadMessage) {
        let members: [JSONMember]
        do {
            members = try JSON.members(of: bytes.span.extracting(range), limits: .message)
        } catch .notAnObject {
            throw BadMessage(error: .invalidRequest("one JSON-RPC object expected"))
        } catch {
            // The client waits for the answer to this id, wherever the fault is.
            var skim = MessageSkim()
            skim.feed(bytes[range])
            throw BadMessage(id: skim.id, error: .unparsable(error.description))
        }
        for member in members {
            let value = member.value.shifted(by: range.lowerBound)
            switch member.name {
            case "id": id = value
            case "method": method = value
            case "params": params = value
            case "jsonrpc": isVersion2 = bytes[value].elementsEqual("\"2.0\"".utf8)
            case "result": result = value
            case "error": error = value
            default: break
            }
        }
    }
}

extension Fields {
    /// What a response says; an error counts more than a result.
    fileprivate func outcome(in bytes: [UInt8]) -> ClientResponse.Outcome {
        let problem = error.flatMap { try? JSON(parsing: bytes, in: $0) }
        if let problem { return .error(problem["message"]?.stringValue ?? "without a reason") }
        return .result(result.flatMap { try? JSON(parsing: bytes, in: $0) } ?? .null)
    }
}

extension Range<Int> {
    func shifted(by offset: Int) -> Range<Int> { lowerBound + offset..<upperBound + offset }
}
