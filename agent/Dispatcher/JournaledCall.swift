// What the journal knows a call by: whose it is, its key, its method and what it asks for. Pure.
import JSON

/// A call with a key.
struct JournaledCall: Sendable {
    /// Names a call; the keys of different principals have nothing to do with each other.
    struct Key: Hashable, Sendable {
        /// The principal's id.
        var principal: String
        /// What the relay named the call.
        var name: String
    }

    let key: Key
    let method: String
    /// What stands for the arguments in this process: equal arguments have equal numbers.
    ///
    /// The number depends on a secret of the process, so that it tells nothing about a password
    /// among the arguments, and it is never written to a file.
    let arguments: Int

    init(key: Key, method: String, arguments: JSON) {
        self.key = key
        self.method = method
        var hasher = Hasher()
        Self.add(arguments, to: &hasher)
        self.arguments = hasher.finalize()
    }

    private static func add(_ value: JSON, to hasher: inout Hasher) {
        switch value {
        case .null: hasher.combine(0)
        case .bool(let truth): hasher.combine(truth)
        case .int(let number): hasher.combine(number)
        case .double(let number): hasher.combine(number)
        case .string(let text): hasher.combine(text)
        case .array(let values):
            hasher.combine(values.count)
            for value in values { add(value, to: &hasher) }
        case .object(let members):
            // The order of members has no meaning.
            var sum = members.count
            for (name, value) in members {
                var member = Hasher()
                member.combine(name)
                add(value, to: &member)
                sum &+= member.finalize()
            }
            hasher.combine(sum)
        case .raw(let raw): hasher.combine(raw.bytes)
        }
    }
}
