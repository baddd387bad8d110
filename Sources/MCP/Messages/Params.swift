// The parameters of a request, looked up by name in the bytes they came in. Invariant: a value is
// parsed only when a method asks for it.
import JSON

struct Params: Sendable {
    private let bytes: [UInt8]
    private let members: [JSONMember]

    /// No parameters.
    static let none = Params(bytes: [], members: [])

    private init(bytes: [UInt8], members: [JSONMember]) {
        self.bytes = bytes
        self.members = members
    }

    /// Reads the object that fills `range`; positional parameters are refused.
    ///
    /// Null and an empty list, which clients send where they have no parameters, hold none.
    init(_ bytes: [UInt8], _ range: Range<Int>) throws(MCPError) {
        if bytes[range].elementsEqual("null".utf8)
            || (bytes[range].first == UInt8(ascii: "[")
                && (try? JSON(parsing: bytes, in: range)) == [])
        {
            self = .none
            return
        }
        guard var members = try? JSON.members(of: bytes.span.extracting(range)) else {
            throw .invalidParams("params must be an object")
        }
        for at in members.indices {
            members[at].value = members[at].value.shifted(by: range.lowerBound)
        }
        self.init(bytes: bytes, members: members)
    }

    private func range(_ name: String) -> Range<Int>? {
        for member in members where member.name == name { return member.value }
        return nil
    }

    /// The names of the parameters.
    var names: [String] { members.map(\.name) }

    /// The length in bytes of the message that they came in; 0 without parameters.
    var messageBytes: Int { bytes.count }

    /// The parsed value of a parameter.
    func value(_ name: String) -> JSON? {
        range(name).flatMap { try? JSON(parsing: bytes, in: $0) }
    }

    /// The bytes of a parameter.
    func raw(_ name: String) -> RawJSON? {
        for member in members where member.name == name { return RawJSON(member, of: bytes) }
        return nil
    }

    /// A parameter that names a request; `nil` if it is absent or no id.
    func id(_ name: String) -> RequestID? { range(name).flatMap { RequestID(bytes, $0) } }

    /// The members of a parameter that is an object.
    func members(of name: String) -> Params? {
        range(name).flatMap { try? Params(bytes, $0) }
    }

    /// A string that must be present.
    func string(_ name: String) throws(MCPError) -> String {
        guard let value = value(name)?.stringValue else {
            throw .invalidParams("params.\(name) must be a string")
        }
        return value
    }

    /// A string that may be absent, or null.
    func optionalString(_ name: String) throws(MCPError) -> String? {
        guard let range = range(name), !bytes[range].elementsEqual("null".utf8) else { return nil }
        return try string(name)
    }

    /// An object that may be absent, or null, or an empty list.
    func object(_ name: String) throws(MCPError) -> JSON.Object? {
        guard let value = value(name), !value.isNull else { return nil }
        if value == [] { return [:] }
        guard let object = value.objectValue else {
            throw .invalidParams("params.\(name) must be an object")
        }
        return object
    }
}
