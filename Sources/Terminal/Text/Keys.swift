// Names of keys and the bytes a terminal sends for them. Invariant: names are lower-case; a single
// character names itself.

/// The keys a client can press by name.
public enum Keys {
    /// The bytes for one key, such as `enter`, `ctrl-c`, `alt-x`, `shift-up`, `f5`, `q`.
    ///
    /// A program may have asked for other bytes for the arrow keys (DECCKM).
    public static func bytes(
        for name: String, applicationCursorKeys: Bool = false
    ) throws(TerminalError) -> [UInt8] {
        if name.unicodeScalars.count == 1 { return Array(name.utf8) }
        let key = name.lowercased()
        if applicationCursorKeys, let letter = cursorKeys[key] { return [0x1b, 79, letter] }
        if let bytes = named[key] ?? modified(key) { return bytes }
        for prefix in ["ctrl-", "ctrl+", "c-", "^"] where key.hasPrefix(prefix) {
            if let byte = control(key.dropFirst(prefix.count)) { return [byte] }
        }
        for prefix in ["alt-", "alt+", "meta-", "m-"] where key.hasPrefix(prefix) {
            let rest = String(name.dropFirst(prefix.count))
            if !rest.isEmpty {
                return [0x1b]
                    + (try bytes(for: rest, applicationCursorKeys: applicationCursorKeys))
            }
        }
        throw .unknownKey(name)
    }

    /// The names of single keys, and those of Ctrl with a letter.
    public static var names: [String] {
        named.keys.sorted() + "abcdefghijklmnopqrstuvwxyz".map { "ctrl-\($0)" }
    }

    /// Text as a terminal sends it when it is pasted: in brackets that nothing inside it can close.
    public static func pasted(_ text: [UInt8]) -> [UInt8] {
        let inside = text.filter { $0 != 0x1b }.map { $0 == 10 ? 13 : $0 }
        return Array("\u{1b}[200~".utf8) + inside + pasteEnd
    }

    /// The bracket behind pasted text.
    public static let pasteEnd = Array("\u{1b}[201~".utf8)

    /// The byte of Ctrl-C.
    public static let interrupt: UInt8 = 3
    /// The byte of the Escape key, with which the sequences of other keys begin.
    public static let escape: UInt8 = 0x1B
    /// The byte of Ctrl-Z.
    public static let suspend: UInt8 = 26

    /// The byte of Ctrl-V, which takes the next byte as it is.
    static let quoting: UInt8 = 22

    /// The byte of Ctrl-U, which erases the line before the cursor.
    public static let killLine: UInt8 = 21

    /// What empties a line that is being typed: Ctrl-Q resumes output that Ctrl-S stopped, Ctrl-U
    /// (after Ctrl-V an ordinary character) and Ctrl-K erase the line before and after the cursor,
    /// and Ctrl-C abandons the lines before it.
    public static let clearing: [UInt8] = [17, 21, 11, 3]

    private static func control(_ rest: Substring) -> UInt8? {
        if rest == "space" { return 0 }
        guard rest.utf8.count == 1, let byte = rest.utf8.first else { return nil }
        return switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - 96
        case UInt8(ascii: "@"): 0
        case UInt8(ascii: "[")...UInt8(ascii: "_"): byte - 64
        case UInt8(ascii: "?"): 127
        default: nil
        }
    }

    /// `ctrl-left`, `shift-up`: the modifier is a number inside the key's sequence.
    private static func modified(_ key: String) -> [UInt8]? {
        for (prefix, number) in [("ctrl-", "5"), ("shift-", "2")] where key.hasPrefix(prefix) {
            let rest = String(key.dropFirst(prefix.count))
            if let letter = cursorKeys[rest] { return Array("\u{1b}[1;\(number)".utf8) + [letter] }
            if let bytes = named[rest], bytes.count > 3, bytes.last == UInt8(ascii: "~") {
                return bytes.dropLast() + Array(";\(number)~".utf8)
            }
        }
        return nil
    }

    private static let cursorKeys: [String: UInt8] = [
        "up": 65, "down": 66, "right": 67, "left": 68, "end": 70, "home": 72,
    ]

    private static let named: [String: [UInt8]] = {
        let texts: [String: String] = [
            "enter": "\r", "return": "\r", "newline": "\n", "tab": "\t", "space": " ",
            "escape": "\u{1b}", "esc": "\u{1b}", "backspace": "\u{7f}", "del": "\u{1b}[3~",
            "shift-tab": "\u{1b}[Z",
            "up": "\u{1b}[A", "down": "\u{1b}[B", "right": "\u{1b}[C", "left": "\u{1b}[D",
            "home": "\u{1b}[H", "end": "\u{1b}[F", "insert": "\u{1b}[2~", "delete": "\u{1b}[3~",
            "page-up": "\u{1b}[5~", "pageup": "\u{1b}[5~", "pgup": "\u{1b}[5~",
            "page-down": "\u{1b}[6~", "pagedown": "\u{1b}[6~", "pgdn": "\u{1b}[6~",
            "f1": "\u{1b}OP", "f2": "\u{1b}OQ", "f3": "\u{1b}OR", "f4": "\u{1b}OS",
            "f5": "\u{1b}[15~", "f6": "\u{1b}[17~", "f7": "\u{1b}[18~", "f8": "\u{1b}[19~",
            "f9": "\u{1b}[20~", "f10": "\u{1b}[21~", "f11": "\u{1b}[23~", "f12": "\u{1b}[24~",
        ]
        return texts.mapValues { Array($0.utf8) }
    }()
}
