// One HTTP/1.1 exchange over a plain socket, read to its end: status, headers, body.
// Understands Content-Length, chunked bodies and server-sent events. For tests on loopback only.
import Foundation
public import JSON

/// An answer of an HTTP server.
public struct HTTPAnswer: Sendable {
    /// The status code.
    public let status: Int
    /// The headers, names in lower case.
    public let headers: [String: String]
    /// The body without its transfer coding.
    public let body: [UInt8]

    /// The body as text.
    public var text: String { String(decoding: body, as: UTF8.self) }

    /// The JSON messages of the body, be it one of them or an event stream.
    public var messages: [JSON] {
        guard headers["content-type"]?.hasPrefix("text/event-stream") == true else {
            return (try? JSON(parsing: body)).map { [$0] } ?? []
        }
        return text.split(whereSeparator: \.isNewline).compactMap { line in
            guard line.hasPrefix("data:") else { return nil }
            return try? JSON(parsing: String(line.dropFirst("data:".count)))
        }
    }

    /// Sends `request` to a loopback port and reads the answer to its end; `halfClosing` ends the
    /// client's side of the connection before that.
    public static func exchange(
        _ request: [UInt8], port: UInt16, halfClosing: Bool = false, within limit: Duration
    ) async throws -> HTTPAnswer {
        let result: Result<HTTPAnswer, Unavailable> = await withCheckedContinuation { done in
            Thread.detachNewThread {
                do throws(Unavailable) {
                    let bytes = try transfer(request, port: port, halfClosing, within: limit)
                    done.resume(returning: .success(try HTTPAnswer(bytes)))
                } catch {
                    done.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }

    private static func transfer(
        _ request: [UInt8], port: UInt16, _ halfClosing: Bool, within limit: Duration
    ) throws(Unavailable) -> [UInt8] {
        let end = ContinuousClock.now + limit
        let descriptor = try Ports.connect(to: port)
        defer { close(descriptor) }
        var rest = request[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, 0) }
            guard count > 0 else { throw Unavailable("send: errno \(errno)") }
            rest = rest.dropFirst(count)
        }
        if halfClosing { shutdown(descriptor, Int32(SHUT_WR)) }
        var (answer, buffer) = ([UInt8](), [UInt8](repeating: 0, count: 1 << 16))
        while true {
            let left = Int32((end - .now) / .milliseconds(1))
            var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard left > 0, poll(&wait, 1, left) != 0 else {
                throw Unavailable("no answer in time")
            }
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count < 0 && errno == EINTR { continue }
            if count < 0 { throw Unavailable("recv: errno \(errno)") }
            if count == 0 { return answer }
            answer.append(contentsOf: buffer[..<count])
        }
    }

    init(_ bytes: [UInt8]) throws(Unavailable) {
        let blank = Array("\r\n\r\n".utf8)
        guard let split = bytes.firstRange(of: blank) else {
            throw Unavailable("cut off: \(String(decoding: bytes, as: UTF8.self))")
        }
        let lines = String(decoding: bytes[..<split.lowerBound], as: UTF8.self)
            .components(separatedBy: "\r\n")
        let words = lines[0].split(separator: " ")
        guard words.count > 1, let status = Int(words[1]) else {
            throw Unavailable("not an HTTP answer: \(lines[0])")
        }
        self.status = status
        headers = Dictionary(
            lines.dropFirst().compactMap { line in
                guard let colon = line.firstIndex(of: ":") else { return nil }
                let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
                return (line[..<colon].lowercased(), value)
            }, uniquingKeysWith: { _, last in last })
        let rest = bytes[split.upperBound...]
        let chunked = headers["transfer-encoding"] == "chunked"
        body = chunked ? try Self.joined(chunks: rest) : Array(rest)
    }

    private static func joined(chunks: ArraySlice<UInt8>) throws(Unavailable) -> [UInt8] {
        var (rest, body) = (chunks, [UInt8]())
        while let line = rest.firstRange(of: Array("\r\n".utf8)) {
            let text = String(decoding: rest[..<line.lowerBound], as: UTF8.self)
            guard let size = Int(text, radix: 16) else { throw Unavailable("chunk size \(text)") }
            rest = rest[line.upperBound...]
            if size == 0 { return body }
            guard rest.count >= size + 2 else { break }
            body += rest.prefix(size)
            rest = rest.dropFirst(size + 2)
        }
        throw Unavailable("the answer ended in the middle of a chunk")
    }
}
