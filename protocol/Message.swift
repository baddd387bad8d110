// Framing of a call: JSON-RPC 2.0 with the tool's own arguments spliced through as bytes, so that
// the relay neither parses nor rebuilds them. One request and one reply a stream; ids match always.
public import JSON

/// Who a call is made for, beside its arguments.
public struct Caller: Sendable, Equatable {
    /// The principal's id, which is never used again: sessions and commands belong to it.
    public var id: String
    /// The principal's name, for people; it gives no right.
    public var label: String
    /// Whether it may see and drive what belongs to others.
    public var isAdmin: Bool
    /// Patterns (`*`, `?`) of the hosts on this agent that it may use, as they stand behind
    /// `agent/`.
    public var reach: [String]
    /// The name under which `call.progress` asks about this call; nil: nobody will.
    public var progress: String?

    /// The reach of a principal that may use every host.
    public static let everywhere = ["*"]
    /// The relay itself, in the calls of the hello; it uses no host.
    public static let relay = Caller(id: "relay", reach: [])

    /// A caller by its id; without a label of its own it is shown by the id.
    public init(
        id: String, label: String? = nil, isAdmin: Bool = false, reach: [String],
        progress: String? = nil
    ) {
        self.id = id
        self.label = label ?? id
        self.isAdmin = isAdmin
        self.reach = reach
        self.progress = progress
    }
}

/// A call as it travels.
public struct Request: Sendable {
    /// The method's name, known or not.
    public let method: String
    /// For whom.
    public let caller: Caller
    /// The arguments, an object: bytes where it is sent, its members where it was read.
    public let arguments: JSON

    /// A call of a known method.
    public init(_ method: Method, caller: Caller, arguments: RawJSON) {
        self.method = method.rawValue
        self.caller = caller
        self.arguments = .raw(arguments)
    }

    /// The bytes of the request.
    public func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        if case .raw(let raw) = arguments { bytes.reserveCapacity(300 + raw.bytes.count) }
        bytes += #"{"jsonrpc":"2.0","id":1,"method":""#.utf8
        bytes += method.utf8
        bytes += #"","params":{"principal":"#.utf8
        JSON.write(string: caller.id, into: &bytes)
        if caller.label != caller.id {
            bytes += #","label":"#.utf8
            JSON.write(string: caller.label, into: &bytes)
        }
        if caller.isAdmin { bytes += #","admin":true"#.utf8 }
        bytes += #","reach":"#.utf8
        JSON.array(caller.reach.map { .string($0) }).write(into: &bytes)
        if let progress = caller.progress {
            bytes += #","progress":"#.utf8
            JSON.write(string: progress, into: &bytes)
        }
        bytes += #","arguments":"#.utf8
        arguments.write(into: &bytes)
        bytes += "}}".utf8
        return bytes
    }

    /// Reads a request; `invalid_argument` when it is not one.
    public init(decoding bytes: [UInt8]) throws(Fault) {
        do throws(JSONError) {
            let message = try JSON(parsing: bytes)
            guard let method = message["method"]?.stringValue,
                let params = message["params"]?.objectValue, let caller = Caller(members: params)
            else { throw JSONError.unexpectedEnd }
            self.method = method
            self.caller = caller
            arguments = params["arguments"] ?? [:]
        } catch {
            throw Fault(.invalidArgument, "not a request: \(error)")
        }
    }
}

extension Caller {
    /// Reads the members beside the arguments; nil without an id or a reach.
    ///
    /// A call of nobody would share one owner with every other such call, and one without a reach
    /// would have to be let everywhere or nowhere.
    fileprivate init?(members: JSON.Object) {
        guard let id = members["principal"]?.stringValue,
            let reach = members["reach"]?.arrayValue
        else { return nil }
        let patterns = reach.compactMap(\.stringValue)
        guard patterns.count == reach.count else { return nil }
        self.init(
            id: id, label: members["label"]?.stringValue, isAdmin: members["admin"] == true,
            reach: patterns, progress: members["progress"]?.stringValue)
    }
}

/// A reply as it travels: the result's bytes, or the fault.
public enum Reply: Sendable {
    /// The result, an object.
    case result(RawJSON)
    /// The failure.
    case fault(Fault)

    /// The bytes of the reply.
    public func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        switch self {
        case .result(let raw):
            bytes.reserveCapacity(48 + raw.bytes.count)
            bytes += #"{"jsonrpc":"2.0","id":1,"result":"#.utf8
            bytes += raw.bytes
        case .fault(let fault):
            bytes += #"{"jsonrpc":"2.0","id":1,"error":"#.utf8
            fault.json.write(into: &bytes)
        }
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }

    /// Reads a reply; bytes that are none read as an `internal` fault.
    public init(decoding bytes: [UInt8]) {
        do throws(JSONError) {
            for member in try JSON.members(of: bytes) {
                switch member.name {
                case "result":
                    // Clients are promised an object; its bytes go to them as they are.
                    guard bytes[member.value].first == UInt8(ascii: "{") else { break }
                    self = .result(RawJSON(member, of: bytes))
                    return
                case "error":
                    self = .fault(Fault(json: try JSON(parsing: Array(bytes[member.value]))))
                    return
                default: break
                }
            }
            self = .fault(Fault(.internal, "the agent's reply has neither result nor error"))
        } catch {
            self = .fault(Fault(.internal, "the agent's reply is not JSON: \(error)"))
        }
    }
}
