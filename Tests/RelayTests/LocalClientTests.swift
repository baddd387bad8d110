// A program of this machine needs no token; a web page and a proxy that reports itself do.
import HTTP
import Loop
import Testing

@testable import homeline_relay

@Suite struct LocalClientTests {
    @Test(
        arguments: [
            ([:], "127.0.0.1", true), ([:], "::1", true), ([:], "192.0.2.1", false),
            (["Origin": "http://localhost:3000"], "127.0.0.1", false),
            (["Origin": "http://127.0.0.1"], "127.0.0.1", false),
            (["Origin": "null"], "127.0.0.1", false),
            (["Origin": "https://app.example"], "127.0.0.1", true),
            (["Origin": "https://APP.example"], "127.0.0.1", true),
            (["X-Forwarded-For": "192.0.2.1"], "127.0.0.1", false),
            (["Forwarded": "for=192.0.2.1"], "127.0.0.1", false), (["Via": "1.1 x"], "::1", false),
            (["X-Real-IP": "192.0.2.1"], "127.0.0.1", false),
            (["Sec-Fetch-Site": "cross-site"], "127.0.0.1", false),
            (["Sec-Fetch-Site": "same-site"], "127.0.0.1", false),
            (["Sec-Fetch-Site": "same-origin"], "127.0.0.1", true),
            (["Sec-Fetch-Site": "none"], "127.0.0.1", true),
        ] as [([String: String], String, Bool)])
    func `a web page and a proxy that reports itself need a token`(
        headers: [String: String], peer: String, isOne: Bool
    ) throws {
        var fields: HTTPHeaders = [:]
        for (name, value) in headers { fields[name] = value }
        let request = try HTTPRequest(
            method: "POST", target: "/mcp", headers: fields,
            peerAddress: SocketAddress(ip: peer, port: 9))
        #expect(LocalClient.isOne(request, allowedOrigins: ["https://app.example"]) == isOne)
    }

    @Test func `what comes over TLS is of nobody on this machine`() throws {
        let request = try HTTPRequest(
            method: "POST", target: "/mcp", peerAddress: SocketAddress(ip: "127.0.0.1", port: 9),
            isEncrypted: true)
        #expect(!LocalClient.isOne(request, allowedOrigins: []))
    }
}
