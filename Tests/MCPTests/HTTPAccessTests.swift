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

    @Test @IO func `a host is one, however it is written`() async {
        let access = HTTPAccess(
            isLoopback: true, allowedHosts: ["relay.lan.", "[2001:DB8::1]", "192.0.2.7"])
        for host in [
            "127.0.0.2:1", "127.255.0.1", "[0:0:0:0:0:0:0:1]", "LOCALHOST.:80", "relay.lan",
            "Relay.lan.:443", "[2001:db8:0::1]:8443", "192.0.2.7:80",
        ] {
            #expect(await status(access, [("Host", host)]) == 200, "\(host)")
        }
        for host in [
            "128.0.0.1", "127.0.0.256", "127.1", "2130706433", "[2001:db8::2]", "::1",
            "[127.0.0.1]", "127.0.0.1..", ".", "192.0.2.8", "[::ffff:192.0.2.7]",
        ] {
            #expect(await status(access, [("Host", host)]) == 421, "\(host)")
        }
    }

    @Test @IO func `a refusal names what was refused, and what the operator can do`() async {
        let access = HTTPAccess(
            isLoopback: true, advice: HTTPAccess.Advice(host: "use --name", origin: "use --page"))
        let visitor = Visitor(Fixture.server(), access: access)
        let host = await visitor.modern("server/discover", change: [("Host", "a.example")])
        #expect(host.text.contains("\"a.example\", is not served here: use --name"))
        let page = await visitor.modern(
            "server/discover", change: [("Origin", "https://b.example")])
        #expect(page.text.contains("\"https://b.example\", is not allowed: use --page"))
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

    @Test @IO func `no principal, no service, and JSON that says so`() async {
        let visitor = Visitor(Fixture.server())
        func ask(_ token: String) async -> Recorder {
            let (headers, body) = Visitor.modern(
                "server/discover", change: [("Authorization", token)])
            return await visitor.send("POST", headers, body)
        }
        let reply = await ask("Bearer x")
        #expect(reply.status == 401)
        #expect(reply.headers["WWW-Authenticate"] == "Bearer error=\"invalid_token\"")
        #expect(reply.headers["Content-Type"] == "application/json")
        #expect(reply.json?["error"] == "invalid_token")
        #expect(reply.json?["error_description"] == "send a valid bearer token")
        let off = await ask("Bearer off")
        #expect(off.status == 403)
        #expect(off.json?["error"] == "access_denied")
        #expect(off.json?["error_description"] == "this token is switched off")
    }
}
