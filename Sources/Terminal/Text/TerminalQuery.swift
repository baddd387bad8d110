// What programs ask a terminal: where the cursor is, what it can do, which colours it has. This
// file knows the questions and those answers that depend on nothing; module Screen gives the rest.
// Invariant: no answer holds anything that a program wrote, except a number or the hexadecimal
// name it asked for, so that output cannot type text of its own.

/// A question to the terminal, as xterm and those after it understand it.
///
/// A question outside what `xterm-256color` promises (kitty's keyboard, a title, the clipboard)
/// has no answer here; programs ask for the attributes after it, and so learn that there is none.
public enum TerminalQuery: Equatable, Sendable {
    /// The answer depends on what was drawn: libvterm gives it to this sequence.
    case drawn([UInt8])
    /// Whether the alternate screen is shown, as this mode.
    case alternate(Int)
    /// The size in characters; the answer begins with this number.
    case size(Int)
    /// The answer is always the same.
    case fixed([UInt8])

    /// The question in a sequence of this kind; nil: it asks nothing.
    ///
    /// `endsWithBell`: how a string ended, as its answer ends alike.
    public init?(_ kind: EscapeParser.Kind, _ body: [UInt8], endsWithBell: Bool = false) {
        let found: TerminalQuery? =
            switch kind {
            case .escape: body == [UInt8(ascii: "Z")] ? .drawn(Array("\u{1b}[c".utf8)) : nil
            case .control: Self.control(body)
            case .string: Self.string(body, endsWithBell)
            }
        guard let found else { return nil }
        self = found
    }

    private static let finals = Set("cnpqtxm".utf8)

    private static func control(_ body: [UInt8]) -> TerminalQuery? {
        guard let final = body.last, finals.contains(final), body.count <= 12 else { return nil }
        // A colour is by far the most frequent of these sequences.
        if final == UInt8(ascii: "m"), body.first != UInt8(ascii: "?") { return nil }
        let text = String(decoding: body, as: UTF8.self)
        switch text {
        case "c", "0c", ">c", ">0c", "5n", "6n", "?6n":
            return .drawn(Array("\u{1b}[\(text)".utf8))
        case "=c", "=0c": return .fixed(Array("\u{1b}P!|00000000\u{1b}\\".utf8))
        case ">q", ">0q": return .fixed(Array("\u{1b}P>|Homeline\u{1b}\\".utf8))
        case "?15n": return .fixed(Array("\u{1b}[?13n".utf8))
        case "?25n": return .fixed(Array("\u{1b}[?21n".utf8))
        case "?26n": return .fixed(Array("\u{1b}[?27;1;0;0n".utf8))
        case "?996n": return .fixed(Array("\u{1b}[?997;1n".utf8))
        case "?4m": return .fixed(Array("\u{1b}[>4;0m".utf8))
        case "x", "0x": return .fixed(Array("\u{1b}[2;1;1;128;128;1;0x".utf8))
        case "1x": return .fixed(Array("\u{1b}[3;1;1;128;128;1;0x".utf8))
        case "11t": return .fixed(Array("\u{1b}[1t".utf8))
        case "18t": return .size(8)
        case "19t": return .size(9)
        default: return mode(text)
        }
    }

    /// Modes that libvterm follows, as far as module Screen lets it.
    private static let followed: Set<Int> = [1, 6, 7, 12, 25, 1000, 1002, 1003, 1006, 2004]

    /// `CSI ? Ps $ p` and `CSI Ps $ p`: whether a mode is on.
    private static func mode(_ text: String) -> TerminalQuery? {
        guard text.hasSuffix("$p") else { return nil }
        let isPrivate = text.hasPrefix("?")
        guard let number = UInt16(text.dropLast(2).dropFirst(isPrivate ? 1 : 0)) else { return nil }
        guard isPrivate else { return .fixed(Array("\u{1b}[\(number);0$y".utf8)) }
        if followed.contains(Int(number)) { return .drawn(Array("\u{1b}[?\(number)$p".utf8)) }
        switch number {
        case 47, 1047, 1049: return .alternate(Int(number))
        default: return .fixed(Array("\u{1b}[?\(number);0$y".utf8))
        }
    }

    private static func string(_ body: [UInt8], _ endsWithBell: Bool) -> TerminalQuery? {
        let end = endsWithBell ? "\u{7}" : "\u{1b}\\"
        switch body.first {
        case UInt8(ascii: "]") where body.last == UInt8(ascii: "?") && body.count <= 64:
            let fields = body.dropFirst().split(separator: UInt8(ascii: ";"))
                .map { String(decoding: $0, as: UTF8.self) }
            let answer = colours(fields).map { "\u{1b}]\($0)\(end)" }.joined()
            return answer.isEmpty ? nil : .fixed(Array(answer.utf8))
        case UInt8(ascii: "P") where body.starts(with: Array("P$q".utf8)):
            let asked = String(decoding: body.dropFirst(3), as: UTF8.self)
            // Colours are not followed.
            guard ["r", " q", "\"q"].contains(asked) else {
                return .fixed(Array("\u{1b}P0$r\u{1b}\\".utf8))
            }
            return .drawn([0x1b] + body + Array("\u{1b}\\".utf8))
        case UInt8(ascii: "P") where body.starts(with: Array("P+q".utf8)):
            let name = body.dropFirst(3).prefix { $0 != UInt8(ascii: ";") }
            let isName = name.count <= 32 && name.allSatisfy { Character(.init($0)).isHexDigit }
            return .fixed(
                Array("\u{1b}P0+r".utf8) + (isName ? Array(name) : []) + Array("\u{1b}\\".utf8))
        default: return nil
        }
    }

    // MARK: Colours

    /// The answers to `OSC 10;?` (text), 11 (ground), 12 (cursor) and `OSC 4;n;?` (palette): light
    /// text on black.
    private static func colours(_ fields: [String]) -> [String] {
        guard let first = fields.first.flatMap({ Int($0) }) else { return [] }
        switch first {
        case 10...12:
            guard fields.count <= 4, fields.dropFirst().allSatisfy({ $0 == "?" }) else { return [] }
            // Each further question is about the next colour.
            return (first..<(first + fields.count - 1)).prefix { $0 <= 12 }.map {
                "\($0);\(value($0 == 11 ? (0, 0, 0) : (229, 229, 229)))"
            }
        case 4:
            let pairs = fields.dropFirst()
            return zip(pairs, pairs.dropFirst()).compactMap { number, mark in
                guard mark == "?", let number = UInt8(number) else { return nil }
                return "4;\(number);\(value(palette(Int(number))))"
            }
        default: return []
        }
    }

    private typealias Colour = (red: Int, green: Int, blue: Int)

    private static func value(_ colour: Colour) -> String {
        let parts = [colour.red, colour.green, colour.blue].map { part in
            let digits = String(part, radix: 16)
            let padded = digits.count < 2 ? "0" + digits : digits
            return padded + padded
        }
        return "rgb:" + parts.joined(separator: "/")
    }

    /// Xterm's palette: 16 named colours, a cube of 6 × 6 × 6, and 24 greys.
    private static func palette(_ number: Int) -> Colour {
        switch number {
        case 0..<16:
            let (low, high) =
                number == 8 ? (127, 127) : number < 8 ? (0, number == 7 ? 229 : 205) : (0, 255)
            if number == 4 { return (0, 0, 238) }
            if number == 12 { return (92, 92, 255) }
            func part(_ bit: Int) -> Int { number & 7 & bit == 0 ? low : high }
            return (part(1), part(2), part(4))
        case 16..<232:
            func level(_ step: Int) -> Int { step == 0 ? 0 : 55 + 40 * step }
            let rest = number - 16
            return (level(rest / 36), level(rest / 6 % 6), level(rest % 6))
        default:
            let grey = 8 + 10 * (number - 232)
            return (grey, grey, grey)
        }
    }
}
