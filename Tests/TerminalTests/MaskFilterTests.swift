// What a program draws for the letters of a secret does not come out, however the output is cut.
import Terminal
import Testing

@Suite struct MaskFilterTests {
    /// What comes after a secret was typed, and what is passed on.
    static let cases = [
        ("****\u{8} \u{8}\u{8} \u{8}\u{8} \u{8}\u{8} \u{8}\r\nuid=0 * 2\n", "\r\nuid=0 * 2\n"),
        ("\u{1b}[2K\rread> ●●●●\u{1b}[6C\r\nok ●\n", "\u{1b}[2K\rread> \r\nok ●\n"),
        ("•é→•\r\n", "é→\r\n"), ("a b\r\n", "a b\r\n"),
        ("\u{1b}[31mred\u{1b}]0;t\u{7}\u{1b}(B\r\n", "\u{1b}[31mred\u{1b}]0;t\u{7}\u{1b}(B\r\n"),
        ("no mask", "no mask"), ("", ""),
        // One star and "three more", erased characters, a tab back: each number tells the length.
        ("*\u{1b}[3b\r\nok\u{1b}[3b\n", "\r\nok\u{1b}[3b\n"),
        ("****\u{1b}[4D\u{1b}[4X\u{1b}[4P\u{1b}[4@\u{1b}[2`\u{1b}[3a\r\n", "\r\n"),
        // A program that names its row names the column behind the last star.
        ("\u{1b}[7;3H**\u{1b}[7;5H*\u{1b}[7;6f\r\n", "\r\n"),
        ("**\u{1b}[7;1H\u{1b}[9;20HOK\u{1b}[7;5H*", "\u{1b}[7;1H\u{1b}[9;20HOK"),
    ]

    @Test(arguments: cases) func `masks are dropped until the line ends`(text: String, left: String)
    {
        let bytes = Array(text.utf8)
        for cut in 0...bytes.count {
            var filter = MaskFilter()
            filter.begin()
            var output: [UInt8] = []
            filter.append(bytes[..<cut], to: &output)
            filter.append(bytes[cut...], to: &output)
            output += filter.flush()
            #expect(String(decoding: output, as: UTF8.self) == left, "\(cut)")
        }
    }

    @Test func `rows beside the secret's are drawn as they are`() {
        var filter = MaskFilter()
        filter.begin(row: 12)
        var output: [UInt8] = []
        filter.append(
            Array("**\u{1b}[20;30H<OK>\u{1b}[12;34H*\u{1b}[5;9Hagain".utf8)[...], to: &output)
        #expect(
            String(decoding: output, as: UTF8.self) == "\u{1b}[20;30H<OK>\u{1b}[5;9Hagain")
    }

    @Test func `without a secret everything passes`() {
        var filter = MaskFilter()
        var output: [UInt8] = []
        filter.append(Array("* a\u{8} ●".utf8)[...], to: &output)
        #expect(String(decoding: output, as: UTF8.self) == "* a\u{8} ●")
    }
}
