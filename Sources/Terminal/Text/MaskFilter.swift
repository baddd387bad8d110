// Takes the stars that a program draws for the letters of a secret out of its output, as their
// number is the secret's length. It stands in Intake, beside the redactor.
// Invariant: from a secret until the line's end no mask, and no move of the cursor within the line,
// is passed on; all else is, in order.

/// Drops the masks of typed letters from a stream of bytes.
public struct MaskFilter: Sendable {
    /// What programs draw for a letter: `*` (sudo, systemd, pinentry), `•` and `●` (fish), `⬤`.
    private static let masks = ["*", "•", "●", "⬤"].map { Array($0.utf8) }

    /// Whether a secret was typed, and its line has not ended.
    public private(set) var isOn = false
    private var held: [UInt8] = []
    /// Whether the newest byte was a backspace: the blank after it erases a mask.
    private var erases = false

    /// A filter that passes everything on.
    public init() {}

    /// Whether bytes that may begin a mask are held back.
    public var isHolding: Bool { !held.isEmpty }

    /// A secret was typed.
    public mutating func begin() { (isOn, erases) = (true, false) }

    /// Passes output on without masks.
    public mutating func append(_ bytes: ArraySlice<UInt8>, to output: inout [UInt8]) {
        for byte in bytes {
            guard isOn else {
                output.append(byte)
                continue
            }
            held.append(byte)
            if Self.masks.contains(held) || Self.isMove(held) {
                held = []
            } else if Self.mayBeMove(held) {
                continue
            } else if !Self.masks.contains(where: { $0.starts(with: held) }) {
                pass(to: &output)
            }
        }
    }

    /// The most bytes of a move of the cursor within its line.
    private static let moveLimit = 16

    /// Whether these are the beginning of a control sequence.
    private static func mayBeMove(_ bytes: [UInt8]) -> Bool {
        guard bytes.first == 27, bytes.count < moveLimit else { return false }
        return bytes.count == 1
            || bytes[1] == UInt8(ascii: "[") && bytes.dropFirst(2).allSatisfy { 32...63 ~= $0 }
    }

    /// Whether these move the cursor within its line: the column shows the length too.
    private static func isMove(_ bytes: [UInt8]) -> Bool {
        guard bytes.count > 2, let final = bytes.last, "CDG".utf8.contains(final) else {
            return false
        }
        return mayBeMove(Array(bytes.dropLast()))
    }

    /// Returns the bytes held back: nothing follows that could complete a mask.
    public mutating func flush() -> [UInt8] {
        defer { held = [] }
        return held
    }

    private mutating func pass(to output: inout [UInt8]) {
        for byte in held {
            if byte == 8 {
                erases = true
            } else if byte != 32 || !erases {
                erases = false
                output.append(byte)
            }
            if byte == 10 { isOn = false }
        }
        held = []
    }
}
