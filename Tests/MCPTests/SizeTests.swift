// How deep and how long a message may be, over HTTP and on lines.
import JSON
import Loop
import Support
import Testing

@testable import MCP

@Suite struct `Sizes of messages` {
    /// A call whose arguments bring the message to this depth.
    private func call(depth: Int) -> String {
        // The message, its parameters and its arguments are three levels.
        let inner = depth - 3
        let list = String(repeating: "[", count: inner) + String(repeating: "]", count: inner)
        return """
            {"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"steps","arguments":\
            {"a":\(list)},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",\
            "io.modelcontextprotocol/clientCapabilities":{}}}}
            """
    }

    @Test(arguments: [(128, true), (129, false), (100_000, false)])
    @IO func `128 levels are read, and no more`(depth: Int, isRead: Bool) async {
        let body = call(depth: depth)
        let visitor = Visitor(Fixture.server())
        let (headers, _) = Visitor.modern("tools/call", ["name": "steps"])
        let reply = await visitor.send("POST", headers, body)
        #expect(reply.status == (isRead ? 200 : 400))
        #expect(reply.json?["error"]?["code"] == (isRead ? JSON?.none : -32700))
        #expect(reply.json?["id"] == 7)
        let client = LineClient(Fixture.server(), checksSchema: false)
        client.line(body)
        let line = await client.reply(7)
        #expect((line?["result"] != nil) == isRead)
        #expect(line?["error"]?["code"] == (isRead ? JSON?.none : -32700))
    }

    @Test @IO func `a body has at most 4 MiB`() async {
        let limit = MCPLimits().messageBytes
        #expect(limit == 4 << 20)
        let visitor = Visitor(Fixture.server())
        let (headers, body) = Visitor.modern("tools/list")
        let padded = body + String(repeating: " ", count: limit - body.utf8.count)
        #expect(await visitor.send("POST", headers, padded).status == 200)
        #expect(await visitor.send("POST", headers, padded + " ").status == 413)
    }
}
