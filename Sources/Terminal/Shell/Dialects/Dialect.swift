// What is typed to a family of shells: the lines of set-up, and a command's code as one word or in
// pieces. CommandEncoder puts the lines together, the session types them.
// Invariant: everything typed is printable ASCII without `!`, at most 900 bytes a line.

/// The lines for one family of shells.
protocol Dialect: Sendable {
    /// The parts of set-up: the first is answered by mark D with `__s` = 298, the last by `__s` =
    /// 0.
    func setUp(_ nonce: Nonce) -> [String]

    /// Code changed so that it cannot take in the sentinel line.
    func closed(_ code: [UInt8]) -> [UInt8]

    /// What is typed before and after the word that holds `code`, except the line feed.
    ///
    /// Its end forgets the code: a later line that is damaged on its way must not run it once more.
    /// `learning`: a statement that follows mark E, or nothing.
    func frame(
        _ code: [UInt8], number: Int, previous: Int, arms: Bool, learning: String
    ) -> (
        head: String, tail: String
    )

    /// What makes the shell print mark E, behind something else on the line.
    func ending(_ number: Int, _ learning: String) -> String

    /// A statement that prints mark V, for a command's line.
    var learning: String { get }

    /// A line that prints mark V, without its line feed.
    var question: String { get }

    /// One word that the shell reads as `code`; nil if it is longer than `limit`.
    func word(_ code: [UInt8], limit: Int) -> [UInt8]?

    /// Statements of at most `limit` bytes each that collect code in a variable.
    func pieces(_ code: [UInt8], limit: Int) -> [[UInt8]]

    /// The word for what the pieces have collected.
    var collected: String { get }

    /// Empties the variable, before the first piece.
    var emptying: String { get }
}

/// What joins two commands.
enum Operator {
    /// `&&` or `||`.
    case list
    /// `|` or `|&`.
    case pipe
}

extension Dialect {
    var question: String { " \(learning)" }

    /// Code in its own group if it ends in an operator, which would take in the next line.
    func grouped(_ code: [UInt8], _ opening: String, _ closing: String) -> [UInt8] {
        guard Self.lastOperator(code) != nil else { return code }
        return Array(opening.utf8) + code + Array(closing.utf8)
    }

    /// Statements made of `head` and a word, each with as much code as fits; characters stay whole.
    func chunks(_ code: [UInt8], after head: String, limit: Int) -> [[UInt8]] {
        let head = Array(head.utf8)
        var pieces: [[UInt8]] = []
        var next = 0
        while next < code.count {
            var count = min(code.count - next, limit - head.count)
            var word: [UInt8]?
            while word == nil {
                var end = next + count
                while end < code.count, end > next + count - 4, code[end] & 0xc0 == 0x80 {
                    end -= 1
                }
                if end <= next { end = next + count }
                word = self.word(Array(code[next..<end]), limit: limit - head.count)
                if word == nil { count = max(1, count * 3 / 4) } else { next = end }
            }
            pieces.append(head + (word ?? []))
        }
        return pieces
    }

    /// The operator that code ends in, and that wants an operand.
    static func lastOperator(_ code: [UInt8]) -> Operator? {
        guard let last = code.lastIndex(where: { $0 != 32 && $0 != 9 && $0 != 10 && $0 != 13 })
        else { return nil }
        let before = last > 0 ? code[last - 1] : 0
        return switch code[last] {
        case UInt8(ascii: "|"): before == UInt8(ascii: "|") ? .list : .pipe
        case UInt8(ascii: "&") where before == UInt8(ascii: "&"): .list
        case UInt8(ascii: "&") where before == UInt8(ascii: "|"): .pipe
        default: nil
        }
    }

    /// Whether a byte is literal between quotes: printable ASCII without `!` (history expansion).
    static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 32 && byte < 127 && byte != UInt8(ascii: "!")
    }

    /// Three octal digits.
    static func octal(_ byte: UInt8) -> [UInt8] {
        [6, 3, 0].map { UInt8(ascii: "0") + (byte >> $0 & 7) }
    }
}
