// Framing of a call: JSON-RPC 2.0 with the tool's own arguments spliced through as bytes, so that
// the relay neither parses nor rebuilds them. One request and one reply per stream, so their ids
// always match.
public import JSON

/// The principal that a call is made for, sent beside the call's arguments.
public struct Caller: Sendable, Equatable {
    /// The principal's id, which is never reused: sessions and commands belong to it.
    public var id: String
    /// The principal's name, for people; it grants no rights.
    public var label: String
    /// Whether the principal may see and control what belongs to others.
    public var isAdmin: Bool
    /// Patterns (`*`, `?`) of the hosts on this agent that the principal may use, as written after
    /// `agent/`.
    public var reach: [String]
    /// The name under which `call.progress` asks about this call; nil if nobody does.
    public var progress: String?

    /// The reach of a principal that may use every host.
    public static let everywhere = ["*"]
    /// The relay itself, in the calls of the hello; it uses no host.
    public static let relay = Caller(id: "relay", reach: [])

    /// A caller by its id; without a label, the id is shown in its place.
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
    /// The principal that the call is made for.
    public let caller: Caller
    /// By which the agent knows a repetition of the call; nil if it is not known by anything.
    public let key: String?
    /// What persons have granted for this call; nil: the relay cannot ask a person.
    public private(set) var approved: [Grant]?
    /// The arguments, an object: bytes when sending, parsed members when received.
    public let arguments: JSON

    /// A call of a known method; `key` has at most `Contract.keyBytes` bytes.
    public init(
        _ method: Method, caller: Caller, key: String? = nil, approved: [Grant]? = nil,
        arguments: RawJSON
    ) {
        self.method = method.rawValue
        self.caller = caller
        self.key = key
        self.approved = approved
        self.arguments = .raw(arguments)
    }

    /// The grants, which the request keeps no longer: they may hold secrets.
    public mutating func takeApproved() -> [Grant]? {
        defer { approved = nil }
        return approved
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
        if let key {
            bytes += #","key":"#.utf8
            JSON.write(string: key, into: &bytes)
        }
        if let approved {
            bytes += #","approved":"#.utf8
            JSON.array(approved.map(\.json)).write(into: &bytes)
        }
        bytes += #","arguments":"#.utf8
        arguments.write(into: &bytes)
        bytes += "}}".utf8
        return bytes
    }

    /// Reads a request; `invalid_argument` when it is not one.
    public init(decoding bytes: [UInt8]) throws(Fault) {
        let granted: JSON?
        do throws(JSONError) {
            let message = try JSON(parsing: bytes)
            guard let method = message["method"]?.stringValue,
                let params = message["params"]?.objectValue, let caller = Caller(members: params)
            else { throw JSONError.unexpectedEnd }
            self.method = method
            self.caller = caller
            key = params["key"]?.stringValue
            granted = params["approved"]
            arguments = params["arguments"] ?? [:]
        } catch {
            throw Fault(.invalidArgument, "not a request: \(error)")
        }
        guard key?.isEmpty != true, key?.utf8.count ?? 0 <= Contract.keyBytes else {
            throw Fault(
                .invalidArgument, "the key of a call has 1 to \(Contract.keyBytes) bytes")
        }
        approved = try Self.grants(granted)
    }
}

extension Request {
    /// Reads the grants; nil if there is no list, `invalid_argument` when it is none of grants.
    private static func grants(_ list: JSON?) throws(Fault) -> [Grant]? {
        guard let list, !list.isNull else { return nil }
        let read = (list.arrayValue ?? [.null]).map(Grant.init(json:))
        let grants = read.compactMap(\.self)
        guard grants.count == read.count, grants.count <= Grant.most else {
            throw Fault(
                .invalidArgument,
                "\"approved\" is a list of at most \(Grant.most) grants, each with the \"digest\""
                    + " of a question, and a \"choice\" (once or pin) or a \"secret\" of 1 to"
                    + " \(Grant.secretBytes) bytes")
        }
        return grants
    }
}

extension Caller {
    /// Reads the members beside the arguments; nil without an id or a reach.
    ///
    /// Calls without an id would all share one owner, and a call without a reach would have to be
    /// admitted to every host or to none.
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

    /// Reads a reply; bytes that are not one are read as an `internal` fault.
    public init(decoding bytes: [UInt8]) {
        do throws(JSONError) {
            for member in try JSON.members(of: bytes) {
                switch member.name {
                case "result":
                    // Clients are promised an object, and its bytes are passed on to them
                    // unchanged.
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
