// What a screen answers to programs that ask the terminal something.
import Terminal
import Testing

@testable import Screen

@Suite struct ScreenReplyTests {
    static let cases: [(String, String)] = [
        ("\u{1b}[5n", "\u{1b}[0n"),
        ("\u{1b}[6n", "\u{1b}[1;1R"),
        ("ab\r\ncde\u{1b}[6nf", "\u{1b}[2;4R"),
        ("\u{1b}[3;7H\u{1b}[?6n", "\u{1b}[?3;7R"),
        ("\u{1b}[999;999H\u{1b}[6n", "\u{1b}[5;20R"),
        ("漢字\u{1b}[6n", "\u{1b}[1;5R"),
        ("\u{1b}[c", "\u{1b}[?1;2c"),
        ("\u{1b}[0c", "\u{1b}[?1;2c"),
        ("\u{1b}Z", "\u{1b}[?1;2c"),
        ("\u{1b}[>c", "\u{1b}[>0;100;0c"),
        ("\u{1b}[?1$p", "\u{1b}[?1;2$y"),
        ("\u{1b}[?1h\u{1b}[?1$p", "\u{1b}[?1;1$y"),
        ("\u{1b}[?7$p", "\u{1b}[?7;1$y"),
        ("\u{1b}[?25$p", "\u{1b}[?25;1$y"),
        ("\u{1b}[?25l\u{1b}[?25$p", "\u{1b}[?25;2$y"),
        ("\u{1b}[?2004h\u{1b}[?2004$p", "\u{1b}[?2004;1$y"),
        ("\u{1b}[?1002h\u{1b}[?1002$p", "\u{1b}[?1002;1$y"),
        ("\u{1b}[?1006$p", "\u{1b}[?1006;2$y"),
        ("\u{1b}[?12$p", "\u{1b}[?12;1$y"),
        ("\u{1b}[?1049$p", "\u{1b}[?1049;2$y"),
        ("\u{1b}[?1049h\u{1b}[?1049$p", "\u{1b}[?1049;1$y"),
        ("\u{1b}[?2026$p", "\u{1b}[?2026;0$y"),
        ("\u{1b}[1;31m\u{1b}P$qm\u{1b}\\", "\u{1b}P0$r\u{1b}\\"),
        ("\u{1b}[2;4r\u{1b}P$qr\u{1b}\\", "\u{1b}P1$r2;4r\u{1b}\\"),
        ("\u{1b}P$q q\u{1b}\\", "\u{1b}P1$r1 q\u{1b}\\"),
        ("\u{1b}[18t", "\u{1b}[8;5;20t"),
        ("\u{1b}[>q", "\u{1b}P>|Homeline\u{1b}\\"),
        ("\u{1b}]11;?\u{7}", "\u{1b}]11;rgb:0000/0000/0000\u{7}"),
        // What fish 4 asks when it starts.
        (
            "\u{1b}[?u\u{1b}P+q696e646e\u{1b}\\\u{1b}[>0q\u{1b}[0c",
            "\u{1b}P0+r696e646e\u{1b}\\\u{1b}P>|Homeline\u{1b}\\\u{1b}[?1;2c"
        ),
        ("plain\u{1b}[31mred\u{1b}[2J\u{1b}]0;title\u{7}", ""),
    ]

    @Test(arguments: cases)
    func `what a program asks is answered, whatever the cuts`(text: String, answer: String) {
        let bytes = Array(text.utf8)
        for cut in 0...bytes.count {
            let screen = Screen(columns: 20, rows: 5)
            screen.feed(bytes[..<cut])
            screen.feed(bytes[cut...])
            let got = String(decoding: screen.takeReplies(), as: UTF8.self)
            #expect(got == answer, "cut at \(cut)")
        }
    }

    @Test func `modes outlast a new size, and answers that nobody takes do not grow`() {
        let screen = Screen(columns: 20, rows: 5)
        screen.feed(Array("\u{1b}[?1;2004;1003h".utf8)[...])
        screen.resize(columns: 30, rows: 6)
        screen.feed(Array("\u{1b}[?1$p\u{1b}[?2004$p\u{1b}[?1003$p".utf8)[...])
        let answer = String(decoding: screen.takeReplies(), as: UTF8.self)
        #expect(answer == "\u{1b}[?1;1$y\u{1b}[?2004;1$y\u{1b}[?1003;1$y")
        for _ in 0..<5000 { screen.feed(Array("\u{1b}[6n".utf8)[...]) }
        #expect(screen.takeReplies().count <= 4096)
    }

    @Test func `the title of a window of screen or tmux is not drawn`() {
        let screen = Screen(columns: 20, rows: 5)
        screen.feed(Array("\u{1b}k title\u{1b}\\hello".utf8)[...])
        #expect(screen.rows[0] == "hello")
    }
}
