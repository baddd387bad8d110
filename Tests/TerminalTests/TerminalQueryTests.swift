// What programs ask a terminal is recognised among what they draw and switch.
import Terminal
import Testing

@Suite struct TerminalQueryTests {
    /// The newest question of a text; nil: it asks nothing.
    static func query(_ text: String) -> TerminalQuery? {
        var parser = EscapeParser()
        var found: TerminalQuery?
        for byte in text.utf8 {
            if case .sequence(let kind)? = parser.take(byte) {
                found = TerminalQuery(kind, parser.body, endsWithBell: parser.endsWithBell)
            }
        }
        return found
    }

    static let fixed: [(String, String)] = [
        ("\u{1b}[=c", "\u{1b}P!|00000000\u{1b}\\"),
        ("\u{1b}[>q", "\u{1b}P>|Homeline\u{1b}\\"),
        ("\u{1b}[>0q", "\u{1b}P>|Homeline\u{1b}\\"),
        ("\u{1b}[?2026$p", "\u{1b}[?2026;0$y"),
        ("\u{1b}[4$p", "\u{1b}[4;0$y"),
        ("\u{1b}[?15n", "\u{1b}[?13n"),
        ("\u{1b}]11;?\u{7}", "\u{1b}]11;rgb:0000/0000/0000\u{7}"),
        ("\u{1b}]10;?\u{1b}\\", "\u{1b}]10;rgb:e5e5/e5e5/e5e5\u{1b}\\"),
        (
            "\u{1b}]10;?;?\u{7}",
            "\u{1b}]10;rgb:e5e5/e5e5/e5e5\u{7}\u{1b}]11;rgb:0000/0000/0000\u{7}"
        ),
        ("\u{1b}]4;1;?\u{7}", "\u{1b}]4;1;rgb:cdcd/0000/0000\u{7}"),
        ("\u{1b}]4;196;?\u{7}", "\u{1b}]4;196;rgb:ffff/0000/0000\u{7}"),
        ("\u{1b}]4;255;?\u{7}", "\u{1b}]4;255;rgb:eeee/eeee/eeee\u{7}"),
        ("\u{1b}P+q544e\u{1b}\\", "\u{1b}P0+r544e\u{1b}\\"),
        ("\u{1b}P+q5\u{e9}4e\u{1b}\\", "\u{1b}P0+r\u{1b}\\"),
        ("\u{1b}P$qz\u{1b}\\", "\u{1b}P0$r\u{1b}\\"),
    ]

    @Test(arguments: fixed)
    func `an answer that depends on nothing`(text: String, answer: String) {
        #expect(Self.query(text) == .fixed(Array(answer.utf8)))
    }

    @Test(arguments: [
        "\u{1b}[m", "\u{1b}[0m", "\u{1b}[38;5;4m", "\u{1b}[2J", "\u{1b}[?25h", "\u{1b}[>4;1m",
        "\u{1b}[1q", "\u{1b}[2 q", "\u{1b}[8;24;80t", "\u{1b}[22;0t", "\u{1b}[21t", "\u{1b}[s",
        "\u{1b}[u", "\u{1b}[?u", "\u{1b}[>1u", "\u{1b}]0;title?\u{7}", "\u{1b}]11;#123456\u{7}",
        "\u{1b}]52;c;?\u{7}", "\u{1b}]8;;http://x/?\u{7}", "\u{1b}Pq#0\u{1b}\\", "\u{1b}c",
        "\u{1b}[!p", "\u{1b}[99999999999999999999$p", "\u{1b}]4;999;?\u{7}", "\u{1b}]10;?;x;?\u{7}",
        "\u{1b}[?1;1;0S", "\u{1b}[?62;22c", "\u{1b}[1;1R", "\u{1b}[?2026;0$y",
    ])
    func `other sequences ask nothing, nor do answers`(text: String) {
        #expect(Self.query(text) == nil)
    }

    @Test func `a question that ends a piece of output is marked as its last part`() {
        for (text, asking) in [
            ("plain", ModeScanner.Asking.nothing), ("\u{1b}[6n", .last), ("\u{1b}[6nx", .before),
            ("x\u{1b}[6n\u{1b}[c", .last), ("\u{1b}]11;?\u{1b}\\", .last), ("", .nothing),
            ("\u{1b}[31mred", .nothing),
        ] {
            var scanner = ModeScanner()
            _ = scanner.scan(Array(text.utf8)[...])
            #expect(scanner.asking == asking, "\(text.debugDescription)")
        }
    }
}
