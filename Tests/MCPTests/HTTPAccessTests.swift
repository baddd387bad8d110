// Origin, Host, preflight and authentication.
import HTTP
import JSON
import Loop
import MCP
import Testing

@Suite struct `HTTP access` {
    @IO private func status(_ access: HTTPAccess, _ headers: [(String, String?)]) async -> Int? {
        await Visitor(Fixture.server(), access: access)
            .modern("server/discover", change: headers).status
    }

    @Test @IO func `a loopback listener knows loopback names alone`() async {
        let access = HTTPAccess(isLoopback: true, allowedHosts: ["Relay.lan"])
        for host in ["localhost:1", "127.0.0.1", "[::1]:80", "relay.LAN:8642"] {
            #expect(await status(access, [("Host", host)]) == 200)
        }
        for host in [
            "evil.example", "127.0.0.1.evil.example", "", "[::2]", "localhost.evil:1",
            "localhost:80@evil.example", "evil@localhost", "[::1].evil.example", "[::1]evil:80",
            "localhost:80x", "127.0.0.1:80:80", "[::1", "localhost/",
        ] {
            #expect(await status(access, [("Host", host)]) == 421)
        }
        for origin in ["http://localhost:3000", "https://127.0.0.1", "http://[::1]:1"] {
            #expect(await status(access, [("Origin", origin)]) == 200)
        }
        for origin in [
            "null", "http://evil.example", "http://localhost.evil", "ftp://localhost",
            "http://localhost:80@evil.example", "http://[::1].evil.example", "http://localhost/x",
        ] {
            #expect(await status(access, [("Origin", origin)]) == 403)
        }
    }

    @Test @IO func `another listener takes configured origins, and any host unless told`() async {
        let access = HTTPAccess(isLoopback: false, allowedOrigins: ["https://app.example"])
        #expect(await status(access, [("Host", "relay.example")]) == 200)
        #expect(await status(access, [("Origin", "https://app.example")]) == 200)
        #expect(await status(access, [("Origin", "http://localhost")]) == 403)
        let named = HTTPAccess(isLoopback: false, allowedHosts: ["relay.example"])
        #expect(await status(named, [("Host", "relay.example:443")]) == 200)
        #expect(await status(named, [("Host", "localhost")]) == 421)
    }

    @Test @IO func `pages of an allowed origin may ask first and read replies`() async {
        let access = HTTPAccess(isLoopback: false, allowedOrigins: ["https://app.example"])
        let visitor = Visitor(Fixture.server(), access: access)
        let preflight = await visitor.send("OPTIONS", ["Origin": "https://app.example"])
        #expect(preflight.status == 204)
        #expect(preflight.headers["Access-Control-Allow-Origin"] == "https://app.example")
        let reply = await visitor.modern(
            "server/discover", change: [("Origin", "https://app.example")])
        #expect(reply.headers["Access-Control-Expose-Headers"]?.contains("Mcp-Session-Id") == true)
        #expect(await visitor.send("OPTIONS", [:]).status == 405)
    }

    @Test @IO func `no principal, no service`() async {
        let visitor = Visitor(Fixture.server())
        let reply = await visitor.modern("server/discover", change: [("Authorization", "Bearer x")])
        #expect(reply.status == 401)
        #expect(reply.headers["WWW-Authenticate"] == "Bearer error=\"invalid_token\"")
        let off = await visitor.modern("server/discover", change: [("Authorization", "Bearer off")])
        #expect(off.status == 403)
    }
}
