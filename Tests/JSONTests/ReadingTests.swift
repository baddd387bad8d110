import JSON
import Testing

@Suite struct ReadingTests {
    @Test func `a message reads into its parts`() throws {
        let value = try JSON(
            parsing: #" {"a" : [1, -2.5, true, null, "x\n\u00e9\ud83d\ude00"], "b":{}} "#)
        #expect(value["a"]?[0]?.intValue == 1)
        #expect(value["a"]?[1]?.doubleValue == -2.5)
        #expect(value["a"]?[2]?.boolValue == true)
        #expect(value["a"]?[3]?.isNull == true)
        #expect(value["a"]?[4]?.stringValue == "x\né😀")
        #expect(value["b"]?.objectValue?.isEmpty == true)
        #expect(value["c"] == nil)
    }

    @Test(arguments: [
        ("0", JSON.int(0)), ("-1", .int(-1)), ("9223372036854775807", .int(.max)),
        ("-9223372036854775808", .int(.min)), ("9223372036854775808", .double(0x1p63)),
        ("-9223372036854775809", .double(-0x1p63)), ("1e2", .double(100)), ("1E+2", .double(100)),
        ("0.1", .double(0.1)), ("1.5e-3", .double(0.0015)),
        ("123456789012345678901", .double(123456789012345683968)),
        ("5e-324", .double(.leastNonzeroMagnitude)),
        ("1.7976931348623157e308", .double(.greatestFiniteMagnitude)),
        ("0.30000000000000004", .double(0.30000000000000004)), ("1e-400", .double(0)),
        ("9007199254740993.0", .double(9007199254740992)),
    ])
    func `numbers are integers where they fit, else the nearest double`(text: String, value: JSON)
        throws
    {
        let read = try JSON(parsing: text)
        #expect(read == value)
    }

    @Test func `negative zero keeps its sign`() throws {
        #expect(try JSON(parsing: "-0").doubleValue?.sign == .minus)
    }

    @Test(arguments: [
        "", " ", "01", "1.", ".5", "-", "+1", "1e", "1e+", "1e400", "-1e400", "nul", "tru", "{",
        "[",
        "[1,]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "\"", "\"\\\"", "\"\\x\"",
        "\"\\u12\"",
        "\"\\ud800\"", "\"\\ud800x\"", "\"\\ud800\\n\"", "\"\\ud800\\u0041\"", "\"\\udc00\"",
        "\"\t\"", "\"\u{0}\"", "1 2", "{} {}", "\u{FEFF}{}", "'a'", "NaN", "Infinity", "[1 2]",
        "\u{A0}1", "// c\n1",
    ])
    func `what RFC 8259 does not allow is refused`(text: String) {
        #expect(throws: JSONError.self) { try JSON(parsing: text) }
        #expect(throws: JSONError.self) { try RawJSON(parsing: Array(text.utf8)) }
    }

    @Test(
        arguments: [
            [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xC3], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80],
            [0xE2, 0x82], [0xF0, 0x80, 0x80, 0x80], [0xF4, 0x90, 0x80, 0x80],
            [0xF5, 0x80, 0x80, 0x80],
            [0xFF], [0xF0, 0x9F, 0x98],
        ] as [[UInt8]])
    func `a string that is not UTF-8 is refused, with and without escapes`(bad: [UInt8]) {
        for extra in ["", "\\n", "abcdefghijkl", "abcdefghijkl\\n"] {
            let text = [0x22] + Array(extra.utf8) + bad + [0x22]
            #expect(throws: JSONError.self) { try JSON(parsing: text) }
            #expect(throws: JSONError.self) { try RawJSON(parsing: text) }
            let key = [0x7B] + text + Array(":1}".utf8)
            #expect(throws: JSONError.self) { try JSON(parsing: key) }
            #expect(throws: JSONError.self) { try JSON.members(of: key) }
        }
    }

    @Test func `both UTF-8 checks agree on every two-byte and on edge sequences`() {
        var different: [[UInt8]] = []
        for first in 0x7E...0xFF {
            for second in 0x7E...0xFF where first != 0x22 && first != 0x5C {
                if second == 0x22 || second == 0x5C { continue }
                let text: [UInt8] = [0x22, UInt8(first), UInt8(second), 0xBF, 0x22]
                let built = (try? JSON(parsing: text)) != nil
                let skipped = (try? RawJSON(parsing: text)) != nil
                if built != skipped { different.append(text) }
            }
        }
        #expect(different.isEmpty)
    }

    @Test func `a string keeps every byte whatever its length and alignment`() throws {
        for length in 0..<40 {
            for special in ["", "\\\"", "\\\\", "é", "😀", "\\u0000", "\\/"] {
                for place in [0, length / 2, length] {
                    let plain = String(repeating: "x", count: length)
                    let head = plain.prefix(place)
                    let text = "\"" + head + special + plain.dropFirst(place) + "\""
                    let read = try JSON(parsing: text).stringValue ?? ""
                    let again = try JSON(parsing: JSON.string(read).encoded())
                    #expect(again.stringValue == read)
                    let extra = try JSON(parsing: "\"\(special)\"").stringValue ?? ""
                    #expect(read == head + extra + plain.dropFirst(place))
                }
            }
        }
    }

    @Test func `nesting ends at the limit`() throws {
        func nested(_ count: Int, _ open: String, _ close: String) -> String {
            String(repeating: open, count: count) + "1" + String(repeating: close, count: count)
        }
        #expect(throws: Never.self) { try JSON(parsing: nested(128, "[", "]")) }
        #expect(throws: JSONError.tooDeep(at: 128)) { try JSON(parsing: nested(129, "[", "]")) }
        #expect(throws: JSONError.self) { try JSON(parsing: nested(100_000, "[", "]")) }
        #expect(throws: JSONError.self) { try JSON(parsing: nested(100_000, "{\"a\":", "}")) }
        #expect(throws: JSONError.self) {
            try RawJSON(parsing: Array(nested(100_000, "[", "]").utf8))
        }
        #expect(throws: JSONError.tooLarge) {
            try JSON(parsing: "[1,2]", limits: JSONLimits(bytes: 4))
        }
    }

    @Test func `a repeated key keeps its last value, in values and in members`() throws {
        let text = #"{"a":1,"b":2,"\u0061":3}"#
        let value = try JSON(parsing: text)
        #expect(value == ["a": 3, "b": 2])
        #expect(value.objectValue?.keys == ["a", "b"])
        let bytes = Array(text.utf8)
        let members = try JSON.members(of: bytes)
        #expect(members.map(\.name) == ["a", "b"])
        #expect(members.map { RawJSON($0, of: bytes).bytes } == [Array("3".utf8), Array("2".utf8)])
    }

    @Test(.timeLimit(.minutes(1)))
    func `an object of many keys, all twice, is read in good time`() throws {
        let keys = (0..<20_000).map { "\"k\($0)\":\($0)" }.joined(separator: ",")
        let value = try JSON(parsing: "{\(keys),\(keys)}")
        #expect(value.objectValue?.count == 20_000)
        #expect(value == value)
        #expect(try JSON.members(of: Array("{\(keys),\(keys)}".utf8)).count == 20_000)
    }
}
