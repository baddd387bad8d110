// Clean text: the same for every cut, valid, as a person would see it.
import Support
import Terminal
import Testing

@Suite struct CleanTextTests {
    @Test func `blanks at the ends of a terminal's lines are left out, not those of a question`() {
        for (text, shown) in [
            ("a   \r\n  b \r\n\r\n   \r\n", "a\n  b\n\n\n"), ("Name: ", "Name: "),
            ("a\t \r\nb\t\r\n", "a\t\nb\t\n"), ("abc   \rx\r\n", "xbc\n"),
            ("a  \r\nb\u{1b}[A\u{1b}[3C!\r\n\r\n", "a   !\nb\n"),
        ] {
            let bytes = Array(text.utf8)
            for cut in 0...bytes.count {
                var cleaner = CleanText(trims: true)
                cleaner.append(bytes[..<cut])
                cleaner.append(bytes[cut...])
                #expect(String(decoding: cleaner.finish(), as: UTF8.self) == shown, "cut at \(cut)")
            }
        }
    }

    static let cases: [(String, String)] = [
        ("a\r\nb\r\n", "a\nb\n"),
        ("a\nb", "a\nb"),
        ("10%\r50%\r100%\r\ndone", "100%\ndone"),
        ("long line\rab\n", "abng line\n"),
        ("long line\r\u{1b}[Kab\n", "ab\n"),
        ("\u{1b}[1;31mred\u{1b}[0m", "red"),
        ("\u{1b}]0;title\u{7}text", "text"),
        ("\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
        ("\u{1b}Pq#0;2;0\u{1b}\\after", "after"),
        ("a\u{8}b", "b"),
        ("N\u{8}NA\u{8}A", "NA"),
        ("x\u{7}\u{0}y\u{7f}z", "xyz"),
        ("é漢字🙂", "é漢字🙂"),
        ("ééé\ra", "aéé"),
        ("a\u{1b}(Bb", "ab"),
        ("col\u{1b}[5Cumn", "col     umn"),
        ("abc\u{1b}[2K", "   "),
        ("abc\u{1b}[2K\rd\n", "d\n"),
        ("old line\u{1b}[1K\rnew\n", "new\n"),
        ("héllo\u{1b}[2D\u{1b}[1KX\n", "   Xo\n"),
        ("kept  \n", "kept  \n"),
        ("\u{1b}k title\u{1b}\\hello\n", "hello\n"),
        ("tab\there", "tab\there"),
        ("a\u{85}b", "ab"),
        ("unfinished \u{1b}]0;never\nnext", "unfinished \nnext"),
        ("a\r\r\nb", "a\nb"),
        ("end\u{1b}", "end"),
        ("a 1\r\nb 1\r\n\u{1b}[2Aa 2\r\nb 22\r\ndone\n", "a 2\nb 22\ndone\n"),
        ("x 10%\r\n\u{1b}[1A\u{1b}[2K\rx 100%\r\u{1b}[1Bend\n", "x 100%\nend\n"),
        ("one\ntwo\n\u{1b}[5Fzero", "zero\ntwo\n"),
        ("a\nb\nc\u{1b}[2F\u{1b}[JX", "X"),
        ("ab\ncd\u{1b}[AX", "abX\ncd"),
        ("ab\ncd\u{1b}[AX\u{1b}[B!", "abX\ncd !"),
        ("é\n漢\u{1b}[Ax", "éx\n漢"),
        ("a\n\n\u{1b}[2Alonger\n", "longer\n\n"),
        ("ab\ncd\n\u{1b}[2A\u{1b}[K", "\ncd\n"),
        ("a\u{1b}[B\u{1b}[Eb", "b"),
    ]

    @Test(arguments: cases)
    func `output cleans to what a person sees, whatever the cuts`(raw: String, clean: String) {
        let bytes = Array(raw.utf8)
        #expect(CleanText.clean(bytes[...]) == clean)
        for cut in 0...bytes.count {
            var cleaner = CleanText()
            cleaner.append(bytes[..<cut])
            cleaner.append(bytes[cut...])
            let text = cleaner.finish()
            #expect(String(decoding: text, as: UTF8.self) == clean, "cut at \(cut)")
        }
    }

    @Test func `invalid UTF-8 is repaired as Swift does`() {
        let cases: [[UInt8]] = [
            [0xff], [0xc3], [0xc3, 0x28], [0xe2, 0x82], [0xe2, 0x28, 0xa1], [0xf0, 0x9f, 0x98],
            [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0x80, 0x81],
            [0x61, 0xe4, 0xf6, 0x62],
        ]
        for bytes in cases {
            let bytes = [97] + bytes
            #expect(CleanText.clean(bytes[...]) == String(decoding: bytes, as: UTF8.self))
        }
    }

    @Test func `random bytes give valid text without control characters, the same for every cut`() {
        for seed in UInt64(0)..<300 {
            var random = Seeded(state: seed)
            let alphabet: [UInt8] = [
                0x1b, 0x5b, 0x5d, 0x4b, 0x32, 7, 8, 10, 13, 65, 66, 70, 74, 97, 98, 0xc3, 0xa9,
                0xe2, 0x82, 0xac,
            ]
            let bytes = (0..<200).map { _ in alphabet.randomElement(using: &random) ?? 0 }
            let whole = CleanText.clean(bytes[...])
            #expect(
                whole.unicodeScalars.allSatisfy { $0.value >= 32 || $0 == "\n" || $0 == "\t" })
            let cut = Int.random(in: 0...200, using: &random)
            var cleaner = CleanText()
            cleaner.append(bytes[..<cut])
            cleaner.append(bytes[cut...])
            let text = cleaner.finish()
            #expect(String(decoding: text, as: UTF8.self) == whole, "seed \(seed)")
        }
    }

    @Test(arguments: [
        "\u{1b}[Ax", "\u{1b}[Aé\u{8}", "x\ny\u{1b}[F", "\u{1b}k title\u{1b}\\x",
        "\u{1b}[999A\u{1b}[J", "é\rx",
    ])
    func `redrawing without end takes its time in proportion`(piece: String) {
        let lines = String(repeating: String(repeating: "ab", count: 50) + "\n", count: 2000)
        let text = lines + String(repeating: piece, count: 20_000)
        let start = threadTime()
        _ = CleanText.clean(Array(text.utf8)[...])
        let took = threadTime() - start
        #expect(took < .seconds(5), "\(took)")
    }

    @Test func `a line longer than any terminal's is not erased from its beginning`() {
        let long = String(repeating: "a", count: 60_000)
        let text = long + String(repeating: "\u{1b}[1K", count: 50_000)
        let start = threadTime()
        #expect(CleanText.clean(Array(text.utf8)[...]) == long)
        #expect(threadTime() - start < .seconds(5))
    }

    @Test func `cuts fall between lines, characters and sequences`() {
        func whole(_ text: String) -> Int { TextCut.whole(Array(text.utf8)[...]) }
        #expect(whole("abc") == 3)
        #expect(whole("abc\r") == 3)
        #expect(whole("abc\u{1b}[1;3") == 3)
        #expect(whole("abc\u{1b}[1;3m") == 9)
        #expect(whole("abc\u{1b}k tit") == 3)
        #expect(TextCut.whole([97, 0xe2, 0x82]) == 1)
        #expect(TextCut.whole([97, 0xe2, 0x82, 0xac]) == 4)
        #expect(TextCut.whole([0x80, 0x80, 0x80, 0x80]) == 4)
        let lines = Array("aaaaaaaaaaaaaaaaaaa\nbb".utf8)
        #expect(TextCut.head(lines[...]) == 20)
        #expect(TextCut.tail(Array("a\nbbbbbbbbbbbbbb".utf8)[...]) == 2)
    }

    @Test func `the terminal's CR goes, a program's own stays`() {
        func undo(_ chunks: [String], maps: Bool = true) -> String {
            var map = NewlineMap()
            map.isMapping = maps
            var output: [UInt8] = []
            for chunk in chunks { map.append(Array(chunk.utf8)[...], to: &output) }
            map.finish(to: &output)
            return String(decoding: output, as: UTF8.self)
        }
        #expect(undo(["a\r\nb"]) == "a\nb")
        #expect(undo(["a\r", "\nb\r"]) == "a\nb\r")
        #expect(undo(["a\r\r\nb"]) == "a\r\nb")
        #expect(undo(["a\r", "\r", "\nb"]) == "a\r\nb")
        #expect(undo(["10%\r20%"]) == "10%\r20%")
        #expect(undo(["a\r\nb"], maps: false) == "a\r\nb")
    }

    @Test func `the echo of typed lines goes, other output stays`() {
        var filter = EchoFilter(editor: .none)
        filter.expect(Array("one\ntwo\n".utf8))
        var output: [UInt8] = []
        for chunk in ["lat", "e\non", "e\nnoise two\nrest"] {
            filter.append(Array(chunk.utf8)[...], to: &output)
        }
        #expect(String(decoding: output, as: UTF8.self) == "late\nnoise rest")
        #expect(filter.isIdle)
    }

    @Test func `what fish draws at its prompt goes, lines of output stay`() {
        let blanks = String(repeating: " ", count: 79)
        let filler = "\u{1b}[2m\u{23ce}\u{1b}(B\u{1b}[m\(blanks)\r\u{23ce} \r\u{1b}[K"
        func pass(_ chunks: [String], typed: String? = nil) -> String {
            var filter = EchoFilter(editor: .draws)
            var output: [UInt8] = []
            if let typed { filter.expect(Array(typed.utf8) + [10], endsAtLine: true) }
            for chunk in chunks { filter.append(Array(chunk.utf8)[...], to: &output) }
            filter.stop(to: &output)
            return String(decoding: output, as: UTF8.self)
        }
        #expect(pass([filler, "\u{1b}[?2004h\u{1b}[30m\u{1b}(B\u{1b}[m"]) == "")
        #expect(pass(["late\n", "\u{1b}[30m\r"]) == "late\n")
        #expect(pass(["l\u{1b}[2Cs\n", "abc", filler], typed: "ls") == "abc")
        #expect(pass(["l\u{1b}[2Cs", "\nabc\ndef"], typed: "ls") == "abc\ndef")
        #expect(pass(["ls\na^J\(blanks)\r^J \r"], typed: "ls") == "a")
        #expect(pass(["ls\n\(blanks)\rx"], typed: "ls") == "\(blanks)\rx")
    }
}
