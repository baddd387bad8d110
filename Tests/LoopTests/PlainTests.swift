// What is left of others' text in logs and on terminals.
import Loop
import Testing

@Suite struct PlainTests {
    @Test(arguments: [
        ("plain", "plain"), ("a\tb", "a\tb"), ("é … 漢字 👍", "é … 漢字 👍"), ("", ""),
        ("a\nb", "a?b"), ("\u{1b}[2Jx", "?[2Jx"), ("\u{9b}2J", "?2J"), ("a\rb", "a?b"),
        ("\u{7f}\0\u{85}", "???"), ("\u{202e}txt", "?txt"), ("\u{2066}\u{200f}\u{feff}", "???"),
        ("\u{2028}\u{2029}", "??"), ("\u{1b}]52;c;AAAA\u{7}", "?]52;c;AAAA?"),
    ])
    func `nothing controls a terminal`(text: String, plain: String) {
        #expect(text.plain(keepsLines: false) == plain)
        #expect(
            text.plain(keepsLines: true)
                == (text.contains("\n") ? text : text.plain(keepsLines: false)))
    }
}
