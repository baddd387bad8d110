import Testing

@testable import HTTP

@Suite struct BodyTests {
    private func decode(
        _ text: String, cut: Int? = nil, _ limits: HTTPLimits = HTTPLimits()
    ) throws(HTTPError) -> (body: String, taken: Int, done: Bool) {
        var decoder = ChunkedDecoder(limits)
        var body: [UInt8] = []
        let bytes = Array(text.utf8)
        let cut = cut ?? bytes.count
        var taken = try decoder.decode(Array(bytes[..<cut]), into: &body)
        taken += try decoder.decode(Array(bytes[taken...]), into: &body)
        return (String(decoding: body, as: UTF8.self), taken, decoder.isDone)
    }

    private let sample =
        "5\r\nhello\r\n1;name=\"value\"\r\n,\r\n00A \t;x\r\n 123456789\r\n0\r\nTrailer: x\r\nB:\r\n\r\n"

    @Test func `a chunked body is the same at every split point`() throws {
        let count = sample.utf8.count
        for cut in 0...count {
            let result = try decode(sample + "GET /", cut: cut)
            #expect(result.body == "hello, 123456789")
            #expect(result.taken == count)
            #expect(result.done)
        }
        for length in 0..<count {
            #expect(try !decode(String(decoding: sample.utf8.prefix(length), as: UTF8.self)).done)
        }
    }

    @Test(arguments: [
        "\r\n", "g\r\n", "5 5\r\n", " 5\r\nhello\r\n", "0x5\r\n", "-5\r\n", "5\nhello",
        "5\r\nhelloX",
        "5\r\nhello\n", "5\r\nhello\rX", "5;\u{0}\r\n", "5;a\nb", "0\r\n \r\n", "0\r\nA: b\n\r\n",
        "0\r\n\n",
        "0\r\n\rX", "5\rX",
    ])
    func `a broken chunk is refused`(text: String) {
        #expect(throws: HTTPError.refused(status: 400)) { try decode(text) }
    }

    @Test func `bodies and their framing are capped`() {
        var limits = HTTPLimits()
        limits.bodyBytes = 8
        limits.chunkOverheadBytes = 16
        #expect(throws: HTTPError.refused(status: 413)) { try decode("9\r\n", limits) }
        #expect(throws: HTTPError.refused(status: 413)) {
            try decode("5\r\nhello\r\n4\r\n", limits)
        }
        #expect(throws: HTTPError.refused(status: 413)) { try decode("000000001\r\n", limits) }
        #expect(throws: HTTPError.refused(status: 413)) { try decode("FFFFFFFF\r\n", limits) }
        let long = String(repeating: "x", count: 17)
        #expect(throws: HTTPError.refused(status: 431)) { try decode("1;\(long)", limits) }
        #expect(throws: HTTPError.refused(status: 431)) { try decode("0\r\n\(long)", limits) }
        #expect(throws: Never.self) { try decode("8\r\n12345678\r\n0\r\n\r\n", limits) }
    }

    private func decode(_ text: String, _ limits: HTTPLimits) throws(HTTPError) -> Bool {
        try decode(text, cut: nil, limits).done
    }

    @Test func `an event is one event whatever it holds`() throws {
        #expect(text(SSEEvent(data: Array("{}".utf8))) == "data: {}\n\n")
        let all = SSEEvent(id: "1\n2", event: "a\rb", data: Array("x\ny\r\nz\r".utf8), retry: 5)
        #expect(text(all) == "event: ab\nid: 12\nretry: 5\ndata: x\ndata: y\ndata: z\ndata: \n\n")
        let stream = all.encoded() + SSEEvent.keepAlive + SSEEvent(data: []).encoded()
        for cut in 0...stream.count {
            var parser = SSEParser()
            let events = try parser.feed(Array(stream[..<cut])) + parser.feed(Array(stream[cut...]))
            let first = SSEEvent(id: "12", event: "ab", data: Array("x\ny\nz\n".utf8), retry: 5)
            #expect(events == [first, SSEEvent(data: [])])
        }
        var parser = SSEParser(limit: 8)
        #expect(throws: HTTPError.tooLarge) { try parser.feed(Array("data: 123456".utf8)) }
    }

    private func text(_ event: SSEEvent) -> String {
        String(decoding: event.encoded(), as: UTF8.self)
    }

    @Test func `a header value cannot end its line`() {
        var output: [UInt8] = []
        var headers: HTTPHeaders = ["X": "a\r\nSet-Cookie: b", "content-length": "7"]
        headers["y"] = "1"
        headers["Y"] = "2"
        headers.add("Z", "\u{0}")
        headers.write(into: &output)
        #expect(
            String(decoding: output, as: UTF8.self) == "X: a  Set-Cookie: b\r\nY: 2\r\nZ:  \r\n")
    }
}
