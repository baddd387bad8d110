// Marks in a byte stream: every split point, forgery, bounds.
import Support
import Terminal
import Testing

let testNonce = Nonce(high: 0x0123_4567_89ab_cdef, low: 0xfedc_ba98_7654_3210)

/// What a scanner made of some chunks.
struct Scanned: Equatable {
    var output: [UInt8] = []
    var marks: [Mark] = []
    /// Where in the output each mark stood.
    var places: [Int] = []

    init(_ chunks: [[UInt8]], nonce: Nonce = testNonce) {
        var scanner = MarkScanner(nonce: nonce)
        func add(_ piece: MarkScanner.Piece) {
            switch piece {
            case .output(let bytes): output += bytes
            case .mark(let mark):
                marks.append(mark)
                places.append(output.count)
            case .outerMark: Issue.record("there is one shell")
            }
        }
        for chunk in chunks { scanner.scan(chunk, add) }
        scanner.finish(add)
    }
}

func mark(_ letter: String, _ fields: String, closed: Bool = true) -> [UInt8] {
    let end = letter == "C" ? "" : closed ? ";\(testNonce.text)\u{7}" : "\u{7}"
    return Array("\u{1b}]133;\(letter);\(testNonce.text);\(fields)\(end)".utf8)
}

@Suite struct MarkScannerTests {
    static let stream: [UInt8] =
        Array("echo\r\n".utf8) + mark("C", "7;\r\n", closed: false)
        + Array("out\u{1b}[0mput\u{1b}".utf8)
        + mark("E", "0;7;/a;b\u{7}c") + mark("D", "0;0;7;/tmp") + mark("F", "", closed: false)
        + mark("P", "42;/dev/pts/3;/usr/bin/bash") + Array("tail".utf8)

    static let whole = Scanned([stream])

    @Test func `all five marks are read and taken out of the output`() {
        #expect(
            String(decoding: Self.whole.output, as: UTF8.self)
                == "echo\r\nout\u{1b}[0mput\u{1b}tail")
        #expect(
            Self.whole.marks == [
                .began(number: 7, mapsNewlines: true),
                .ended(status: 0, number: 7, directory: Array("/a;b\u{7}c".utf8)),
                .prompt(status: 0, sentinel: 0, number: 7, directory: Array("/tmp".utf8)),
                .continuation,
                .identity(process: 42, terminal: "/dev/pts/3", program: "/usr/bin/bash"),
            ])
        #expect(Self.whole.places == [6, 17, 17, 17, 17])
    }

    @Test func `every pair of split points gives the same`() {
        let stream = Self.stream
        for first in 0...stream.count {
            for second in first...min(first + 40, stream.count) {
                let chunks = [stream[..<first], stream[first..<second], stream[second...]]
                #expect(Scanned(chunks.map(Array.init)) == Self.whole)
            }
        }
        #expect(Scanned(stream.map { [$0] }) == Self.whole)
    }

    @Test func `marks P and F are known by the first digits of the nonce, and no others are`() {
        func short(_ letter: String, _ fields: String, _ digits: Int) -> [UInt8] {
            let key = testNonce.text.prefix(digits)
            return Array("\u{1b}]133;\(letter);\(key);\(fields);\(key)\u{7}".utf8)
        }
        let bytes = Array("a".utf8) + short("P", "4/7;/dev/pts/3;bash", 8) + Array("b".utf8)
        let more = Array("\u{1b}]133;F;\(testNonce.text.prefix(8));\u{7}".utf8)
        for cut in 0...bytes.count {
            let scanned = Scanned([Array(bytes[..<cut]), Array(bytes[cut...]) + more])
            #expect(
                scanned.marks == [
                    .identity(process: 4, image: 7, terminal: "/dev/pts/3", program: "bash"),
                    .continuation,
                ])
            #expect(scanned.output == Array("ab".utf8))
        }
        for other in [
            short("P", "4;none;sh", 7), short("P", "4;none;sh", 9), short("E", "0;1;/", 8),
        ] {
            #expect(Scanned([other]).output == other)
            #expect(Scanned(other.map { [$0] }).output == other)
        }
    }

    @Test func `a mark with another nonce is output`() {
        let other = Nonce(high: 1, low: 2)
        let scanned = Scanned([Self.stream], nonce: other)
        #expect(scanned.marks.isEmpty)
        #expect(scanned.output == Self.stream)
    }

    @Test func `a mark cut short is output, and the next one is found`() {
        let cut = Array(mark("E", "0;1;/").prefix(20))
        let scanned = Scanned([cut + mark("E", "3;1;/")])
        #expect(scanned.output == cut)
        #expect(scanned.marks == [.ended(status: 3, number: 1, directory: [47])])
    }

    @Test func `fields that are no numbers are output`() {
        for bad in [
            mark("E", "x;1;/"), mark("D", "$?;$__s;$__n;/"), mark("E", "1"),
            mark("C", "1\n", closed: false),
        ] {
            let scanned = Scanned([bad + Array("z".utf8)])
            #expect(scanned.marks.isEmpty)
            #expect(scanned.output == bad + Array("z".utf8))
        }
    }

    @Test func `a mark without an end is given up`() {
        let endless = mark("E", "0;1;/").dropLast(1) + [UInt8](repeating: 97, count: 20_000)
        let scanned = Scanned([Array(endless), mark("E", "0;2;/")])
        #expect(scanned.output == Array(endless))
        #expect(scanned.marks.count == 1)
    }

    @Test func `random bytes with marks between them come out in order`() {
        for seed in UInt64(0)..<200 {
            var random = Seeded(state: seed)
            var stream: [UInt8] = []
            var output: [UInt8] = []
            var count = 0
            let alphabet: [UInt8] =
                [0x1b, 0x5d, 0x31, 0x33, 0x3b, 7, 97, 10] + testNonce.bytes.prefix(2)
            for _ in 0..<20 {
                let noise = (0..<Int.random(in: 0..<30, using: &random)).map { _ in
                    alphabet.randomElement(using: &random) ?? 0
                }
                output += noise
                stream += noise + mark("E", "\(count);\(count);/")
                count += 1
            }
            var chunks: [[UInt8]] = []
            var rest = stream[...]
            while !rest.isEmpty {
                let size = Int.random(in: 1...60, using: &random)
                chunks.append(Array(rest.prefix(size)))
                rest = rest.dropFirst(size)
            }
            let scanned = Scanned(chunks)
            #expect(scanned.output == output, "seed \(seed)")
            #expect(scanned.marks.count == count, "seed \(seed)")
        }
    }

    @Test func `marks of shells inside each other are told apart, wherever they are cut`() {
        let (outer, inner) = (Nonce(high: 1, low: 2), Nonce(high: 1, low: 3))
        func mark(_ nonce: Nonce, _ number: Int) -> [UInt8] {
            Array("\u{1b}]133;E;\(nonce.text);0;\(number);/;\(nonce.text)\u{7}".utf8)
        }
        let bytes =
            Array("a".utf8) + mark(inner, 1) + Array("b".utf8) + mark(outer, 2) + mark(inner, 3)
        for cut in 0...bytes.count {
            var scanner = MarkScanner(nonce: outer)
            scanner.push(inner)
            var told: [String] = []
            var text: [UInt8] = []
            func take(_ piece: MarkScanner.Piece) {
                switch piece {
                case .output(let slice): text += slice
                case .mark(.ended(_, _, _, let number, _)): told.append("inner \(number)")
                case .outerMark(.ended(_, _, _, let number, _), let level):
                    told.append("\(level) \(number)")
                default: told.append("?")
                }
            }
            scanner.scan(Array(bytes[..<cut]), take)
            scanner.scan(Array(bytes[cut...]), take)
            #expect(told == ["inner 1", "0 2", "inner 3"], "cut at \(cut)")
            #expect(text == Array("ab".utf8))
            scanner.keep(1)
            #expect(scanner.levels == 1)
            scanner.scan(mark(inner, 4) + mark(outer, 5), take)
            #expect(told.dropFirst(3) == ["inner 5"])
            #expect(text.count > 10)
        }
    }

    @Test func `a shell that is forgotten in the middle of its mark leaves output`() {
        let (outer, inner) = (Nonce(high: 1, low: 2), Nonce(high: 1, low: 3))
        let bytes = Array("\u{1b}]133;E;\(outer.text);0;1;/;\(outer.text)\u{7}".utf8)
        for cut in 0...bytes.count {
            var scanner = MarkScanner(nonce: outer)
            scanner.push(inner)
            var output: [UInt8] = []
            var marks = 0
            func take(_ piece: MarkScanner.Piece) {
                if case .output(let slice) = piece { output += slice } else { marks += 1 }
            }
            scanner.scan(Array(bytes[..<cut]), take)
            scanner.remove(0)
            scanner.scan(Array(bytes[cut...]), take)
            scanner.finish(take)
            #expect(cut == bytes.count ? marks == 1 : output == bytes, "cut at \(cut)")
        }
    }

    @Test func `variables that are cut short are nobody's output, and the next mark is found`() {
        let variables = Array("\u{1b}]133;V;\(testNonce.text);A=secret\0B=\u{1b}]133;x\u{7}".utf8)
        let whole = variables + Array("y\0;\(testNonce.text)\u{7}".utf8)
        for cut in 0...whole.count {
            var scanner = MarkScanner(nonce: testNonce)
            var marks: [Mark] = []
            var text = ""
            func take(_ piece: MarkScanner.Piece) {
                switch piece {
                case .output(let bytes): text += String(decoding: bytes, as: UTF8.self)
                case .mark(let mark), .outerMark(let mark, _): marks.append(mark)
                }
            }
            scanner.scan(Array(whole[..<cut]), take)
            scanner.scan(Array(whole[cut...]), take)
            #expect(marks == [.exports(Array("A=secret\0B=\u{1b}]133;x\u{7}y\0".utf8))], "\(cut)")
            #expect(text == "")
        }
        var scanner = MarkScanner(nonce: testNonce)
        var marks: [Mark] = []
        var text: [UInt8] = []
        func take(_ piece: MarkScanner.Piece) {
            switch piece {
            case .output(let bytes): text += bytes
            case .mark(let mark), .outerMark(let mark, _): marks.append(mark)
            }
        }
        scanner.scan(variables + mark("D", "0;0;7;/tmp") + Array("on".utf8), take)
        #expect(
            marks == [.prompt(status: 0, sentinel: 0, number: 7, directory: Array("/tmp".utf8))])
        #expect(text == Array("on".utf8))
        scanner.scan(variables + Array(repeating: 120, count: 200_000), take)
        #expect(!text.contains(Array("secret".utf8)))
        #expect(text.count > 50_000)
        scanner.scan(variables, take)
        scanner.finish(take)
        #expect(!text.contains(Array("secret".utf8)))
    }
}
