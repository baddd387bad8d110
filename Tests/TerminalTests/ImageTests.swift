// Images, clipboards and other long control strings: nothing of them is text, however long.
import Support
import Terminal
import Testing

@Suite struct ImageTests {
    /// An image as a program sends it.
    struct Image: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var text: String
    }

    private static let data = String(
        repeating: "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZn", count: 400)
    /// The same in lines of 76 bytes, as `base64` prints it.
    private static let folded = stride(from: 0, to: data.count, by: 76).map {
        String(data.dropFirst($0).prefix(76)) + "\r\n"
    }.joined()
    private static let sixels =
        "#0;2;0;0;0#0!99~-\r\n#0??@@AA$\r\n" + String(repeating: "~", count: 9000)

    static let images = [
        Image(testDescription: "iTerm2", text: "\u{1b}]1337;File=size=9;inline=1:\(data)\u{7}"),
        Image(testDescription: "iTerm2, folded", text: "\u{1b}]1337;File=inline=1:\(folded)\u{7}"),
        Image(testDescription: "kitty", text: "\u{1b}_Gf=100,a=T;\(data)\u{1b}\\"),
        Image(
            testDescription: "kitty, in pieces",
            text: String(repeating: "\u{1b}_Gm=1;\(data.prefix(4096))\u{1b}\\", count: 600)),
        Image(testDescription: "sixel", text: "\u{1b}P0;1;0q\"1;1;9;9\r\n\(sixels)\u{1b}\\"),
        Image(testDescription: "clipboard", text: "\u{1b}]52;c;\(data)\u{1b}\\"),
        Image(testDescription: "command line", text: "\u{1b}]633;E;\(data) a b\u{7}"),
        Image(
            testDescription: "in tmux",
            text: "\u{1b}Ptmux;\u{1b}\u{1b}]1337;File=:\(data)\u{7}\u{1b}\\"),
    ]

    @Test(arguments: images) func `nothing of an image is text`(image: Image) {
        let text = Array(("one\r\n" + image.text + "two\r\n").utf8)
        for cut in [0, 6, 9, 5000, text.count - 9, text.count] {
            var cleaner = CleanText()
            cleaner.append(text[..<cut])
            cleaner.append(text[cut...])
            #expect(String(decoding: cleaner.finish(), as: UTF8.self) == "one\ntwo\n", "\(cut)")
        }
    }

    @Test func `an image of many megabytes costs no memory`() {
        var scanner = ModeScanner()
        var cleaner = CleanText()
        let piece = [UInt8](repeating: 65, count: 1 << 20)
        for part in [Array("\u{1b}]1337;File=:".utf8)] + Array(repeating: piece, count: 5) {
            cleaner.append(part[...])
            _ = scanner.scan(part[...])
            #expect(scanner.unfinished.count < 1000)
        }
        cleaner.append([7, 65])
        #expect(cleaner.finish() == [65])
    }

    @Test(arguments: [
        ("\u{1b}]0;title\nnext\n", "\nnext\n"), ("\u{1b}]0;title\r\nnext\n", "\nnext\n"),
        ("\u{1b}]1337;File=:\nhello\n", "hello\n"), ("\u{1b}]52;c;\nhello\n", "hello\n"),
        ("\u{1b}_Gf=100;QUJD\nhello\n", "hello\n"),
        // Output that looks like data is taken for it up to the first byte that none has.
        ("\u{1b}Pq~~~\nhello world\nok\n", " world\nok\n"),
        ("\u{1b}]1337;File=:\u{18}a\n", "a\n"), ("\u{1b}_G\u{1a}a\n", "a\n"),
        ("\u{1b}Pq~~\u{1b}[31mred\n", "red\n"),
    ]) func `a string without an end does not swallow what follows`(text: String, left: String) {
        let bytes = Array(text.utf8)
        for cut in 0...bytes.count {
            var cleaner = CleanText()
            cleaner.append(bytes[..<cut])
            cleaner.append(bytes[cut...])
            #expect(String(decoding: cleaner.finish(), as: UTF8.self) == left, "\(cut)")
        }
    }

    @Test func `a line without end is not swallowed for ever`() {
        var cleaner = CleanText()
        cleaner.append(Array("\u{1b}]0;".utf8)[...])
        cleaner.append([UInt8](repeating: 65, count: 2 << 20)[...])
        #expect(cleaner.finish().count > 1 << 19)
    }
}
