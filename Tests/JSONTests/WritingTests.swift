import JSON
import Testing

@Suite struct WritingTests {
    @Test func `a value is written compactly and in order`() {
        let value: JSON = ["z": [1, -2.5, true, false, nil, "é"], "a": [:], "b": []]
        #expect("\(value)" == #"{"z":[1,-2.5,true,false,null,"é"],"a":{},"b":[]}"#)
    }

    @Test func `every ASCII character survives, controls escaped`() throws {
        let all = String(String.UnicodeScalarView((0..<128).compactMap(Unicode.Scalar.init)))
        let text = JSON.string(all).encoded()
        #expect(text.allSatisfy { $0 >= 0x20 })
        #expect(try JSON(parsing: text).stringValue == all)
        #expect("\(JSON.string("\u{1F}\u{0}\n\u{8}"))" == #""\u001f\u0000\n\b""#)
    }

    @Test func `numbers are always valid JSON`() throws {
        for value in [
            0.1, 1e100, .leastNonzeroMagnitude, -0.0, 1e21, 123456789.125, .greatestFiniteMagnitude,
            .pi,
            .leastNormalMagnitude, 1e16, 4,
        ] as [Double] {
            let read = try JSON(parsing: JSON.double(value).encoded())
            #expect(read.doubleValue == value)
        }
        for value in [Double.infinity, -.infinity, .nan] {
            #expect("\(JSON.double(value))" == "null")
        }
        #expect(JSON(UInt64.max) == .double(0x1p64))
        #expect(JSON(UInt8(7)) == 7)
    }

    @Test func `raw bytes are spliced as they are`() throws {
        let raw = try RawJSON(parsing: Array(#"{ "a" : [1,2] }"#.utf8))
        let value: JSON = ["id": 1, "result": .raw(raw)]
        #expect("\(value)" == #"{"id":1,"result":{ "a" : [1,2] }}"#)
        #expect(value["result"] == ["a": [1, 2]])
        #expect(RawJSON(["a": 1]).bytes == Array(#"{"a":1}"#.utf8))
    }

    @Test func `equality is of meaning`() {
        #expect(["a": 1, "b": 2] as JSON == ["b": 2, "a": 1])
        #expect(["a": 1] as JSON != ["a": 1, "b": 2])
        #expect(["a": 1] as JSON != ["b": 1])
        #expect(JSON.int(1) == 1.0)
        #expect(JSON.int(1) != 1.5)
        #expect(JSON.null != false)
        #expect([1, 2] as JSON != [2, 1])
        let one = JSON.Object((0..<40).map { ("k\($0)", JSON($0)) })
        let two = JSON.Object((0..<40).reversed().map { ("k\($0)", JSON($0)) })
        #expect(one == two)
    }

    @Test func `an object is edited in place`() {
        var object: JSON.Object = ["a": 1, "b": 2, "a": 3]
        #expect(object.keys == ["a", "b"])
        object["c"] = true
        object["b"] = nil
        object["a"] = "x"
        #expect(JSON.object(object).description == #"{"a":"x","c":true}"#)
        #expect(object.map(\.key) == ["a", "c"])
    }
}
