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

    @Test func `without a secret everything passes`() {
        var filter = MaskFilter()
        var output: [UInt8] = []
        filter.append(Array("* a\u{8} ●".utf8)[...], to: &output)
        #expect(String(decoding: output, as: UTF8.self) == "* a\u{8} ●")
    }
}
