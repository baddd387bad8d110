// Names of keys, and the bytes a terminal sends for them.
import Terminal
import Testing

@Suite struct KeysTests {
    static let cases: [(String, String, String)] = [
        ("a", "a", "a"), ("é", "é", "é"), ("enter", "\r", "\r"), ("esc", "\u{1b}", "\u{1b}"),
        ("tab", "\t", "\t"), ("shift-tab", "\u{1b}[Z", "\u{1b}[Z"), ("space", " ", " "),
        ("backspace", "\u{7f}", "\u{7f}"), ("delete", "\u{1b}[3~", "\u{1b}[3~"),
        ("ctrl-a", "\u{1}", "\u{1}"), ("Ctrl-C", "\u{3}", "\u{3}"), ("ctrl-z", "\u{1a}", "\u{1a}"),
        ("^d", "\u{4}", "\u{4}"), ("ctrl-space", "\0", "\0"), ("alt-x", "\u{1b}x", "\u{1b}x"),
        ("alt-X", "\u{1b}X", "\u{1b}X"), ("alt-enter", "\u{1b}\r", "\u{1b}\r"),
        ("up", "\u{1b}[A", "\u{1b}OA"), ("down", "\u{1b}[B", "\u{1b}OB"),
        ("right", "\u{1b}[C", "\u{1b}OC"), ("left", "\u{1b}[D", "\u{1b}OD"),
        ("home", "\u{1b}[H", "\u{1b}OH"), ("end", "\u{1b}[F", "\u{1b}OF"),
        ("page-up", "\u{1b}[5~", "\u{1b}[5~"), ("PageDown", "\u{1b}[6~", "\u{1b}[6~"),
        ("f1", "\u{1b}OP", "\u{1b}OP"), ("f12", "\u{1b}[24~", "\u{1b}[24~"),
        ("ctrl-left", "\u{1b}[1;5D", "\u{1b}[1;5D"), ("shift-up", "\u{1b}[1;2A", "\u{1b}[1;2A"),
        ("ctrl-delete", "\u{1b}[3;5~", "\u{1b}[3;5~"),
    ]

    @Test(arguments: cases)
    func `a key's bytes, as the program wants its arrows`(
        name: String, normal: String, application: String
    ) throws {
        #expect(try Keys.bytes(for: name) == Array(normal.utf8))
        #expect(try Keys.bytes(for: name, applicationCursorKeys: true) == Array(application.utf8))
    }

    @Test(arguments: ["", "entr", "ctrl-", "ctrl-é", "alt-", "f13", "ctrl-foo", "shift-q"])
    func `an unknown key is refused`(name: String) {
        #expect(throws: TerminalError.unknownKey(name)) {
            try Keys.bytes(for: name)
        }
    }

    @Test func `every listed name is a key`() throws {
        for name in Keys.names { #expect(try !Keys.bytes(for: name).isEmpty, "\(name)") }
        #expect(Keys.names.contains("ctrl-c") && Keys.names.contains("page-down"))
    }

    @Test func `pasted text cannot close its brackets`() {
        #expect(
            Keys.pasted(Array("a\n\u{1b}[201~b".utf8))
                == Array("\u{1b}[200~a\r[201~b\u{1b}[201~".utf8))
    }
}
