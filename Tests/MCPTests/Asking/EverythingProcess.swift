// mcp-everything as a process of its own, and a connection to it: HTTP on loopback or lines on
// stdio. Shares no code with the product's HTTP, so that a fault there cannot hide itself here.
import Foundation
import JSON
import Loop
import Net
import Support
import Testing

/// How a client reaches the fixture.
enum Way: String, CaseIterable, Sendable {
    case http, stdio
}

/// A running mcp-everything.
@IO final class EverythingProcess {
    private let process: RunningProcess
    private let port: UInt16?
    /// What the client has read of the lines on standard output.
    private var lines = 0

    init(_ way: Way) async throws {
        let arguments = way == .http ? ["--http", "127.0.0.1:0"] : []
        process = try RunningProcess(Repository.program("mcp-everything"), arguments)
        guard way == .http else {
            port = nil
            return
        }
        let line = try await process.line(containing: "http://")
        port = URL(string: line)?.port.map { UInt16($0) }
    }

    var isHTTP: Bool { port != nil }

    func send(line: JSON) { process.send("\(line)\n") }

    /// The lines that have come since the last time.
    func newLines() -> [JSON] {
        let whole = process.output.split(separator: "\n", omittingEmptySubsequences: false)
        let new = whole.dropLast().dropFirst(lines)
        lines += new.count
        return new.compactMap { try? JSON(parsing: String($0)) }
    }

    /// Sends a request over HTTP; the exchange fills as the answer comes.
    func post(_ body: JSON, _ headers: [(String, String)]) async throws -> HTTPExchangeRecord {
        let port = try #require(port)
        let record = HTTPExchangeRecord()
        let stream = try await SocketStream.connect(
            to: try #require(SocketAddress(ip: "127.0.0.1", port: port)), deadline: .seconds(5))
        stream.onData = { record.take(Array($0)) }
        stream.onClose = { _ in record.isOver = true }
        record.leave = { stream.close() }
        let bytes = body.encoded()
        var head = "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nConnection: close\r\n"
        head += "Content-Length: \(bytes.count)\r\nContent-Type: application/json\r\n"
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        stream.write(Array("\(head)\r\n".utf8) + bytes)
        stream.resumeReading()
        return record
    }

    func stop() async { await process.stop() }
}

/// The answer to one HTTP request, as far as it has come.
@IO final class HTTPExchangeRecord {
    private var bytes: [UInt8] = []
    private var taken = 0
    var isOver = false
    /// Closes the connection.
    var leave: (@IO () -> Void)?

    func take(_ more: [UInt8]) { bytes += more }

    private var head: [String] {
        guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return [] }
        return String(decoding: bytes[..<end.lowerBound], as: UTF8.self)
            .components(separatedBy: "\r\n")
    }

    /// The status code, once it is there.
    var status: Int? {
        head.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) }
    }

    /// A header of the answer.
    func header(_ name: String) -> String? {
        head.first { $0.lowercased().hasPrefix(name.lowercased() + ": ") }
            .map { String($0.dropFirst(name.count + 2)) }
    }

    /// The messages that have come since the last time.
    func newMessages() -> [JSON] {
        let all = messages
        defer { taken = all.count }
        return Array(all.dropFirst(taken))
    }

    private var messages: [JSON] {
        let text = String(decoding: body, as: UTF8.self)
        guard header("content-type")?.hasPrefix("text/event-stream") == true else {
            return (try? JSON(parsing: text)).map { [$0] } ?? []
        }
        return text.components(separatedBy: "\n\n").dropLast().flatMap { event in
            event.split(separator: "\n").compactMap { line in
                line.hasPrefix("data: ") ? try? JSON(parsing: String(line.dropFirst(6))) : nil
            }
        }
    }

    /// The body so far, without its transfer coding.
    private var body: [UInt8] {
        guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return [] }
        var rest = bytes[end.upperBound...]
        guard header("transfer-encoding") == "chunked" else { return Array(rest) }
        var body: [UInt8] = []
        while let line = rest.firstRange(of: [13, 10]),
            let size = Int(String(decoding: rest[..<line.lowerBound], as: UTF8.self), radix: 16),
            size > 0, rest.endIndex - line.upperBound >= size
        {
            body += rest[line.upperBound..<line.upperBound + size]
            rest = rest[(line.upperBound + size)...].dropFirst(2)
        }
        return body
    }
}
