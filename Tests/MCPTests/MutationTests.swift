// Damaged messages: whatever a peer sends is answered or dropped, and the next one is served.
import HTTP
import JSON
import Loop
import MCP
import Testing

@Suite struct `Damaged messages` {
    private let seed = UInt64.random(in: .min ... .max)

    /// Flips, cuts, doubles and inserts bytes that JSON gives a meaning to.
    private func damaged(_ bytes: [UInt8], _ random: inout SplitMix) -> [UInt8] {
        var bytes = bytes
        let marks = Array("{}[]\",:0-9eE.\\u\u{0}\u{7F}ntf ".utf8) + [0xFF, 0xC0, 0xED]
        for _ in 0...Int(random.next() % 4) where !bytes.isEmpty {
            let at = Int(random.next() % UInt64(bytes.count))
            let mark = marks[Int(random.next() % UInt64(marks.count))]
            switch random.next() % 4 {
            case 0: bytes[at] = mark
            case 1: bytes.remove(at: at)
            case 2: bytes.insert(mark, at: at)
            default:
                let end = min(bytes.count, at + 1 + Int(random.next() % 40))
                bytes.insert(contentsOf: Array(bytes[at..<end]), at: at)
            }
        }
        return bytes
    }

    @Test @IO func `no line ends the conversation`() async {
        let meta: JSON = [
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": [:], "progressToken": 3,
        ]
        let messages: [JSON] = [
            [
                "jsonrpc": "2.0", "id": 1, "method": "tools/call",
                "params": ["name": "echo", "arguments": ["text": "é", "times": 2], "_meta": meta],
            ],
            [
                "jsonrpc": "2.0", "id": "a", "method": "completion/complete",
                "params": [
                    "ref": ["type": "ref/prompt", "name": "greeting"],
                    "argument": ["name": "name", "value": "a"], "_meta": meta,
                ],
            ],
            [
                "jsonrpc": "2.0", "id": 2, "method": "initialize",
                "params": ["protocolVersion": "2025-03-26", "capabilities": [:]],
            ],
            [["jsonrpc": "2.0", "id": 3, "method": "ping"], ["jsonrpc": "2.0", "method": "x"]],
            ["jsonrpc": "2.0", "method": "notifications/cancelled", "params": ["requestId": 1]],
            ["jsonrpc": "2.0", "id": 4, "method": "tools/list", "params": ["cursor": "at-4"]],
            [
                "jsonrpc": "2.0", "id": 5, "method": "subscriptions/listen",
                "params": [
                    "notifications": [
                        "toolsListChanged": true, "resourceSubscriptions": ["test://text"],
                        "taskIds": ["a"],
                    ], "_meta": meta,
                ],
            ],
            [
                "jsonrpc": "2.0", "id": 6, "method": "resources/subscribe",
                "params": ["uri": "test://text"],
            ],
            [
                "jsonrpc": "2.0", "id": 7, "method": "resources/unsubscribe",
                "params": ["uri": "test://text"],
            ],
            [
                "jsonrpc": "2.0", "id": 8, "method": "logging/setLevel",
                "params": ["level": "debug"],
            ],
            ["jsonrpc": "2.0", "method": "notifications/initialized"],
        ]
        var random = SplitMix(state: seed)
        var limits = MCPLimits()
        limits.lists.pageEntries = 4
        let server = MCPServer(
            info: Implementation(name: "damaged", version: "1"), tools: [Fixture.echo],
            resources: Resources(
                list: Fixture.resources.list, read: Fixture.resources.read,
                watch: { (uri, _) throws(MCPError) in uri }),
            prompts: [Fixture.greeting], completion: { ["\($0.value)one"] },
            announcing: [.tools], logging: Logging(legacyLevel: .info), limits: limits)
        let client = LineClient(server, checksSchema: false)
        for round in 0..<5000 {
            client.bytes(damaged(messages[round % messages.count].encoded(), &random))
            if round % 100 == 0 { await IO.task {}.value }
            if round % 50 == 0 {
                server.toolsChanged()
                server.resourceUpdated("test://text")
            }
        }
        #expect(await client.modern("server/discover")?["result"] != nil, "seed \(seed)")
    }

    @Test @IO func `no answer ends the conversation`() async {
        let form = InputRequest.form(
            "f", "Fill in", [FormField("a", .integer()), FormField("b", .choices(["x", "y"]))])
        let ask = Tool(
            name: "ask", title: "Ask", description: "Asks.", inputSchema: ["type": "object"],
            annotations: Fixture.harmless
        ) { (call) throws(Interruption) in
            let answers = try call.ask(form, .roots("r"), keeping: "k", once: true)
            return ToolResult(text: .string("\(answers["f"])"))
        }
        var limits = MCPLimits()
        limits.asking.answerWait = .milliseconds(1)
        let server = MCPServer(
            info: Implementation(name: "s", version: "1"), tools: [ask], limits: limits)
        let client = LineClient(server, checksSchema: false)
        let declared: JSON.Object = [
            "io.modelcontextprotocol/clientCapabilities": ["elicitation": [:], "roots": [:]]
        ]
        let first = await client.modern("tools/call", ["name": "ask"], meta: declared)
        let state = first?["result"]?["requestState"] ?? .null
        _ = await client.initialize("2025-11-25", ["elicitation": [:], "roots": [:]])
        let content: JSON = ["a": 1, "b": ["x"]]
        let responses: JSON = [
            "f": ["action": "accept", "content": content],
            "r": ["roots": [["uri": "file:///", "name": "n"]]],
        ]
        let meta: JSON = [
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": ["elicitation": [:], "roots": [:]],
        ]
        let retry: JSON = [
            "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": [
                "name": "ask", "requestState": state, "inputResponses": responses, "_meta": meta,
            ],
        ]
        var random = SplitMix(state: seed)
        for round in 0..<2000 {
            client.bytes(damaged(retry.encoded(), &random))
            if round % 20 == 0 {
                client.send("tools/call", ["name": "ask"], .v2025_11_25)
                await IO.task {}.value
            }
            guard let asked = client.messages.last(where: { $0["method"] != nil }) else { continue }
            let response: JSON = [
                "jsonrpc": "2.0", "id": asked["id"] ?? 0,
                "result": responses[round % 2 == 0 ? "f" : "r"] ?? .null,
            ]
            client.bytes(damaged(response.encoded(), &random))
        }
        #expect(await client.call("ping")?["result"] == [:], "seed \(seed)")
    }

    @Test @IO func `no request breaks the endpoint`() async {
        var random = SplitMix(state: seed)
        let visitor = Visitor(Fixture.server())
        let (headers, body) = Visitor.modern(
            "tools/call", ["name": "echo", "arguments": ["text": "a"]])
        for _ in 0..<1000 {
            let text = String(decoding: damaged(Array(body.utf8), &random), as: UTF8.self)
            var headers = headers
            let name = damaged(Array("=?base64?ZWNobw==?=".utf8), &random)
            headers["Mcp-Name"] = String(decoding: name, as: UTF8.self)
            let reply = await visitor.send("POST", headers, text)
            #expect([200, 202, 400, 404].contains(reply.status ?? 0), "seed \(seed): \(text)")
        }
    }
}

/// A small generator with a seed that can be printed.
private struct SplitMix {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
