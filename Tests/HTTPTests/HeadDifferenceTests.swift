// Generated request heads, read by the parser here and by h11 (Python). What both accept must mean
// the same; what is accepted here and refused there is a fault; what is refused here and accepted
// there must have a reason that is on the list below. Seeded: HOMELINE_DIFFERENTIAL_SEED repeats a
// run; HOMELINE_LAB=long (`make differential`) reads 1,000,000 heads in place of 100,000.
import Foundation
import Support
import Testing

@testable import HTTP

@Suite(.needs(.pythonClients), .timeLimit(.minutes(10))) struct HeadDifferenceTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let count = environment["HOMELINE_LAB"] == "long" ? 1_000_000 : 100_000
    private static let seed =
        environment["HOMELINE_DIFFERENTIAL_SEED"].flatMap(UInt64.init)
        ?? .random(in: 0 ... .max)

    @Test func `a head means here what it means to h11`() async throws {
        print("HeadDifferenceTests seed \(Self.seed), \(Self.count) heads")
        let script = "\(Repository.root)/Tests/HTTPTests/python/h11_heads.py"
        let python = try RunningProcess(try #require(Repository.python), [script])
        var generator = HeadGenerator(seed: Self.seed)
        var counts: [String: Int] = [:]
        var heads: [[UInt8]] = []
        for _ in 0..<Self.count {
            heads.append(generator.head())
        }
        let input = heads.map { "\(Self.wanted($0).count)\n" }
        // A thread of its own feeds the process, as its answers may fill the pipe.
        let feed = heads
        Thread.detachNewThread {
            for (at, head) in feed.enumerated() {
                python.send(bytes: Array(input[at].utf8) + Self.wanted(head))
            }
            python.endInput()
        }
        try await python.finished(within: .seconds(500))
        let answers = python.output.utf8.split(separator: 10)
        try #require(answers.count == heads.count, "\(python.errors)")
        for (head, answer) in zip(heads, answers) {
            let theirs = String(decoding: answer, as: UTF8.self)
            let ours = Self.verdict(head)
            let kind = Self.compare(head, ours, theirs)
            counts[kind, default: 0] += 1
            if kind.hasPrefix("FAULT") {
                Issue.record(
                    "\(kind), seed \(Self.seed)\nhead: \(Self.latin(head).debugDescription)\nours: \(ours.debugDescription)\nh11: \(theirs.debugDescription)"
                )
            }
        }
        for (kind, count) in counts.sorted(by: { $0.value > $1.value }) {
            print("  \(count) \(kind)")
        }
        // The generator makes heads of both kinds.
        #expect(counts["the same", default: 0] > Self.count / 20)
    }

    /// What h11 is given: it refuses the empty line that servers are to skip (RFC 9112 §2.2).
    private static func wanted(_ head: [UInt8]) -> [UInt8] {
        head.starts(with: [13, 10]) ? Array(head.dropFirst(2)) : head
    }

    private static func latin(_ bytes: some Sequence<UInt8>) -> String {
        var text = String.UnicodeScalarView()
        for byte in bytes { text.append(Unicode.Scalar(byte)) }
        return String(text)
    }

    /// Our reading in the form of the script's lines; a refusal is `bad` with its status.
    private static func verdict(_ bytes: [UInt8]) -> String {
        var parser = RequestParser()
        do throws(HTTPError) {
            guard try parser.parse(bytes) else { return "more" }
        } catch {
            if case .refused(let status) = error { return "bad\u{1}\(status)" }
            return "bad\u{1}\(error)"
        }
        let head = parser.head
        let framing = head.isChunked ? "chunked" : String(head.contentLength ?? 0)
        let fields = head.fields.map { field in
            let name = latin(bytes[field.name]).lowercased()
            let value = latin(bytes[field.value])
            // h11 writes the coding, whose case means nothing, in lower case.
            return name + ":" + (name == "transfer-encoding" ? value.lowercased() : value)
        }
        return
            ([
                "ok", latin(bytes[head.method]), latin(bytes[head.target]),
                head.isHTTP10 ? "1.0" : "1.1", framing,
            ] + fields).joined(separator: "\u{1}")
    }

    private static func compare(_ head: [UInt8], _ ours: String, _ theirs: String) -> String {
        if ours == theirs, ours.hasPrefix("ok") { return "the same" }
        switch (ours.prefix(2), theirs.prefix(2)) {
        case ("ok", "ok"): return "FAULT: two meanings"
        case ("ok", "ba"): return "FAULT: accepted here alone"
        case ("ok", _): return "FAULT: complete here alone"
        case ("ba", "ba"): return "refused by both"
        case ("mo", "mo"): return "incomplete to both"
        // It may be refused as soon as the line at hand is wrong, or when the head is complete.
        case ("ba", "mo"), ("mo", "ba"): return "refused by one, not complete to the other"
        case ("mo", _): return "FAULT: complete to h11 alone"
        default: return reason(head, theirs) ?? "FAULT: refused here, for no known reason"
        }
    }

    /// Why a head that h11 accepts is refused here.
    private static func reason(_ head: [UInt8], _ theirs: String) -> String? {
        let text = latin(head)
        let parts = theirs.split(separator: "\u{1}", omittingEmptySubsequences: false)
        let scalars = Array(text.unicodeScalars)
        let lines = text.unicodeScalars.split(
            separator: "\n", omittingEmptySubsequences: false
        ).map { String($0) }
        func has(_ name: String) -> [Substring] {
            parts.dropFirst(5).filter { $0.hasPrefix("\(name):") }
        }
        if scalars.indices.contains(where: {
            scalars[$0] == "\n" && ($0 == 0 || scalars[$0 - 1] != "\r")
        }) {
            return "stricter: a line ends without CR"
        }
        if lines.dropFirst().contains(where: { $0.hasPrefix(" ") || $0.hasPrefix("\t") }) {
            return "stricter: a folded line"
        }
        if scalars.contains(where: {
            $0.value < 0x20 && !["\t", "\r", "\n"].contains($0) || $0.value == 0x7F
        }) {
            return "stricter: a control character"
        }
        let lengths = has("content-length")
        let codings = has("transfer-encoding")
        if !lengths.isEmpty, !codings.isEmpty { return "stricter: a length and a coding" }
        let isCopied = text.lowercased().components(separatedBy: "content-length").count > 2
        if let one = lengths.first, isCopied || text.contains(",") || one.utf8.count > 25 {
            return "stricter: a length that is written twice, or very long"
        }
        if parts.count > 3, !["1.0", "1.1"].contains(String(parts[3])) {
            return "stricter: another version"
        }
        if parts.count > 3, parts[3] == "1.0", !codings.isEmpty {
            return "stricter: a coding in HTTP/1.0"
        }
        if has("expect").contains(where: { $0.lowercased() != "expect:100-continue" })
            || has("expect").count > 1
        {
            return "stricter: an expectation"
        }
        if has("transfer-encoding").count > 1 { return "stricter: two codings" }
        if parts.count > 2, !isTarget(String(parts[2]), String(parts[1])) {
            return "stricter: the form of the target"
        }
        return nil
    }

    private static func isTarget(_ target: String, _ method: String) -> Bool {
        if target.contains("#") { return false }
        let small = target.lowercased()
        return target.hasPrefix("/") || method == "OPTIONS" && target == "*"
            || method == "CONNECT"
            || small.hasPrefix("http://") && small.count > 7
            || small.hasPrefix("https://") && small.count > 8
    }
}

/// Makes request heads: most nearly right, many a little wrong.
private struct HeadGenerator {
    private var random: Seeded

    init(seed: UInt64) { random = Seeded(state: seed) }

    private mutating func one<T>(_ all: [T]) -> T {
        all[Int.random(in: 0..<all.count, using: &random)]
    }

    private mutating func chance(_ percent: Int) -> Bool {
        Int.random(in: 0..<100, using: &random) < percent
    }

    private static let methods = [
        "GET", "POST", "POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "HEAD", "get", "M-SEARCH",
        "!#$%&'*+-.^_`|~", "G", "BREW",
    ]
    private static let targets = [
        "/", "/mcp", "/mcp?a=b", "*", "http://x/", "HTTPS://x:1/y?z", "a:1", "/%00", "/a#b", "//x",
        "/?", "ftp://x/", "http:/x", "/~", "/\"<>\\^`{|}",
    ]
    private static let versions = [
        "HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/0.9",
        "HTTP/1.2", "http/1.1", "HTTP/1", "HTTP/1.10",
    ]
    /// Fields of which each is right by itself.
    private static let right = [
        "Content-Length: 0", "Content-Length: 12", "content-length: 012",
        "Transfer-Encoding: chunked", "TRANSFER-encoding: CHUNKED", "Connection: close",
        "Connection: keep-alive, x", "Expect: 100-CONTINUE", "Upgrade: websocket",
        "Accept: application/json, text/event-stream", "MCP-Protocol-Version: 2026-07-28",
        "Mcp-Name: =?base64?QQ==?=", "X-Empty:", "X-Space:  a  b \t", "X-Tab:\ta\tb",
        "X-High: \u{E4}\u{FF}", "X-Colon: a:b:c", "x_y.z~: 1", "Cookie: a=b; c=\"d\"",
    ]
    private static let fields = [
        "Content-Length: 0", "Content-Length: 12", "content-length: 12", "Content-Length: 012",
        "Content-Length: +1", "Content-Length: 1, 1", "Content-Length: 99999999999999999999",
        "Content-Length:", "Content-Length: 1 2", "Transfer-Encoding: chunked",
        "TRANSFER-encoding: CHUNKED", "Transfer-Encoding: gzip", "Transfer-Encoding: chunked, gzip",
        "Transfer-Encoding: identity", "Connection: close", "Connection: keep-alive, x",
        "Expect: 100-continue", "Expect: 100-CONTINUE", "Expect: tea", "Upgrade: websocket",
        "Accept: application/json, text/event-stream", "MCP-Protocol-Version: 2026-07-28",
        "Mcp-Name: =?base64?QQ==?=", "X-Empty:", "X-Space:  a  b \t", "X-Tab:\ta\tb",
        "X-High: \u{E4}\u{FF}", "X-Colon: a:b:c", "x_y.z~: 1", "Cookie: a=b; c=\"d\"",
        "Authorization: Bearer \(String(repeating: "k", count: 300))", "X: \u{7F}", "X : y", ": z",
        "X\u{1}: y", "Hos t: x", "Host: y", "X: a\u{0}b", "X: a\u{8}b",
    ]
    private static let bytes: [UInt8] = [
        0, 9, 10, 11, 12, 13, 27, 32, 34, 35, 44, 47, 48, 58, 59, 64, 65, 127, 128, 133, 160, 255,
    ]

    private mutating func lineEnd() -> String {
        chance(98) ? "\r\n" : one(["\n", "\r", "\r\r\n", "\r\n ", "\r\n\t", "\n\r"])
    }

    /// One head, sometimes with the beginning of a body.
    mutating func head() -> [UInt8] {
        var text = chance(4) ? one(["\r\n", "\n", "\r\n\r\n", " "]) : ""
        let isPlain = chance(70)
        let method = isPlain ? one(["GET", "POST", "DELETE"]) : one(Self.methods)
        let target = isPlain ? one(["/", "/mcp", "/mcp?x=%20"]) : one(Self.targets)
        let version = isPlain ? "HTTP/1.1" : one(Self.versions)
        let space = chance(98) ? " " : one(["  ", "\t", "", "\u{B}"])
        text += method + space + target + " " + version + lineEnd()
        if chance(95) { text += "Host: " + one(["x", "localhost:1", "", "[::1]"]) + lineEnd() }
        for _ in 0..<Int.random(in: 0...4, using: &random) {
            text += one(chance(85) ? Self.right : Self.fields) + lineEnd()
        }
        text += lineEnd() + (chance(30) ? one(["12 bytes beh", "0\r\n\r\n", "\r\n"]) : "")
        var head = text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
        guard chance(30) else { return head }
        for _ in 0..<Int.random(in: 1...2, using: &random) {
            let at = Int.random(in: 0..<head.count, using: &random)
            let byte = chance(70) ? one(Self.bytes) : .random(in: 0 ... .max, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0: head[at] = byte
            case 1: head.insert(byte, at: at)
            case 2: if head.count > 1 { head.remove(at: at) }
            default: head.removeLast(min(head.count - 1, Int.random(in: 0...3, using: &random)))
            }
        }
        return head
    }
}
