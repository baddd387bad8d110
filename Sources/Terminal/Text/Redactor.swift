// Removes typed secrets from the output of the program that got them, in case it shows them.
// Invariant: no whole secret is passed on, however the output is cut; bytes that may begin one are
// held back, at most as many as the longest secret has.

/// Replaces secrets in a stream of bytes.
public struct Redactor: Sendable {
    /// What replaces a secret.
    static let mark = Array("[secret]".utf8)
    /// The most secrets, as every byte is compared with each; the oldest is forgotten.
    private static let limit = 8
    /// The least bytes of a secret: a shorter one cannot be distinguished from other output.
    private static let shortest = 4

    private var secrets: [[UInt8]] = []
    private var held: [UInt8] = []

    /// A redactor without secrets.
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

    /// Returns the bytes held back.
    public mutating func flush() -> [UInt8] {
        defer { held = [] }
        return held
    }
}
