// What a program sent, reduced to input that is safe for libvterm: whole characters of valid UTF-8
// and whole, sane sequences. Other input can make libvterm read unchecked memory, loop forever, or
// keep any number of combining marks.
// Invariant: the same result however the input is cut; a sequence adds at most a row.
import Terminal

/// The reduction of a program's output.
struct ScreenInput {
    /// The next action for the screen.
    enum Step {
        /// Plain bytes for libvterm were added to `plain`.
        case plain
        /// A combining mark for the character before.
        case mark(Unicode.Scalar)
        /// Everything is reset.
        case reset
        /// The program asks the terminal something.
        case query(TerminalQuery)
    }

    /// Bytes for libvterm.
    var plain: [UInt8] = []
    /// The modes as the program set them.
    private(set) var modes = TerminalModes()
    /// The widest a row can be: no character is repeated more often.
    var columns: Int

    private var parser = EscapeParser()
    private var character: [UInt8] = []
    private var characterLength = 0
    private var newest: Unicode.Scalar?
    private var mayMark = false

    init(columns: Int) { self.columns = columns }

    /// Takes the printable ASCII at the beginning of `bytes`; returns its length.
    mutating func takePlain(_ bytes: ArraySlice<UInt8>) -> Int {
        guard parser.isGround, character.isEmpty else { return 0 }
        let end = bytes.firstIndex { $0 < 0x20 || $0 > 0x7e } ?? bytes.endIndex
        guard end > bytes.startIndex else { return 0 }
        plain.append(contentsOf: bytes[..<end])
        newest = Unicode.Scalar(bytes[end - 1])
        mayMark = true
        return end - bytes.startIndex
    }

    /// Takes one byte.
    mutating func take(_ byte: UInt8) -> Step {
        switch parser.take(byte) {
        case .text(let byte): return text(byte)
        case .control(let byte):
            endCharacter()
            mayMark = false
            switch byte {
            case 8, 9, 10, 11, 12, 13, 14, 15: plain.append(byte)
            default: break
            }
        case .sequence(let kind):
            modes.follow(kind, parser.body)
            if let query = TerminalQuery(kind, parser.body, endsWithBell: parser.endsWithBell) {
                return .query(query)
            }
            switch kind {
            case .string: break
            case .escape: return escape(parser.body)
            case .control: control(parser.body)
            }
        case nil: if !parser.isGround { endCharacter() }
        }
        return .plain
    }

    /// A character cut off by something else is invalid.
    private mutating func endCharacter() {
        guard !character.isEmpty else { return }
        character = []
        _ = put("\u{fffd}")
    }

    private mutating func text(_ byte: UInt8) -> Step {
        if byte < 0x80 {
            endCharacter()
            plain.append(byte)
            newest = Unicode.Scalar(byte)
            mayMark = true
            return .plain
        }
        if character.isEmpty {
            switch byte {
            case 0xc2...0xdf: characterLength = 2
            case 0xe0...0xef: characterLength = 3
            case 0xf0...0xf4: characterLength = 4
            default: return put("\u{fffd}")
            }
            character = [byte]
            return .plain
        }
        guard CleanText.continues(character, byte) else {
            endCharacter()
            return text(byte)
        }
        character.append(byte)
        guard character.count == characterLength else { return .plain }
        let scalar = String(decoding: character, as: UTF8.self).unicodeScalars.first ?? "\u{fffd}"
        character = []
        return put(scalar)
    }

    private mutating func put(_ scalar: Unicode.Scalar) -> Step {
        guard !Self.isMark(scalar) else {
            return mayMark && Self.isShown(scalar) ? .mark(scalar) : .plain
        }
        // U+0080 to U+009F are control characters.
        guard scalar.value >= 0xa0 else { return .plain }
        newest = scalar
        plain.append(contentsOf: String(scalar).utf8)
        mayMark = true
        return .plain
    }

    /// Whether a character takes no column; at least those that libvterm treats so.
    static func isMark(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x300: return false
        case 0x1160...0x11ff, 0x6de, 0x1734, 0x302e, 0x302f: return true
        default: break
        }
        return switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format: true
        default: false
        }
    }

    /// Marks that show nothing or change the direction of text are left out.
    private static func isShown(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value == 0x200d || scalar.properties.generalCategory != .format
    }

    private mutating func escape(_ body: [UInt8]) -> Step {
        mayMark = false
        guard let final = body.last else { return .plain }
        let isKnown =
            if body.count == 1 {
                // Saved cursor, index, next line, tab stop, reverse index, keypad.
                Self.escapes.contains(final)
            } else {
                body.count == 2 && (0x28...0x2b).contains(body[0])
                    && Self.characterSets.contains(final)
            }
        if body == [UInt8(ascii: "c")] { return .reset }
        if isKnown { plain += [0x1b] + body }
        return .plain
    }

    private static let escapes = Set("78DEHM=>".utf8)
    private static let characterSets = Set("0AB".utf8)

    private mutating func control(_ body: [UInt8]) {
        guard let final = body.last else { return }
        if final != UInt8(ascii: "m") { mayMark = false }
        var fields = body.dropLast()
        let isPrivate = fields.first == UInt8(ascii: "?")
        if isPrivate { fields = fields.dropFirst() }
        var numbers: [Int] = []
        for field in fields.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false) {
            guard field.count <= 5, field.allSatisfy({ $0 >= 48 && $0 <= 57 }) else { return }
            numbers.append(field.reduce(0) { $0 * 10 + Int($1 - 48) })
        }
        guard numbers.count <= 4 || isPrivate else { return }
        if isPrivate { return privateMode(numbers, final) }
        if final == UInt8(ascii: "b") {
            guard let newest else { return }
            let count = min(max(numbers.first ?? 1, 1), columns)
            plain.append(contentsOf: String(repeating: Character(newest), count: count).utf8)
        } else if Self.controls.contains(final) {
            plain += [0x1b, UInt8(ascii: "[")] + body
        } else if final == UInt8(ascii: "h") || final == UInt8(ascii: "l") {
            if numbers == [4] { plain += [0x1b, UInt8(ascii: "[")] + body }
        }
    }

    /// libvterm reads only the first mode of a list.
    private mutating func privateMode(_ numbers: [Int], _ final: UInt8) {
        switch final {
        case UInt8(ascii: "h"), UInt8(ascii: "l"):
            for number in numbers {
                guard let mode = Self.privateModes[number] else { continue }
                plain += Array("\u{1b}[?\(mode)".utf8) + [final]
            }
        case UInt8(ascii: "J"), UInt8(ascii: "K"):
            plain += Array("\u{1b}[\(numbers.first ?? 0)".utf8) + [final]
        default: break
        }
    }

    /// Those that move something, and those that libvterm is asked for (`TerminalQuery`).
    private static let privateModes = [
        6: 6, 7: 7, 47: 1047, 1047: 1047, 1048: 1048, 1049: 1049,
        1: 1, 12: 12, 25: 25, 1000: 1000, 1002: 1002, 1003: 1003, 1006: 1006, 2004: 2004,
    ]
    private static let controls = Set("@ABCDEFGHIJKLMPSTXZ`adefgjkr".utf8)
}
