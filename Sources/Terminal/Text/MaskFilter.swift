// Takes the stars that a program draws for the letters of a secret out of its output, as their
// number is the secret's length. It stands in Intake, beside the redactor.
// Invariant: from a secret until the line's end no mask, no repetition of one, and no move of the
// cursor within the line is passed on; all else is, in order.

/// Drops the masks of typed letters from a stream of bytes.
public struct MaskFilter: Sendable {
    /// What programs draw for a letter: `*` (sudo, systemd, pinentry), `•` and `●` (fish), `⬤`.
    private static let masks = ["*", "•", "●", "⬤"].map { Array($0.utf8) }

    /// Whether a secret was typed, and its line has not ended.
    public private(set) var isOn = false
    private var held: [UInt8] = []
    /// Whether the newest byte was a backspace: the blank after it erases a mask.
    private var erases = false
    /// The row of the line in which the secret was typed; nil: not known.
    private var row: Int?

    /// A filter that passes everything on.
    public init() {}

    /// A secret was typed; `row`: that of the cursor, counted from 1, if the program has named it.
    public mutating func begin(row: Int? = nil) { (isOn, erases, self.row) = (true, false, row) }

    /// Passes output on without masks.
    public mutating func append(_ bytes: ArraySlice<UInt8>, to output: inout [UInt8]) {
        for byte in bytes {
            guard isOn else {
                output.append(byte)
                continue
            }
            held.append(byte)
            if Self.masks.contains(held) || isMove() {
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

    /// Those whose number is a column or a number of columns: moves, `b` (writes the newest
    /// character again), and inserting, deleting and erasing characters.
    private static let moves = Set("CDG`ajbX@P".utf8)
    /// Those that name a row and a column.
    private static let places = Set("Hf".utf8)

    /// Whether the bytes held back show a number of columns of the secret's line.
    private mutating func isMove() -> Bool {
        guard held.count > 2, let final = held.last, Self.mayBeMove(Array(held.dropLast())) else {
            return false
        }
        guard Self.places.contains(final) else { return Self.moves.contains(final) }
        let numbers = held.dropFirst(2).dropLast().split(
            separator: UInt8(ascii: ";"), omittingEmptySubsequences: false
        ).map { Int(String(decoding: $0, as: UTF8.self)) ?? 1 }
        let named = max(numbers.first ?? 1, 1)
        // A program that works with lines has named none before, and names its own.
        if row == nil { row = named }
        return row == named && numbers.dropFirst().contains { $0 > 1 }
    }

    /// Returns the bytes that may begin a mask or a move: nothing follows that could complete them.
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
