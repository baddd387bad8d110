// Takes secrets that were typed out of the output of the program that got them, should it show them.
// Invariant: no whole secret comes out, however the output is cut; what may be the beginning of one is
// held back, never more than the longest secret's length.

/// Replaces secrets in a stream of bytes.
public struct Redactor: Sendable {
    /// What stands in place of a secret.
    static let mark = Array("[secret]".utf8)
    private static let limit = 8
    /// Shorter ones could not be told from other output.
    private static let shortest = 4

    private var secrets: [[UInt8]] = []
    private var held: [UInt8] = []

    /// Without secrets yet.
    public init() {}

    /// Whether there is anything to look for.
    public var isEmpty: Bool { secrets.isEmpty }
    /// Whether something is held back.
    public var isHolding: Bool { !held.isEmpty }

    /// Looks for one more secret.
    public mutating func add(_ secret: [UInt8]) {
        guard secret.count >= Self.shortest, !secrets.contains(secret) else { return }
        if secrets.count == Self.limit { secrets.removeFirst() }
        secrets.append(secret)
    }

    /// Passes output on without secrets.
    public mutating func append(_ bytes: ArraySlice<UInt8>, to output: inout [UInt8]) {
        let all = held + bytes
        held = []
        var index = 0
        while index < all.count {
            let rest = all[index...]
            if let found = secrets.first(where: { rest.starts(with: $0) }) {
                output += Self.mark
                index += found.count
            } else if secrets.contains(where: { $0.starts(with: rest) }) {
                held = Array(rest)
                return
            } else {
                output.append(all[index])
                index += 1
            }
        }
    }

    /// Gives back what is held.
    public mutating func flush() -> [UInt8] {
        defer { held = [] }
        return held
    }
}
