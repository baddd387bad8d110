// Nonces in a program's output are replaced, wherever the output is cut, and nothing else is.
import Support
import Terminal
import Testing

@Suite struct NonceFilterTests {
    static let other = Nonce(high: 0xfeed_0000_0000_0001, low: 0x0123_4567_0000_0002)

    private static func filtered(_ chunks: [ArraySlice<UInt8>]) -> String {
        var filter = NonceFilter(testNonce)
        filter.push(other)
        var output: [UInt8] = []
        for chunk in chunks { output += filter.filter(chunk) }
        return String(decoding: output + filter.flush(), as: UTF8.self)
    }

    @Test func `a nonce is replaced, whole or half, also next to what looks like its beginning`() {
        let whole = testNonce.text
        let (first, second) = (whole.prefix(16), whole.dropFirst(16))
        for (text, expected) in [
            ("__ka=\(first) __kb=\(second)\n", "__ka=[nonce] __kb=[nonce]\n"),
            ("D;\(whole);", "D;[nonce][nonce];"),
            ("\(second)\(first)", "[nonce][nonce]"),
            ("0123\(whole)01", "0123[nonce][nonce]01"),
            ("012345\(first)x", "012345[nonce]x"),
            (Self.other.text, "[nonce][nonce]"),
            ("feed \(first.dropLast())", "feed \(first.dropLast())"),
            (first.dropFirst() + "g", first.dropFirst() + "g"),
        ] as [(String, String)] {
            let bytes = Array(text.utf8)
            #expect(Self.filtered([bytes[...]]) == expected)
            // One that is cut after up to three digits shows those.
            for cut in 0...bytes.count {
                let shown = Self.filtered([bytes[..<cut], bytes[cut...]])
                #expect(!shown.contains(first) && !shown.contains(second), "\(text) \(cut)")
                #expect(Self.withoutDigits(shown) == Self.withoutDigits(expected), "\(text) \(cut)")
            }
            let single = Self.filtered(bytes.indices.map { bytes[$0...$0] })
            #expect(!single.contains(first) && !single.contains(second))
        }
    }

    private static func withoutDigits(_ text: String) -> String {
        text.replacing(/[0-9a-f]*\[nonce\]/, with: "[nonce]")
    }

    @Test func `other output comes out as it is, whatever the cuts`() {
        for seed in UInt64(0)..<300 {
            var random = Seeded(state: seed)
            let digits = testNonce.bytes + other
            let bytes = (0..<400).flatMap { _ in
                let begin = Int.random(in: 0..<digits.count, using: &random)
                return digits[begin...].prefix(Int.random(in: 1...9, using: &random))
            }
            var (chunks, rest) = ([ArraySlice<UInt8>](), bytes[...])
            while !rest.isEmpty {
                chunks.append(rest.prefix(Int.random(in: 1...50, using: &random)))
                rest = rest.dropFirst(chunks.last?.count ?? 1)
            }
            let text = String(decoding: bytes, as: UTF8.self)
            guard
                !testNonce.halves.contains(where: {
                    text.contains(String(decoding: $0, as: UTF8.self))
                })
            else { continue }
            #expect(Self.filtered(chunks) == text, "seed \(seed)")
        }
    }

    private let other = Array("feed01 \n".utf8)

    @Test func `what may begin a nonce is held back, and a digit or two are not`() {
        var filter = NonceFilter(testNonce)
        #expect(Array(filter.filter(Array("x012".utf8)[...])) == Array("x012".utf8))
        #expect(!filter.isHolding)
        #expect(filter.filter(Array("3456".utf8)[...]).isEmpty && filter.isHolding)
        #expect(Array(filter.filter(Array("z".utf8)[...])) == Array("3456z".utf8))
        _ = filter.filter(Array("01234".utf8)[...])
        #expect(filter.flush() == Array("01234".utf8) && !filter.isHolding)
    }
}
