import Testing

@testable import HTTP

@Suite struct ResponseParserTests {
    @Test func `a response head is the same at every split point`() throws {
        let text = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nA: b\r\n\r\n"
        let bytes = Array(text.utf8)
        for cut in 0..<bytes.count {
            var parser = ResponseParser()
            #expect(try !parser.parse(Array(bytes[..<cut])))
            #expect(try parser.parse(bytes + [1, 2, 3]))
            #expect(parser.head.status == 200 && parser.head.contentLength == 3)
            #expect(parser.head.size == bytes.count && parser.head.fields.count == 2)
        }
    }

    @Test(arguments: [
        "SSH-2.0-OpenSSH_9\r\n", "HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 20x OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 200 OK\n\n   ",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
    ])
    func `what is not HTTP is refused`(text: String) {
        var parser = ResponseParser()
        #expect(throws: HTTPError.malformedResponse) {
            try parser.parse(Array(text.utf8))
        }
    }
}
