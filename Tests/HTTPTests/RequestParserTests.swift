import Support
import Testing

@testable import HTTP

@Suite struct RequestParserTests {
    private func parse(_ text: String, _ limits: HTTPLimits = HTTPLimits()) throws -> RequestHead? {
        var parser = RequestParser()
        return try parser.parse(Array(text.utf8), limits) ? parser.head : nil
    }

    private let sample =
        "POST /mcp?a=1 HTTP/1.1\r\nHost: x\r\nContent-Type:application/json\r\n"
        + "X-Empty:\r\nX-Pad: \t a b \t\r\nConTent-Length: 12\r\nConnection: foo, Close\r\n\r\n"

    @Test func `a head gives its parts`() throws {
        let head = try #require(try parse(sample + "tail"))
        #expect(head.size == sample.utf8.count)
        #expect(head.contentLength == 12)
        #expect(!head.keepAlive && !head.isChunked && !head.isHTTP10)
        let bytes = Array(sample.utf8)
        #expect(bytes.text(head.method) == "POST")
        #expect(bytes.text(head.target) == "/mcp?a=1")
        #expect(bytes.value(of: "x-PAD", in: head.fields) == "a b")
        #expect(bytes.value(of: "x-empty", in: head.fields) == "")
        #expect(bytes.value(of: "none", in: head.fields) == nil)
    }

    @Test func `every split point gives the same head, and none is complete early`() throws {
        let bytes = Array(sample.utf8)
        let whole = try #require(try parse(sample))
        for cut in 0..<bytes.count {
            var parser = RequestParser()
            #expect(try !parser.parse(Array(bytes[..<cut])))
            #expect(try parser.parse(bytes))
            #expect(parser.head.fields.map(\.name) == whole.fields.map(\.name))
            #expect(parser.head.fields.map(\.value) == whole.fields.map(\.value))
            #expect(parser.head.size == whole.size && parser.head.contentLength == 12)
        }
        var parser = RequestParser()
        for count in 0..<bytes.count {
            #expect(try !parser.parse(Array(bytes[..<count])))
        }
        #expect(try parser.parse(bytes))
        #expect(parser.head.fields.count == whole.fields.count)
    }

    @Test(arguments: [
        // Two lengths, or a length and a coding: who is right decides where the request ends.
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400),
        (
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            400
        ),
        (
            "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
            400
        ),
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 1\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x1\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1 1\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", 400),
        (
            "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            400
        ),
        ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", 501),
        ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
        ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n", 501),
        ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \u{B}chunked\r\n\r\n", 400),
        ("POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: x\r\n Transfer-Encoding: chunked\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", 400),
        ("GET / HTTP/1.1\nHost: x\n\n", 400), ("GET / HTTP/1.1\r\nHost: x\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: x\rA: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: x\u{0}\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n: x\r\n\r\n", 400), ("GET / HTTP/1.1\r\nA B: x\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400), ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET  / HTTP/1.1\r\n", 400), ("GET / HTTP/1.1 \r\n", 400), ("GET /\r\n", 400),
        (" GET / HTTP/1.1\r\n", 400), ("GET /a b HTTP/1.1\r\n", 400),
        ("GET /\u{E9} HTTP/1.1\r\n", 400),
        ("GET a HTTP/1.1\r\n", 400), ("GET /#f HTTP/1.1\r\n", 400), ("GET * HTTP/1.1\r\n", 400),
        ("GET ftp://x/ HTTP/1.1\r\n", 400), ("GET / http/1.1\r\n", 400), ("GET / HTTP/11\r\n", 400),
        ("GET / HTTP/2.0\r\n", 505), ("PRI * HTTP/2.0\r\n", 400), ("GET / HTTP/1.2\r\n", 505),
        ("GET / HTTP/0.9\r\n", 505), ("\r\n\r\nGET / HTTP/1.1\r\n", 400), ("\u{16}\u{3}\u{1}", 400),
        ("POST / HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n", 417),
    ])
    func `what could be read in two ways is refused`(text: String, status: Int) {
        #expect(throws: HTTPError.refused(status: status)) { try parse(text) }
        // The refusal does not depend on how the bytes were cut.
        let bytes = Array(text.utf8)
        var parser = RequestParser()
        var found: HTTPError?
        for count in 0...bytes.count where found == nil {
            do throws(HTTPError) {
                _ = try parser.parse(Array(bytes[..<count]))
            } catch {
                found = error
            }
        }
        #expect(found == .refused(status: status))
    }

    @Test(arguments: [
        "GET / HTTP/1.0\r\n\r\n", "\r\nGET / HTTP/1.1\r\nHost:\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "GET http://x/a HTTP/1.1\r\nHost: x\r\n\r\n",
        "PATCH /%20?q HTTP/1.1\r\nhOST: x\r\nX: \u{E9}\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\nExpect: 100-Continue\r\n\r\n",
    ])
    func `what the standard allows is accepted`(text: String) throws {
        #expect(try parse(text) != nil)
    }

    @Test func `keep-alive follows version and Connection`() throws {
        #expect(try parse("GET / HTTP/1.0\r\n\r\n")?.keepAlive == false)
        #expect(try parse("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")?.keepAlive == true)
        #expect(try parse("GET / HTTP/1.1\r\nHost: x\r\n\r\n")?.keepAlive == true)
        #expect(
            try parse("GET / HTTP/1.1\r\nHost: x\r\nConnection: a,close\r\n\r\n")?.keepAlive
                == false)
    }

    @Test func `every size has its limit`() {
        var limits = HTTPLimits()
        limits.lineBytes = 100
        limits.headBytes = 400
        limits.headerCount = 5
        let long = String(repeating: "a", count: 101)
        func refused(_ text: String, _ status: Int) {
            #expect(throws: HTTPError.refused(status: status)) { try parse(text, limits) }
        }
        refused("GET /" + long, 414)
        refused(String(repeating: "A", count: 33), 400)
        refused("GET / HTTP/1.1\r\nA: " + long, 431)
        refused("GET / HTTP/1.1\r\n" + String(repeating: "A: b\r\n", count: 6), 431)
        let line = "A: " + String(repeating: "b", count: 90) + "\r\n"
        refused("GET / HTTP/1.1\r\n" + String(repeating: line, count: 5), 431)
        // A line is as long as it is, whether it came whole or in pieces.
        let field = "A: " + String(repeating: "b", count: 98) + "\r\n"
        refused("GET / HTTP/1.1\r\nHost: x\r\n\(field)\r\n", 431)
        // A CR may be the beginning of the line's end: the byte before it decides.
        let whole = "GET / HTTP/1.1\r\nHost: x\r\n\(field)\r\n".unicodeScalars
        for cut in [1, 2, 3] { refused(String(whole.dropLast(cut)), 431) }
        let longest = "A: " + String(repeating: "b", count: 97)
        #expect(throws: Never.self) {
            try parse("GET / HTTP/1.1\r\nHost: x\r\n\(longest)\r\n\r\n", limits)
        }
    }

    @Test func `a request looks like what was sent`() throws {
        let request = try HTTPRequest(
            method: "POST", target: "/a/b?x=1&y=%41+b&z", headers: ["Accept": "a", "ACCEPT": "b"],
            body: [1])
        #expect(request.method == "POST")
        #expect(request.path == "/a/b")
        #expect(request.query == "x=1&y=%41+b&z")
        #expect(request.queryValue("y") == "A b")
        #expect(request.queryValue("z") == "")
        #expect(request.queryValue("w") == nil)
        #expect(request.header("accept") == "a, b")
        #expect(request.headers("Accept") == ["a", "b"])
        let absolute = try HTTPRequest(method: "GET", target: "http://h:1?q=2")
        #expect(absolute.path == "" && absolute.query == "q=2")
        #expect(try HTTPRequest(method: "GET", target: "https://h/p").path == "/p")
        #expect(throws: HTTPError.self) { try HTTPRequest(method: "G T", target: "/") }
    }

    @Test func `random flips never trap`() {
        let seed = UInt64.random(in: 0 ... .max)
        print("RequestParserTests seed \(seed)")
        var generator = Seeded(state: seed)
        for _ in 0..<4_000 {
            var bytes = Array(sample.utf8)
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let at = Int.random(in: 0..<bytes.count, using: &generator)
                bytes[at] = UInt8.random(in: 0 ... .max, using: &generator)
            }
            // Whole and byte by byte agree.
            func outcome(_ step: Int) -> String {
                var parser = RequestParser()
                var count = 0
                while count < bytes.count {
                    count = min(count + step, bytes.count)
                    do throws(HTTPError) {
                        if try parser.parse(Array(bytes[..<count])) {
                            return "\(parser.head.size) \(parser.head.fields.map(\.value))"
                        }
                    } catch {
                        return "\(error)"
                    }
                }
                return "more"
            }
            #expect(outcome(bytes.count) == outcome(1), "seed \(seed)")
        }
    }
}
