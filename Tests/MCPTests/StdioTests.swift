// The stdio transport on real descriptors: pipes and files.
import Foundation
import Glibc
import JSON
import Loop
import Net
import Support
import Testing

@testable import MCP

@Suite struct `Stdio` {
    private let discover =
        #"{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{"#
        + #""io.modelcontextprotocol/protocolVersion":"2026-07-28","#
        + #""io.modelcontextprotocol/clientCapabilities":{}}}}"# + "\n"

    private func lines(_ data: Data) -> [JSON] {
        data.split(separator: 0x0A).compactMap { try? JSON(parsing: [UInt8]($0)) }
    }

    @Test @IO func `requests on a pipe are answered until its end`() async {
        let input = ClosedPipe()
        let output = ClosedPipe()
        let stdio = MCPLines(
            server: Fixture.server(), principal: Fixture.ada,
            stream: DescriptorStream(
                input: input.reading.fileDescriptor, output: output.writing.fileDescriptor))
        let served = IO.task { await stdio.run() }
        let text = "oops\n\n\r\n" + discover + discover.dropLast()
        input.writing.write(Data(text.utf8))
        input.writing.closeFile()
        await served.value
        output.writing.closeFile()
        let data = await Blocking.run { output.reading.readDataToEndOfFile() }
        let replies = lines(data)
        #expect(replies.count == 3)
        #expect(replies.first?["error"]?["code"] == -32700)
        #expect(replies.last?["result"]?["resultType"] == "complete")
    }

    @Test @IO func `pipes that others share stay blocking meanwhile`() async {
        let input = ClosedPipe()
        let output = ClosedPipe()
        let ends = [input.reading.fileDescriptor, output.writing.fileDescriptor]
        let stdio = MCPLines(
            server: Fixture.server(), principal: Fixture.ada,
            stream: DescriptorStream(input: ends[0], output: ends[1]))
        let served = IO.task { await stdio.run() }
        input.writing.write(Data(discover.utf8))
        let data = await Blocking.run { output.reading.availableData }
        #expect(lines(data).count == 1)
        for end in ends { #expect(fcntl(end, F_GETFL) & O_NONBLOCK == 0) }
        input.writing.closeFile()
        await served.value
        for end in ends { #expect(fcntl(end, F_GETFL) & O_NONBLOCK == 0) }
    }

    @Test @IO func `what hangs at the end of the input is given up`() async {
        let input = ClosedPipe()
        let output = ClosedPipe()
        let server = Fixture.server { $0.grace.endOfInput = .milliseconds(10) }
        let stdio = MCPLines(
            server: server, principal: Fixture.ada,
            stream: DescriptorStream(
                input: input.reading.fileDescriptor, output: output.writing.fileDescriptor))
        let served = IO.task { await stdio.run() }
        let call = discover.replacingOccurrences(of: "server/discover", with: "tools/call")
            .replacingOccurrences(of: "\"params\":{", with: "\"params\":{\"name\":\"wait\",")
        input.writing.write(Data(call.utf8))
        input.writing.closeFile()
        let start = IO.now
        await served.value
        #expect(IO.now - start < .seconds(20))
    }

    @Test @IO func `a client that leaves, or a cancelled task, ends it`() async {
        let input = ClosedPipe()
        let output = ClosedPipe()
        let stdio = MCPLines(
            server: Fixture.server(), principal: Fixture.ada,
            stream: DescriptorStream(
                input: input.reading.fileDescriptor, output: output.writing.fileDescriptor))
        let served = IO.task { await stdio.run() }
        output.reading.closeFile()
        input.writing.write(Data(discover.utf8))
        await served.value

        let again = MCPLines(
            server: Fixture.server(), principal: Fixture.ada,
            stream: DescriptorStream(
                input: input.reading.fileDescriptor, output: output.writing.fileDescriptor))
        let cancelled = IO.task { await again.run() }
        cancelled.cancel()
        await cancelled.value
    }

    @Test @IO func `files take the place of pipes`() async throws {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("mcp-stdio-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let asked = folder.appendingPathComponent("in")
        let answered = folder.appendingPathComponent("out")
        try Data((discover + discover).utf8).write(to: asked)
        try Data().write(to: answered)
        let input = try FileHandle(forReadingFrom: asked)
        let output = try FileHandle(forWritingTo: answered)
        let stdio = MCPLines(
            server: Fixture.server(), principal: Fixture.ada,
            stream: DescriptorStream(input: input.fileDescriptor, output: output.fileDescriptor))
        await stdio.run()
        // The two share an id: the second is refused while the first runs, or answered after it.
        #expect(lines(try Data(contentsOf: answered)).count == 2)
    }

    @Test @IO func `a slow reader gets everything`() async {
        let input = ClosedPipe()
        let output = ClosedPipe()
        let stdio = MCPLines(
            server: Fixture.server { $0.queuedBytes = 10_000 }, principal: Fixture.ada,
            stream: DescriptorStream(
                input: input.reading.fileDescriptor, output: output.writing.fileDescriptor))
        let served = IO.task { await stdio.run() }
        let count = 2000
        let writer = IO.task {
            _ = await Blocking.run {
                for id in 1...count {
                    let line = self.discover.replacingOccurrences(
                        of: "\"id\":1", with: "\"id\":\(id)")
                    input.writing.write(Data(line.utf8))
                }
                input.writing.closeFile()
            }
        }
        let data = await Blocking.run { () -> Data in
            var data = Data()
            var found = 0
            while found < count {
                let more = output.reading.availableData
                if more.isEmpty { break }
                data.append(more)
                found += more.count { $0 == 0x0A }
            }
            return data
        }
        await writer.value
        await served.value
        let ids = lines(data).compactMap { $0["id"]?.intValue }
        #expect(ids.count == count && Set(ids).count == count)
    }

    @Test func `lines are found at every split, and long ones are dropped`() {
        let text = Array("abc\n\ndefghij\nk\r\n\u{FEFF}\n\u{FEFF}lm\nlast".utf8)
        for split in 0...text.count {
            var splitter = LineSplitter(limit: 5)
            let lines =
                splitter.feed(Array(text[..<split])) + splitter.feed(Array(text[split...]))
                + splitter.finish()
            #expect(
                lines == [
                    .text(Array("abc".utf8)), .tooLong(nil), .text(Array("k\r".utf8)),
                    .text(Array("lm".utf8)), .text(Array("last".utf8)),
                ])
        }
    }

    /// Messages with `%` in place of much text: SDKs put the id first, or last.
    @Test(
        arguments: [
            (#"{"jsonrpc":"2.0","id":7,"method":"x","params":{"a":"%"}}"#, "7"),
            (
                #"{"method":"x","params":{"id":1,"a":"%","b":[{"id":2}]},"jsonrpc":"2.0","id":7}"#,
                "7"
            ),
            (
                #" { "params" : { "a" : "}%{\",\"id\":1,\"" } , "id" : "a,b\"}:c" } "#,
                #""a,b\"}:c""#
            ),
            (#"{"a":["%",{"id":3}],"id":-1}"#, "-1"), (#"{"id":1,"a":"%","id":2}"#, "2"),
            (#"{"jsonrpc":"2.0","method":"x","params":{"id":4,"a":"%"}}"#, nil),
            (#"{"id":null,"a":"%"}"#, nil), (#"{"id":{"id":1},"a":"%"}"#, nil),
            (#"{"id":1.5,"a":"%"}"#, nil), (#"{"id":"%"}"#, nil), (#"["id",5,"%"]"#, nil),
            (#"}}]":,%"{"id":1"#, nil), ("\u{FEFF}{\"id\":5,\"a\":\"%\"}", "5"),
        ] as [(String, String?)])
    func `a line that is too long is answered under its id`(shape: String, id: String?) {
        let long = String(repeating: "x", count: 300)
        let line = Array(shape.replacingOccurrences(of: "%", with: long).utf8) + [0x0A]
        for split in stride(from: 0, through: line.count, by: 7) {
            var splitter = LineSplitter(limit: 200)
            let lines = splitter.feed(Array(line[..<split])) + splitter.feed(Array(line[split...]))
            guard case .tooLong(let found) = lines.first, lines.count == 1 else {
                Issue.record("\(lines)")
                return
            }
            #expect(found.map { String(decoding: $0.text, as: UTF8.self) } == id)
        }
    }

    @Test @IO func `a mark before the first message, and a message over the limit, are answered`()
        async
    {
        let input = ClosedPipe()
        let output = ClosedPipe()
        let stdio = MCPLines(
            server: Fixture.server { $0.messageBytes = 1000 }, principal: Fixture.ada,
            stream: DescriptorStream(
                input: input.reading.fileDescriptor, output: output.writing.fileDescriptor))
        let served = IO.task { await stdio.run() }
        let long = String(repeating: "x", count: 20_000)
        let call = #"{"method":"tools/call","params":{"name":"\#(long)"},"jsonrpc":"2.0","id":"q"}"#
        input.writing.write(Data("\u{FEFF}\(discover)\(call)\n".utf8))
        input.writing.closeFile()
        await served.value
        output.writing.closeFile()
        let data = await Blocking.run { output.reading.readDataToEndOfFile() }
        let replies = lines(data)
        #expect(replies.first { $0["id"] == 1 }?["result"]?["resultType"] == "complete")
        let refused = replies.first { $0["id"] == "q" }?["error"]
        #expect(refused?["code"] == -32700)
        #expect(refused?["message"]?.stringValue?.contains("1000 bytes") == true)
    }
}
