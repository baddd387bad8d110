// What a program has switched on at its terminal, known from its output: how its keys are sent,
// whether pasted text is bracketed, which screen it draws on. No cells: see module Screen.
// Invariant: the same however the input is cut.

/// A terminal's modes.
public struct TerminalModes: Sendable, Equatable {
    /// Which mouse events the program wants.
    public enum Mouse: String, Sendable {
        /// None.
        case off
        /// Buttons.
        case click
        /// Buttons, and moves while one is down.
        case drag
        /// Every move.
        case move
    }

    /// Whether the alternate screen is shown.
    public private(set) var isAlternate = false
    /// Whether pasted text is wanted between `ESC [200~` and `ESC [201~`.
    public private(set) var bracketsPaste = false
    /// Whether the arrow keys send `ESC O A` in place of `ESC [ A`.
    public private(set) var applicationCursorKeys = false
    /// The mouse events wanted.
    public private(set) var mouse = Mouse.off
    /// Whether text was put on a chosen row below the first, or rows were moved: a program that
    /// draws the screen does so, and a line editor does not.
    public private(set) var placesRows = false
    /// The row that was named last, counted from 1; nil: none was.
    public private(set) var row: Int?
    /// Whether the cursor is hidden: a line editor at its prompt shows it.
    public private(set) var hidesCursor = false
    /// What the newest sequence did, as far as the next one depends on it.
    private var newest = Newest.other
    /// The window's title, at most 500 bytes of text.
    public private(set) var title = ""

    /// A whole screen is cleared by going home and erasing, in either order: that alone draws
    /// nothing.
    private enum Newest { case home, erasure, other }

    /// The modes of a terminal that was just switched on.
    public init() {}

    /// The names of the modes that are on, as clients see them.
    public var names: [String] {
        (bracketsPaste ? ["bracketed_paste"] : [])
            + (applicationCursorKeys ? ["application_cursor_keys"] : [])
            + (mouse == .off ? [] : ["mouse_\(mouse.rawValue)"])
    }

    /// Takes in a sequence; returns whether it puts the cursor or text out of line order, so that
    /// lines alone no longer show what a person would see.
    @discardableResult
    public mutating func follow(_ kind: EscapeParser.Kind, _ body: [UInt8]) -> Bool {
        switch kind {
        case .escape: return followEscape(body)
        case .control: return followControl(body)
        case .string:
            if body.starts(with: [93, 48, 59]) || body.starts(with: [93, 50, 59]) {
                title = CleanText.clean(body.dropFirst(3)).replacing("\n", with: " ")
            }
            return false
        }
    }

    private mutating func followEscape(_ body: [UInt8]) -> Bool {
        switch body.last {
        case UInt8(ascii: "c") where body.count == 1:
            self = TerminalModes()
            return true
        case UInt8(ascii: "M"):
            placesRows = true
            return true
        case UInt8(ascii: "8"): return true
        case UInt8(ascii: "0"): return body.first == UInt8(ascii: "(")
        default: return false
        }
    }

    private mutating func followControl(_ body: [UInt8]) -> Bool {
        guard let final = body.last else { return false }
        if body.first == UInt8(ascii: "?") {
            let on = final == UInt8(ascii: "h")
            guard on || final == UInt8(ascii: "l") else { return final == UInt8(ascii: "J") }
            let wasAlternate = isAlternate
            for number in body.dropFirst().dropLast().split(separator: UInt8(ascii: ";")) {
                set(String(decoding: number, as: UTF8.self), on)
            }
            return isAlternate != wasAlternate
        }
        if body == [UInt8(ascii: "!"), UInt8(ascii: "p")] { applicationCursorKeys = false }
        follow(row: body)
        return Self.drawing.contains(final)
    }

    private static let drawing = Set("ABEFHJLMSTdfr".utf8)
    private static let moving = Set("LMSTdr".utf8), placing = Set("Hf".utf8)

    /// Notes whether a sequence names a row, or moves rows.
    private mutating func follow(row body: [UInt8]) {
        guard let final = body.last else { return }
        let wasHome = newest == .home
        let wasErased = newest == .erasure
        newest = final == UInt8(ascii: "J") ? .erasure : .other
        if wasHome, newest != .erasure { placesRows = true }
        if Self.moving.contains(final) { placesRows = true }
        guard Self.placing.contains(final) else { return }
        let row = body.prefix { $0 != UInt8(ascii: ";") && $0 != final }
        let number = max(Int(String(decoding: row, as: UTF8.self)) ?? 1, 1)
        self.row = number
        let isFirst = number == 1
        if !isFirst { placesRows = true } else if !wasErased { newest = .home }
    }

    /// A client has typed something: what was drawn before belongs to what it typed to.
    mutating func forgetRows() { placesRows = false }

    private mutating func set(_ mode: String, _ on: Bool) {
        switch mode {
        case "1": applicationCursorKeys = on
        case "47", "1047", "1049": isAlternate = on
        case "25": hidesCursor = !on
        case "1000": mouse = on ? .click : .off
        case "1002": mouse = on ? .drag : .off
        case "1003": mouse = on ? .move : .off
        case "2004": bracketsPaste = on
        default: break
        }
    }
}

/// Tracks the modes in a stream of output; plain text passes fast.
public struct ModeScanner: Sendable {
    /// The modes as they are now.
    public private(set) var modes = TerminalModes()
    /// What the newest piece asked of the terminal.
    public private(set) var asking = Asking.nothing
    private var parser = EscapeParser()

    /// Whether a piece of output asks the terminal something.
    public enum Asking: Sendable {
        /// No question.
        case nothing
        /// A question, with output after it.
        case before
        /// A question at the end: its program may wait for the answer.
        case last
    }

    /// A terminal that was just switched on.
    public init() {}

    /// The bytes of a sequence that has begun.
    public var unfinished: [UInt8] { parser.unfinished }

    /// Takes in output; returns whether something was drawn out of line order.
    public mutating func scan(_ bytes: ArraySlice<UInt8>) -> Bool {
        var draws = false
        asking = .nothing
        var index = bytes.startIndex
        while index < bytes.endIndex {
            if parser.isGround {
                guard let escape = bytes[index...].firstIndex(of: 0x1b) else { break }
                index = escape
            }
            if case .sequence(let kind)? = parser.take(bytes[index]) {
                if modes.follow(kind, parser.body) { draws = true }
                if TerminalQuery(kind, parser.body) != nil {
                    asking = index == bytes.endIndex - 1 ? .last : .before
                }
            }
            index += 1
        }
        return draws
    }

    /// A client has typed something: rows that were placed before do not count any more.
    public mutating func forgetRows() { modes.forgetRows() }

    /// Switches everything off.
    public mutating func reset() { self = ModeScanner() }
}
