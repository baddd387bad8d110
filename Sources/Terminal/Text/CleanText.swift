// Raw terminal output to the text a person would see, by lines and without a screen: escape
// sequences removed, CR LF as LF, redrawn lines (progress) in their last shape, UTF-8 repaired.
// Invariant: the result is valid UTF-8 without control characters but TAB and LF, the same however
// the input is cut, and not larger than the input except for spaces that the cursor skipped.

/// An incremental cleaner of terminal output.
public struct CleanText: Sendable {
    /// The most bytes of a line: a longer one is passed on in pieces, and is not redrawn before the
    /// cut.
    static let lineLimit = 1 << 16
    /// Bytes from the end within which lines can be redrawn: a program that moves up rewrites no
    /// more.
    static let reach = 1 << 14
    /// The most bytes of a line from which the cursor can move up or down: no terminal is wider.
    static let redrawnLimit = 4096

    private enum State {
        case ground, escape, intermediate, control, string(ControlString), stringEscape, utf8
    }

    private var text: [UInt8] = []
    private var lineStart = 0
    /// Where the next character goes; nil: the end of the line.
    private var cursor: Int?
    private var state = State.ground
    private var parameters: [UInt8] = []
    private var scalar: [UInt8] = []
    private var scalarLength = 0
    /// The start of the newest line of which a part was erased: blanks at its end show nothing.
    private var erasedLine: Int?

    /// Whether blanks at the ends of lines are left out: programs fill lines up to the terminal's
    /// width.
    private let trims: Bool

    /// An empty cleaner; `trims`: blanks at the ends of lines are left out.
    public init(trims: Bool = false) { self.trims = trims }

    /// Cleans a whole piece of output.
    public static func clean(_ bytes: ArraySlice<UInt8>) -> String {
        var cleaner = CleanText()
        cleaner.append(bytes)
        return String(decoding: cleaner.finish(), as: UTF8.self)
    }

    /// Cleans more output.
    public mutating func append(_ bytes: ArraySlice<UInt8>) {
        var index = bytes.startIndex
        while index < bytes.endIndex {
            guard case .ground = state, cursor == nil else {
                take(bytes[index])
                index += 1
                continue
            }
            let start = index
            while index < bytes.endIndex, Self.isPlain(bytes[index]) { index += 1 }
            if index > start {
                text.append(contentsOf: bytes[start..<index])
                if text.count - lineStart > Self.lineLimit { lineStart = text.count }
            } else {
                take(bytes[index])
                index += 1
            }
        }
    }

    /// Returns everything; an unfinished character counts as invalid.
    public mutating func finish() -> [UInt8] {
        if case .utf8 = state { put(Self.replacement) }
        defer { self = CleanText(trims: trims) }
        return text
    }

    private static let replacement: [UInt8] = [0xef, 0xbf, 0xbd]

    private static func isPlain(_ byte: UInt8) -> Bool { byte >= 32 && byte < 127 || byte == 9 }

    private mutating func take(_ byte: UInt8) {
        switch state {
        case .ground: ground(byte)
        case .utf8: continuation(byte)
        case .escape: escape(byte)
        case .intermediate: if byte >= 0x30 || byte < 0x20 { leave(byte) }
        case .control: control(byte)
        case .string(let string): self.string(string, byte)
        case .stringEscape:
            state = .ground
            if byte != UInt8(ascii: "\\") { escape(byte) }
        }
    }

    /// Ends a sequence; a control character that cut it short still counts.
    private mutating func leave(_ byte: UInt8) {
        state = .ground
        if byte < 0x20 { ground(byte) }
    }

    private mutating func ground(_ byte: UInt8) {
        switch byte {
        case 10: lineFeed()
        case 13: cursor = lineStart
        case 8: moveBack(1)
        case 0x1b: state = .escape
        case _ where Self.isPlain(byte): put([byte])
        case 0xc2...0xdf: begin(byte, 2)
        case 0xe0...0xef: begin(byte, 3)
        case 0xf0...0xf4: begin(byte, 4)
        case 0x80...: put(Self.replacement)
        default: break
        }
    }

    private mutating func lineFeed() {
        if moveDown() { return }
        if trims || erasedLine == lineStart {
            while text.count > lineStart, text.last == 32 { text.removeLast() }
        }
        text.append(10)
        lineStart = text.count
        cursor = nil
    }

    private mutating func begin(_ byte: UInt8, _ length: Int) {
        scalar = [byte]
        scalarLength = length
        state = .utf8
    }

    private mutating func continuation(_ byte: UInt8) {
        guard Self.continues(scalar, byte) else {
            state = .ground
            put(Self.replacement)
            return take(byte)
        }
        scalar.append(byte)
        guard scalar.count == scalarLength else { return }
        state = .ground
        // U+0080 to U+009F are control characters.
        if scalar[0] != 0xc2 || scalar[1] >= 0xa0 { put(scalar) }
    }

    /// Whether `byte` continues a character that has begun.
    ///
    /// Overlong forms, surrogates and too large values show in the second byte.
    public static func continues(_ scalar: [UInt8], _ byte: UInt8) -> Bool {
        guard scalar.count == 1 else { return byte & 0xc0 == 0x80 }
        return switch scalar[0] {
        case 0xe0: byte >= 0xa0 && byte <= 0xbf
        case 0xed: byte >= 0x80 && byte <= 0x9f
        case 0xf0: byte >= 0x90 && byte <= 0xbf
        case 0xf4: byte >= 0x80 && byte <= 0x8f
        default: byte & 0xc0 == 0x80
        }
    }

    private mutating func put(_ character: [UInt8]) {
        guard let place = cursor, place < text.count else {
            text.append(contentsOf: character)
            cursor = nil
            if text.count - lineStart > Self.lineLimit { lineStart = text.count }
            return
        }
        var end = place
        if text[place] != 10 {
            end += 1
            while end < text.count, text[end] & 0xc0 == 0x80 { end += 1 }
        }
        text.replaceSubrange(place..<end, with: character)
        cursor = place + character.count
    }

    private mutating func moveBack(_ count: Int) {
        var place = cursor ?? text.count
        for _ in 0..<count where place > lineStart {
            place -= 1
            while place > lineStart, text[place] & 0xc0 == 0x80 { place -= 1 }
        }
        cursor = place
    }

    private mutating func moveForward(_ count: Int) {
        for _ in 0..<min(count, 1000) {
            guard let place = cursor, place < text.count, text[place] != 10 else {
                put([32])
                continue
            }
            var end = place + 1
            while end < text.count, text[end] & 0xc0 == 0x80 { end += 1 }
            cursor = end
        }
    }

    /// Where the cursor's line ends.
    private var lineEnd: Int {
        guard let cursor else { return text.count }
        return text[cursor...].firstIndex(of: 10) ?? text.count
    }

    /// Moves to the beginning of the line below, if there is one.
    private mutating func moveDown() -> Bool {
        let end = lineEnd
        guard end < text.count else { return false }
        lineStart = end + 1
        cursor = lineStart < text.count ? lineStart : nil
        return true
    }

    /// Moves to the beginning of the line above, if that may still be redrawn.
    private mutating func moveUp() -> Bool {
        let floor = max(0, text.count - Self.reach)
        guard lineStart > floor, text[lineStart - 1] == 10 else { return false }
        var start = lineStart - 1
        while start > floor, text[start - 1] != 10 { start -= 1 }
        guard start == 0 || text[start - 1] == 10 else { return false }
        lineStart = start
        cursor = start
        return true
    }

    /// Moves several lines up or down, to the same column or to the first.
    private mutating func moveLines(_ count: Int, up: Bool, keepsColumn: Bool) {
        let place = cursor ?? text.count
        guard place - lineStart <= Self.redrawnLimit else { return }
        let column = text[lineStart..<place].reduce(0) { $0 + ($1 & 0xc0 == 0x80 ? 0 : 1) }
        var moved = false
        for _ in 0..<min(count, 1000) {
            guard up ? moveUp() : moveDown() else { break }
            moved = true
        }
        if moved || !keepsColumn { cursor = lineStart }
        if moved, keepsColumn { moveForward(column) }
    }

    private mutating func escape(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "["):
            parameters = []
            state = .control
        case _ where ControlString.begins(byte): state = .string(ControlString(byte))
        case 0x1b: state = .escape
        case 0x20...0x2f: state = .intermediate
        default: leave(byte)
        }
    }

    private mutating func control(_ byte: UInt8) {
        switch byte {
        case 0x40...0x7e:
            state = .ground
            perform(byte)
        case 0x20...0x3f:
            if parameters.count < 32 { parameters.append(byte) }
        case 0x1b: state = .escape
        case 0x18, 0x1a: state = .ground
        case 10, 13: leave(byte)
        case 0x80...: leave(byte)
        default: break
        }
    }

    private mutating func string(_ string: ControlString, _ byte: UInt8) {
        var string = string
        // While the state holds it too, every byte would copy it.
        state = .ground
        switch string.take(byte) {
        case .inside: state = .string(string)
        case .last: break
        case .escape: state = .stringEscape
        case .behind: take(byte)
        }
    }

    /// The few sequences that redraw a line.
    private mutating func perform(_ final: UInt8) {
        guard parameters.allSatisfy({ $0 >= 48 && $0 <= 57 }) else { return }
        let given = parameters.prefix(4).reduce(0) { $0 * 10 + Int($1 - 48) }
        switch final {
        case UInt8(ascii: "A"): moveLines(max(given, 1), up: true, keepsColumn: true)
        case UInt8(ascii: "B"): moveLines(max(given, 1), up: false, keepsColumn: true)
        case UInt8(ascii: "E"): moveLines(max(given, 1), up: false, keepsColumn: false)
        case UInt8(ascii: "F"): moveLines(max(given, 1), up: true, keepsColumn: false)
        case UInt8(ascii: "J") where given == 0: text.removeSubrange((cursor ?? text.count)...)
        case UInt8(ascii: "K"): eraseLine(given)
        case UInt8(ascii: "C"): moveForward(max(given, 1))
        case UInt8(ascii: "D"): moveBack(max(given, 1))
        case UInt8(ascii: "G"):
            cursor = lineStart
            if given > 1 { moveForward(given - 1) }
        default: break
        }
    }

    private mutating func eraseLine(_ part: Int) {
        let place = cursor ?? text.count
        let end = lineEnd
        switch part {
        case 0: text.removeSubrange(place..<end)
        case 1:
            guard end - lineStart <= Self.redrawnLimit else { return }
            var last = place
            if last < end { last += 1 }
            while last < end, text[last] & 0xc0 == 0x80 { last += 1 }
            // One blank for each character, the one under the cursor included.
            let width = text[lineStart..<last].reduce(0) { $0 + ($1 & 0xc0 == 0x80 ? 0 : 1) }
            let column = text[lineStart..<place].reduce(0) { $0 + ($1 & 0xc0 == 0x80 ? 0 : 1) }
            text.replaceSubrange(lineStart..<last, with: repeatElement(32, count: width))
            cursor = lineStart + column < text.count ? lineStart + column : nil
            erasedLine = lineStart
        case 2:
            text.replaceSubrange(
                lineStart..<end, with: repeatElement(32, count: place - lineStart))
            cursor = place < text.count ? place : nil
            erasedLine = lineStart
        default: break
        }
    }
}
