// Modes and alternate-screen ranges, followed in a stream that is cut anywhere.
import Terminal
import Testing

@Suite struct TerminalModesTests {
    static func modes(_ text: String, cut: Int) -> (TerminalModes, Bool) {
        let bytes = Array(text.utf8)
        var scanner = ModeScanner()
        let first = scanner.scan(bytes[..<cut])
        let second = scanner.scan(bytes[cut...])
        return (scanner.modes, first || second)
    }

    static let cases: [(String, [String], Bool, String, Bool)] = [
        ("plain", [], false, "", false),
        ("\u{1b}[1;31mred\u{1b}[0m\u{1b}[K", [], false, "", false),
        ("\u{1b}[?1049h", [], true, "", true),
        ("\u{1b}[?1049h\u{1b}[?1049l", [], false, "", true),
        ("\u{1b}[?1;2004h", ["bracketed_paste", "application_cursor_keys"], false, "", false),
        ("\u{1b}[?1002h\u{1b}[?1003h", ["mouse_move"], false, "", false),
        ("\u{1b}[?1000h\u{1b}[?1000l", [], false, "", false),
        ("\u{1b}]0;a\u{7}\u{1b}]2;b é\u{1b}\\", [], false, "b é", false),
        ("\u{1b}]2;never\nnext", [], false, "", false),
        ("\u{1b}[2Jx", [], false, "", true),
        ("\u{1b}[5;5H", [], false, "", true),
        ("\u{1b}[?2004h\u{1b}c", [], false, "", true),
        ("\u{1b}[?20\u{1b}[?2004h", ["bracketed_paste"], false, "", false),
        ("\u{1b}[?20\u{18}04h", [], false, "", false),
        ("\u{1b}P\u{1b}[?2004h\u{1b}\\", ["bracketed_paste"], false, "", false),
        ("\u{1b}[>4;1m\u{1b}[?1$p", [], false, "", false),
    ]

    @Test(arguments: cases)
    func `modes are followed whatever the cuts`(
        text: String, names: [String], isAlternate: Bool, title: String, draws: Bool
    ) {
        for cut in 0...text.utf8.count {
            let (modes, drew) = Self.modes(text, cut: cut)
            #expect(modes.names == names, "cut at \(cut)")
            #expect(modes.isAlternate == isAlternate && modes.title == title, "cut at \(cut)")
            #expect(drew == draws, "cut at \(cut)")
        }
    }

    @Test func `a string without an end is given up`() {
        var scanner = ModeScanner()
        _ = scanner.scan(Array(("\u{1b}]2;" + String(repeating: "x", count: 1 << 20)).utf8)[...])
        #expect(scanner.unfinished.count < 1000)
        _ = scanner.scan(Array("\u{1b}[?2004h".utf8)[...])
        #expect(scanner.modes.bracketsPaste)
    }

    @Test func `ranges outside of the alternate screen`() {
        let text = Array("one\u{1b}[?1049hAAA\u{1b}[?1049ltwo\u{1b}[?1047hBBB".utf8)
        for cut in 0...text.count {
            var ranges = PictureRanges()
            ranges.scan(text[..<cut], at: 100)
            ranges.scan(text[cut...], at: 100 + cut)
            let visible = ranges.visible(in: 100..<(100 + text.count))
            var shown = ""
            for part in visible {
                shown += String(
                    decoding: text[(part.lowerBound - 100)..<(part.upperBound - 100)],
                    as: UTF8.self)
            }
            #expect(shown == "one\u{1b}[?1049htwo\u{1b}[?1047h", "cut at \(cut)")
            #expect(ranges.visible(in: 112..<113).isEmpty)
            #expect(ranges.visible(in: 200..<300).isEmpty)
            ranges.leave(at: 150)
            #expect(ranges.visible(in: 140..<300) == [150..<300])
            #expect(ranges.visible(in: 5..<5).isEmpty)
        }
    }

    @Test func `a picture on the main screen, once its program is known to draw`() {
        for (text, shown) in [
            ("one\r\n\u{1b}[?1h\u{1b}=\u{1b}[H\u{1b}[2Jtop\u{1b}[H", "one\r\n"),
            ("\u{1b}[H\u{1b}[2Jstep 1\n\u{1b}[?1h\u{1b}=\u{1b}[5dtop", "\u{1b}[H\u{1b}[2Jstep 1\n"),
            ("one\u{1b}[3;4Htwo", "one"),
            ("10%\u{1b}[K\r20%\u{1b}[1A", "10%\u{1b}[K\r20%\u{1b}[1A"),
            ("\u{1b}[?1049hA\u{1b}[?1049lone\u{1b}[2Jtwo", "\u{1b}[?1049hone"),
            // What follows `clear` is lines, up to where a program begins to draw.
            ("\u{1b}[H\u{1b}[2J\u{1b}[3Jstep 1\n", "\u{1b}[H\u{1b}[2J\u{1b}[3Jstep 1\n"),
            ("\u{1b}[H\u{1b}[2J\u{1b}[3Ja\n\u{1b}[H\u{1b}[Jtop", "\u{1b}[H\u{1b}[2J\u{1b}[3Ja\n"),
        ] {
            let bytes = Array(text.utf8)
            for cut in 0...bytes.count {
                var ranges = PictureRanges()
                ranges.scan(bytes[..<cut], at: 0)
                ranges.scan(bytes[cut...], at: cut)
                ranges.takeScreen()
                let parts = ranges.visible(in: 0..<bytes.count)
                let seen = parts.map { String(decoding: bytes[$0], as: UTF8.self) }.joined()
                #expect(seen == shown, "cut at \(cut)")
                ranges.leaveScreen(at: 100)
                ranges.takeScreen()
                #expect(ranges.visible(in: 100..<200) == [100..<200])
            }
        }
    }

    @Test func `what follows a program that has drawn on the main screen is lines`() {
        let begin = "one\r\n\u{1b}[?1h\u{1b}=\u{1b}[H\u{1b}[2Jtop\u{1b}[H"
        // As top leaves: its sequences follow each other.
        let end = "\u{1b}[?1l\u{1b}>\u{1b}[25;1H\u{1b}[?12l\u{1b}[?25h\u{1b}[K"
        let bytes = Array((begin + end + "\r\ntwo\r\nthree\r\n").utf8)
        for cut in begin.utf8.count...bytes.count {
            var ranges = PictureRanges()
            ranges.scan(bytes[..<begin.utf8.count], at: 0)
            ranges.takeScreen()
            ranges.scan(bytes[begin.utf8.count..<cut], at: begin.utf8.count)
            ranges.scan(bytes[cut...], at: cut)
            let parts = ranges.visible(in: 0..<bytes.count)
            let seen = parts.map { String(decoding: bytes[$0], as: UTF8.self) }.joined()
            #expect(seen == "one\r\ntwo\r\nthree\r\n", "cut at \(cut)")
            #expect(!ranges.isDrawing)
        }
    }

    @Test(arguments: ImageTests.images)
    func `an image is no line, finished or not`(image: ImageTests.Image) {
        let text = Array(("one\r\n" + image.text + "two\r\n" + image.text).utf8)
        for cut in [0, 5, 6, 100, 4000, image.text.utf8.count + 5, text.count - 3, text.count] {
            var ranges = PictureRanges()
            ranges.scan(text[..<min(cut, text.count)], at: 0)
            ranges.scan(text[min(cut, text.count)...], at: min(cut, text.count))
            let parts = ranges.visible(in: 0..<text.count)
            #expect(
                CleanText.clean(parts.flatMap { text[$0] }[...]) == "one\ntwo\n", "cut at \(cut)")
            // An answer that begins within the image does not show the rest of it.
            #expect(ranges.visible(in: 300..<310).isEmpty)
        }
        var ranges = PictureRanges()
        ranges.scan(text.dropLast(40), at: 0)
        #expect(ranges.visible(in: (text.count - 60)..<(text.count - 40)).isEmpty)
        ranges.leave(at: text.count - 40)
        #expect(
            ranges.visible(in: text.count..<(text.count + 9)) == [text.count..<(text.count + 9)])
    }

    @Test func `a program that never rests costs no memory`() {
        var ranges = PictureRanges()
        let text = Array("\u{1b}[?1049hx\u{1b}[?1049l".utf8)
        for round in 0..<10_000 { ranges.scan(text[...], at: round * text.count) }
        #expect(ranges.visible(in: 0..<(10_000 * text.count)).count <= 258)
    }

    @Test(arguments: [
        ("\u{1b}[H\u{1b}[2J>>> ", false), ("\u{1b}[2J\u{1b}[H$ \u{1b}[m", false),
        ("\u{1b}[H\u{1b}[2J\u{1b}[3J$ \u{1b}[K", false), ("\u{1b}[1G\u{1b}[0J> \u{1b}[3G", false),
        ("\u{1b}[A\r\u{1b}[Jtext", false), ("\u{1b}[5;5Hx", true), ("\u{1b}[1;24r", true),
        ("\u{1b}[24dx", true), ("\u{1b}[Htop \u{1b}[K", true), ("\u{1b}M", true),
        ("\u{1b}[1;1H\u{1b}[0m", true),
    ])
    func `a screen is drawn by placing rows, and a line is not`(text: String, places: Bool) {
        for cut in 0...text.utf8.count {
            #expect(Self.modes(text, cut: cut).0.placesRows == places, "\(cut)")
        }
        var scanner = ModeScanner()
        _ = scanner.scan(Array(text.utf8)[...])
        scanner.forgetRows()
        #expect(!scanner.modes.placesRows)
    }
}
