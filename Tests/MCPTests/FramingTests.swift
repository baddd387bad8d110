// How messages are framed: a client that ends lines at other characters still gets whole ones.
import JSON
import Testing

@testable import MCP

@Suite struct FramingTests {
    @Test func `no character at which a client may end a line is left`() throws {
        let ends: [Unicode.Scalar] = ["\u{85}", "\u{2028}", "\u{2029}"]
        let near: [Unicode.Scalar] = [
            "\u{84}", "\u{86}", "\u{E9}", "\u{2027}", "\u{202A}", "\u{2128}",
        ]
        for scalar in ends + near {
            let text = "\(scalar)a\(scalar)\(scalar)"
            let message: JSON = ["text": .string(text), .init(stringLiteral: text): 1]
            var line: [UInt8] = []
            line.appendOnOneLine(message.encoded())
            let written = String(decoding: line, as: UTF8.self)
            #expect(!written.unicodeScalars.contains(where: ends.contains), "\(scalar.value)")
            #expect(written.unicodeScalars.contains(scalar) == near.contains(scalar))
            #expect(try JSON(parsing: line) == message)
        }
        var line: [UInt8] = []
        line.appendOnOneLine(Array("{\"a\":\n1,\r\n\"b\":\"\u{2028}".utf8) + [0xE2, 0x80])
        #expect(line == Array("{\"a\": 1,  \"b\":\"\\u2028".utf8) + [0xE2, 0x80])
    }
}
