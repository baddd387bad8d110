// The headers that repeat parts of the body: encoding, duplicates, arguments of tools.
import HTTP
import JSON
import Loop
import Testing

@testable import MCP

@Suite struct `Headers that repeat the body` {
    private static let tool = Tool(
        name: "route", title: "Route", description: "Routes.",
        inputSchema: [
            "type": "object", "required": ["region"],
            "properties": [
                "region": ["type": "string", "x-mcp-header": "Region"],
                "count": ["type": "integer", "x-mcp-header": "Count"],
                "dry": ["type": "boolean", "x-mcp-header": "Dry-Run"],
                "place": [
                    "type": "object",
                    "properties": ["zone": ["type": "string", "x-mcp-header": "Zone"]],
                ],
            ],
        ], annotations: Fixture.harmless
    ) { _ in ToolResult(text: "routed") }

    /// The code of the reply to a call with these arguments and `Mcp-Param-` headers; 0: it ran.
    @IO private func code(
        _ arguments: JSON, _ headers: [(String, String?)], name: String = "route"
    ) async -> Int64 {
        let visitor = Visitor(
            MCPServer(info: Implementation(name: "s", version: "1"), tools: [Self.tool]))
        let reply = await visitor.modern(
            "tools/call", ["name": .string(name), "arguments": arguments],
            change: headers.map { ("Mcp-Param-\($0)", $1) })
        let error = reply.json?["error"]
        if let error {
            #expect(reply.status == 400)
            return error["code"]?.intValue ?? -1
        }
        return 0
    }

    @Test(
        arguments: [
            (["region": "eu"], [("Region", "eu")]),
            (["region": "eu"], [("rEGION", "eu")]),
            (["region": "eu"], [("Region", " \teu  ")]),
            (["region": ""], [("Region", "")]),
            (["region": "a, b"], [("Region", "a, b")]),
            (["region": "Zürich"], [("Region", "=?base64?WsO8cmljaA==?=")]),
            (["region": "=?base64?"], [("Region", "=?base64?")]),
            (["region": "=?BASE64?ZXU=?="], [("Region", "=?BASE64?ZXU=?=")]),
            (["region": "x=?base64?ZXU=?="], [("Region", "x=?base64?ZXU=?=")]),
            (["region": "=?base64?ZXU=?"], [("Region", "=?base64?ZXU=?")]),
            (["region": "eu", "count": 7], [("Region", "eu"), ("Count", "7")]),
            (["region": "eu", "count": 7], [("Region", "eu"), ("Count", "7.0")]),
            (["region": "eu", "count": -7.0], [("Region", "eu"), ("Count", "-7")]),
            (["region": "eu", "count": nil], [("Region", "eu")]),
            (["region": "eu", "dry": true], [("Region", "eu"), ("Dry-Run", "true")]),
            (["region": "eu", "place": ["zone": "1"]], [("Region", "eu"), ("Zone", "1")]),
            (["region": "eu", "place": [:]], [("Region", "eu")]),
            (["region": "eu"], [("Region", "eu"), ("Other", "of no argument")]),
        ] as [(JSON, [(String, String?)])])
    @IO func `an argument and its header agree`(arguments: JSON, headers: [(String, String?)])
        async
    {
        #expect(await code(arguments, headers) == 0)
    }

    @Test(
        arguments: [
            (["region": "eu"], []),
            (["region": "eu"], [("Region", "EU")]),
            (["region": "eu"], [("Region", "us")]),
            (["region": "eu"], [("Region", "")]),
            ([:], [("Region", "eu")]),
            (["region": nil], [("Region", "null")]),
            (["region": "Zürich"], [("Region", "Zürich")]),
            (["region": "eu"], [("Region", "=?base64?ZXU?=")]),
            (["region": "eu"], [("Region", "=?base64?ZXV=?=")]),
            (["region": "eu"], [("Region", "=?base64?Z!U=?=")]),
            (["region": "eu"], [("Region", "=?base64?_w==?=")]),
            (["region": "eu"], [("Region", "=?base64?/w==?=")]),
            (["region": "eu", "count": 7], [("Region", "eu"), ("Count", "8")]),
            (["region": "eu", "count": 7], [("Region", "eu"), ("Count", "0x7")]),
            (["region": "eu", "count": 7], [("Region", "eu"), ("Count", "seven")]),
            (
                ["region": "eu", "count": 9_007_199_254_740_993],
                [("Region", "eu"), ("Count", "9007199254740993")]
            ),
            (["region": "eu", "dry": true], [("Region", "eu"), ("Dry-Run", "True")]),
            (["region": "eu", "place": ["zone": "1"]], [("Region", "eu")]),
            (["region": "eu", "place": ["zone": "1"]], [("Region", "eu"), ("Zone", "2")]),
        ] as [(JSON, [(String, String?)])])
    @IO func `what differs is refused`(arguments: JSON, headers: [(String, String?)]) async {
        #expect(await code(arguments, headers) == -32020)
    }

    @Test @IO func `a header that is sent twice has one value`() async {
        let visitor = Visitor(
            MCPServer(info: Implementation(name: "s", version: "1"), tools: [Self.tool]))
        let (plain, body) = Visitor.modern(
            "tools/call", ["name": "route", "arguments": ["region": "eu"]])
        for (second, status) in [("eu", 200), ("us", 400)] {
            var headers = plain
            headers.add("Mcp-Param-Region", "eu")
            headers.add("Mcp-Param-Region", second)
            #expect(await visitor.send("POST", headers, body).status == status)
        }
    }

    /// Each request breaks one rule fewer than the one before it; the first one is reported.
    @Test @IO func `arguments are compared after the version, and before the tool is called`()
        async
    {
        let visitor = Visitor(
            MCPServer(info: Implementation(name: "s", version: "1"), tools: [Self.tool]))
        func code(
            _ name: String, _ version: String, _ method: String, _ region: String?
        ) async -> JSON? {
            let reply = await visitor.modern(
                "tools/call", ["name": .string(name), "arguments": ["region": "eu"]],
                version: version, change: [("Mcp-Method", method), ("Mcp-Param-Region", region)])
            return reply.json?["error"]?["code"]
        }
        #expect(await code("route", "1999-01-01", "tools/list", nil) == -32020)
        #expect(await code("route", "1999-01-01", "tools/call", nil) == -32022)
        #expect(await code("route", "2026-07-28", "tools/call", nil) == -32020)
        #expect(await code("none", "2026-07-28", "tools/call", nil) == -32602)
        #expect(await code("route", "2026-07-28", "tools/call", "eu") == nil)
    }

    @Test @IO func `a page may send the headers of arguments`() async {
        let visitor = Visitor(Fixture.server())
        let reply = await visitor.send(
            "OPTIONS",
            [
                "Origin": "http://localhost:1", "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "content-type, mcp-param-region,x-other",
            ])
        let allowed = reply.headers["Access-Control-Allow-Headers"] ?? ""
        #expect(allowed.hasSuffix("Last-Event-ID, mcp-param-region"))
    }

    @Test func `the marks of a schema are found`() {
        let found = HeaderArgument.all(of: Self.tool)
        #expect(
            found.map(\.header)
                == ["Mcp-Param-Region", "Mcp-Param-Count", "Mcp-Param-Dry-Run", "Mcp-Param-Zone"])
        #expect(found.last?.path == ["place", "zone"])
    }
}
