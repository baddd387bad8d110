// Header fields that this program sends. Invariant: what `write` emits cannot end a line early,
// whatever the values hold (no response splitting).

/// An ordered list of header fields; names compare without case.
public struct HTTPHeaders: Sendable, ExpressibleByDictionaryLiteral {
    var fields: [(name: String, value: String)]

    /// The fields in the order written.
    public init(dictionaryLiteral elements: (String, String)...) { fields = elements.map { $0 } }

    /// The fields given.
    public init(_ fields: [(String, String)] = []) { self.fields = fields.map { $0 } }

    /// The first value of a name; assigning replaces all of them, `nil` removes them.
    public subscript(name: String) -> String? {
        get { fields.first { same($0.name, name) }?.value }
        set {
            fields.removeAll { same($0.name, name) }
            if let newValue { fields.append((name, newValue)) }
        }
    }

    /// Adds one more value of a name.
    public mutating func add(_ name: String, _ value: String) { fields.append((name, value)) }

    /// Appends the lines; the connection's own framing fields are skipped.
    func write(into output: inout [UInt8]) {
        for (name, value) in fields where !isFraming(name) {
            let start = output.count
            output.append(contentsOf: name.utf8)
            output.append(literal: ": ")
            output.append(contentsOf: value.utf8)
            for at in start..<output.count where !isFieldByte(output[at]) { output[at] = 0x20 }
            output.append(literal: "\r\n")
        }
    }

    private func isFraming(_ name: String) -> Bool {
        switch name.utf8.count {
        case 10: same(name, "connection")
        case 14: same(name, "content-length")
        case 17: same(name, "transfer-encoding")
        default: false
        }
    }
}

private func same(_ one: String, _ other: String) -> Bool {
    guard one.utf8.count == other.utf8.count else { return false }
    return zip(one.utf8, other.utf8).allSatisfy { lowercased($0) == lowercased($1) }
}
