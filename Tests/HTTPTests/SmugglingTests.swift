// Requests that two readers could end in different places, against a real server: the second
// request hidden in each of them must never reach the handler.
import Loop
import Net
import Testing

@testable import HTTP

@Suite(.timeLimit(.minutes(2))) struct SmugglingTests {
    private static let hidden = "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"

    /// A POST with these header lines and this body.
    private static func post(_ lines: [String], _ body: String) -> String {
        (["POST /open HTTP/1.1", "Host: x"] + lines).joined(separator: "\r\n") + "\r\n\r\n" + body
    }

    private static let length = "Content-Length: \(hidden.utf8.count + 5)"
    private static let chunked = "0\r\n\r\n" + hidden

    static let refused: [String] = [
        // A length and a coding, in either order, and with the coding disguised.
        post([length, "Transfer-Encoding: chunked"], chunked),
        post(["Transfer-Encoding: chunked", length], chunked),
        post(["Content-Length: 5", "Transfer-Encoding: chunked"], chunked),
        post(["Content-Length: 5", "Transfer-Encoding: xchunked"], chunked),
        post(["Content-Length: 5", "Transfer-Encoding : chunked"], chunked),
        post(["Content-Length: 5", "Transfer-Encoding\t: chunked"], chunked),
        post(["Content-Length: 5", " Transfer-Encoding: chunked"], chunked),
        post(["Content-Length: 5", "X: y\nTransfer-Encoding: chunked"], chunked),
        post(["Content-Length: 5", "X: y\rTransfer-Encoding: chunked"], chunked),
        post(["Content-Length: 5", "Transfer-Encoding:\u{B}chunked"], chunked),
        post(["Content-Length: 5", "Transfer-Encoding: \"chunked\""], chunked),
        post(["Content-Length: 5", "Transfer-Encoding:\r\n chunked"], chunked),
        post(["Content-Length: 5", "Transfer\u{0}-Encoding: chunked"], chunked),
        post(["Content-Length: 5", "Transfer-Encoding: chunked\u{0}"], chunked),
        post(["Transfer-Encoding: identity"], hidden),
        post(["Transfer-Encoding: chunked, identity"], chunked),
        post(["Transfer-Encoding: identity, chunked"], chunked),
        post(["Transfer-Encoding: chunked", "Transfer-Encoding: identity"], chunked),
        post(["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], chunked),
        post(["Transfer-Encoding:"], hidden),
        post(["Transfer-Encoding: chunked;q=1"], chunked),
        // Lengths that one reader takes for another number, or for none.
        post(["Content-Length: 0", length], hidden),
        post(["Content-Length: 0, 40"], hidden), post(["Content-Length: 0,0"], hidden),
        post(["Content-Length: +0"], hidden), post(["Content-Length: -1"], hidden),
        post(["Content-Length: 0x0"], hidden), post(["Content-Length: 0 0"], hidden),
        post(["Content-Length: 0\u{B}"], hidden), post(["Content-Length:"], hidden),
        post(["Content-Length: 1e0"], hidden), post(["Content-Length: 0;x"], hidden),
        post(["Content-Length: 18446744073709551616"], hidden),
        post(["Content-Length: \u{FF10}"], hidden),
        // Lines that end, or go on, where not everybody sees it.
        post(["X: a\r\n b", "Content-Length: 0"], hidden),
        post(["X: a\r\n\tContent-Length: 0"], hidden),
        "POST /open HTTP/1.1\nHost: x\nContent-Length: 0\n\n" + hidden,
        "POST /open HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\n" + hidden,
        "POST /open HTTP/1.1\r\nHost: x\r\nContent-Length: 0\n\r\n" + hidden,
        "POST /open HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\r\n" + hidden,
        "POST /open HTTP/1.1\r\nHost: x\r\nHost: y\r\nContent-Length: 0\r\n\r\n" + hidden,
        "POST /open HTTP/1.1\r\n Host: x\r\nContent-Length: 0\r\n\r\n" + hidden,
        "POST /open HTTP/1.1\r\nHost: x\r\n: 1\r\nContent-Length: 0\r\n\r\n" + hidden,
        "POST /open HTTP/1.1\r\nHost: x\r\nA B: 1\r\nContent-Length: 0\r\n\r\n" + hidden,
        "POST /open\u{B}HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n" + hidden,
        "POST /open  HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n" + hidden,
        "POST /open HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nX\r\n\r\n" + hidden,
        // An older version has no chunks, and a newer one other frames.
        "POST /open HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked,
        "POST /open HTTP/2.0\r\nHost: x\r\nContent-Length: 0\r\n\r\n" + hidden,
        // Chunks whose size or end is not plain.
        post(["Transfer-Encoding: chunked"], "0x0\r\n\r\n" + hidden),
        post(["Transfer-Encoding: chunked"], "+0\r\n\r\n" + hidden),
        post(["Transfer-Encoding: chunked"], "-1\r\n\r\n" + hidden),
        post(["Transfer-Encoding: chunked"], " 0\r\n\r\n" + hidden),
        post(["Transfer-Encoding: chunked"], "0\n\n" + hidden),
        post(["Transfer-Encoding: chunked"], "0\r\r\n\r\n" + hidden),
        post(["Transfer-Encoding: chunked"], "1\r\naX0\r\n\r\n" + hidden),
        post(["Transfer-Encoding: chunked"], "1\r\na\n0\r\n\r\n" + hidden),
        post(["Transfer-Encoding: chunked"], "0;a\nb\r\n\r\n" + hidden),
        post(["Transfer-Encoding: chunked"], "10000000000000000\r\n\r\n" + hidden),
        post(["Transfer-Encoding: chunked"], "FFFFFFFFFFFFFFFF\r\n\r\n" + hidden),
        post(["Transfer-Encoding: chunked"], "\r\n0\r\n\r\n" + hidden),
        post(["Transfer-Encoding: chunked"], "g\r\n\r\n" + hidden),
        post(["Transfer-Encoding: chunked"], "0\r\nA B: c\r\n\r\n" + hidden),
        post(["Transfer-Encoding: chunked"], "0\r\n a: c\r\n\r\n" + hidden),
        // More than there is room for.
        post(["X: \(String(repeating: "a", count: 9000))", "Content-Length: 0"], hidden),
        post((0..<120).map { "X-\($0): y" } + ["Content-Length: 0"], hidden),
        post(
            (0..<70).map { "X-\($0): \(String(repeating: "y", count: 1000))" }
                + ["Content-Length: 0"], hidden),
    ]

    @Test(arguments: refused.indices)
    @IO func `what could be read in two ways ends the connection`(at: Int) async throws {
        let seen = Seen()
        let server = try server({ $0.lingerDeadline = .milliseconds(20) }) { request, responder in
            seen.paths.append(request.path)
            responder.send(body: Array("ok".utf8))
        }
        defer { server.close() }
        let wire = try await Wire.connect(server, sending: Self.refused[at])
        wire.send(Self.hidden)
        #expect(await wire.closes())
        #expect(seen.paths.isEmpty)
        let replies = wire.text.parts(after: "HTTP/1.1 ")
        #expect(replies.count == 1, "\(wire.text)")
        let status = replies.first.flatMap { Int($0.prefix(3)) } ?? 0
        #expect([400, 413, 431, 501, 505].contains(status), "\(wire.text)")
    }

    static let read: [(String, [String])] = [
        (post(["Content-Length: 2"], "ab") + hidden, ["/open ab", "/hidden "]),
        (
            post(["Transfer-Encoding:\tchunked "], "1\r\na\r\n0\r\n\r\n") + hidden,
            ["/open a", "/hidden "]
        ),
        (
            post(["transfer-ENCODING: CHUNKED"], "1;x=y\r\na\r\n00\r\nT: v\r\n\r\n") + hidden,
            ["/open a", "/hidden "]
        ),
        // A body that looks like a request is a body; of a GET, too.
        (post(["Content-Length: \(hidden.utf8.count)"], hidden), ["/open \(hidden)"]),
        (
            "GET /a HTTP/1.1\r\nHost: x\r\nContent-Length: \(hidden.utf8.count)\r\n\r\n" + hidden
                + hidden, ["/a \(hidden)", "/hidden "]
        ),
        // Without a length there is no body.
        (post([], hidden), ["/open ", "/hidden "]),
        ("\r\n" + hidden + "\r\n" + hidden, ["/hidden ", "/hidden "]),
        // After the last request of a connection nothing is read.
        (post(["Connection: close", "Content-Length: 0"], hidden), ["/open "]),
        ("GET /old HTTP/1.0\r\n\r\n" + hidden, ["/old "]),
    ]

    @Test(arguments: read.indices)
    @IO func `what has one meaning is read as that, however it is cut`(at: Int) async throws {
        let (text, expected) = Self.read[at]
        for step in [text.utf8.count, 7, 1] {
            let seen = Seen()
            let server = try server { request, responder in
                seen.paths.append(
                    "\(request.path) \(String(decoding: request.body, as: UTF8.self))")
                responder.send(body: Array("ok".utf8))
            }
            defer { server.close() }
            let wire = try await Wire.connect(server)
            let bytes = Array(text.utf8)
            for start in stride(from: 0, to: bytes.count, by: step) {
                wire.stream.write(Array(bytes[start..<min(start + step, bytes.count)]))
                wire.stream.flush()
                if step > 1 { try? await IO.sleep(for: .zero) }
            }
            #expect(await eventually { seen.paths.count == expected.count })
            // What would come wrongly would have come by then.
            try? await IO.sleep(for: .milliseconds(20))
            #expect(seen.paths == expected)
        }
    }
}

/// What a handler has seen.
@IO private final class Seen {
    var paths: [String] = []
}

extension String {
    /// The parts that follow each occurrence of a mark.
    fileprivate func parts(after mark: String) -> [Substring] {
        var parts: [Substring] = []
        var rest = self[...]
        while let range = rest.firstRange(of: mark) {
            rest = rest[range.upperBound...]
            parts.append(rest)
        }
        return parts
    }
}
