// Names of agents and tokens, and the tags and purposes of agents.
// Invariant: a stored name is one by the contract, so it can stand in `agent/host`.
import Wire

/// The rules for names, tags and purposes.
enum AgentName {
    /// The name that a joining agent proposes: the one it asks for, or its host's.
    static func wish(_ name: String?, host: String) -> String {
        name ?? suggestion(fromHost: host)
    }

    /// A name suggested by a host name: its first label in lower case, or `agent`.
    static func suggestion(fromHost host: String) -> String {
        let label = host.prefix { $0 != "." }
        var name: [UInt8] = []
        for byte in label.lowercased().utf8 where name.count < Contract.agentNameBytes {
            let kept = isLowerOrDigit(byte) ? byte : hyphen
            if kept == hyphen, name.isEmpty || name.last == hyphen { continue }
            name.append(kept)
        }
        while name.last == hyphen { name.removeLast() }
        return name.isEmpty ? "agent" : String(decoding: name, as: UTF8.self)
    }

    /// `name`, or `name-2`, `name-3` … : the first that is not taken.
    static func free(_ name: String, isTaken: (String) throws -> Bool) rethrows -> String {
        if try !isTaken(name) { return name }
        return try numbered(name, from: 2, isTaken: isTaken)
    }

    /// `name-1`, `name-2` …: the first that is not taken.
    static func numbered(
        _ name: String, from first: Int = 1, isTaken: (String) throws -> Bool
    ) rethrows -> String {
        var number = first
        while true {
            let suffix = "-\(number)"
            let candidate = String(name.prefix(Contract.agentNameBytes - suffix.count)) + suffix
            if try !isTaken(candidate) { return candidate }
            number += 1
        }
    }

    /// Sorted tags without repeats.
    static func checked(tags: [String]) throws(StoreError) -> [String] {
        guard tags.count <= 32 else { throw .tagInvalid(tags[32]) }
        for tag in tags {
            let fits = tag.utf8.allSatisfy { byte in
                isLowerOrDigit(byte) || (65...90).contains(byte) || "-._=".utf8.contains(byte)
            }
            guard (1...63).contains(tag.utf8.count), fits else { throw .tagInvalid(tag) }
        }
        return Set(tags).sorted()
    }

    /// A purpose: one line without control characters.
    static func checked(purpose: String) throws(StoreError) -> String {
        let fits = purpose.unicodeScalars.allSatisfy { scalar in
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator: false
            default: true
            }
        }
        guard purpose.utf8.count <= 500, fits else { throw .purposeInvalid }
        return purpose
    }

    private static let hyphen = UInt8(ascii: "-")

    private static func isLowerOrDigit(_ byte: UInt8) -> Bool {
        (97...122).contains(byte) || (48...57).contains(byte)
    }
}
