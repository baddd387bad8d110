// The public Python clients against the endpoint on a real socket. A bug in discovery would make
// every client fall back in silence, so the negotiated version is what counts first.
import HTTP
import JSON
import Loop
import Net
import Support
import Testing

@testable import MCP

@Suite(.needs(.pythonClients), .serialized)
struct `Public clients` {
    @Test(arguments: [
        ("mcp", "auto", "2026-07-28"), ("mcp", "legacy", "2025-11-25"),
        ("fastmcp", "auto", "2026-07-28"), ("fastmcp", "legacy", "2025-11-25"),
    ]) @IO func `a client negotiates and works`(name: String, mode: String, version: String)
        async throws
    {
        let endpoint = MCPHTTPEndpoint(
            server: Fixture.server { $0.progress.interval = .zero },
            access: HTTPAccess(isLoopback: true)
        ) { _ in .principal(Fixture.ada, nil) }
        let http = HTTPServer { await endpoint.handle($0, $1) }
        let listener = try Listener.tcp(#require(SocketAddress(ip: "127.0.0.1", port: 0))) {
            http.serve($0)
        }
        defer {
            listener.close()
            http.close()
        }
        let port = try #require(listener.address?.port)
        let python = try #require(Repository.python)
        let script = "\(Repository.root)/Tests/MCPTests/python/clients.py"
        let output = try await RunningProcess.run(
            python, [script, name, mode, "http://127.0.0.1:\(port)/mcp"])
        let report = try JSON(parsing: output)
        #expect(report["version"]?.stringValue == version)
        #expect(report["tools"]?.arrayValue?.count == 6)
        #expect(report["echo"]?["text"] == "hé\u{2028}\n")
        #expect(report["many"]?.arrayValue == (0..<50).map { .string(String($0)) })
        #expect(report["loose"]?["text"] == "a")
        let note = report["loose"]?["ignored_arguments"]?.stringValue
        #expect(note?.contains("\"toolCallId\", \"sessionId\"") == true)
        #expect(report["bad"] == true)
        #expect(report["progress"]?.arrayValue?.count == 3)
        #expect(report["lines"]?.stringValue == Fixture.allLines)
        #expect(report["unknown"] == -32602)
        #expect(report["resource"] == "hello")
        #expect(report["prompts"] == ["greeting"])
        if mode == "legacy" {
            #expect(await holds { endpoint.sessions.count == 0 })
        } else {
            #expect(endpoint.sessions.count == 0)
        }
    }
}
