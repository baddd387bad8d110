// A relay behind the proxies that people have, configured as docs/proxies.md says. A public client
// works through each, over HTTP/2 and 1.1, and sees progress while its call runs.
import Crypto
import Foundation
import JSON
import Support
import Testing

@Suite(.needs(.pythonClients), .timeLimit(.minutes(3)))
struct ProxyTests {
    /// A relay that knows its public name, with an agent for each proxy, whose open calls are
    /// counted, and `site`.
    private struct Place {
        let home: Installation, port: UInt16, token: String, certificate: String
    }

    private static let place = Task {
        let home = try await Installation.start()
        let port = try #require(URL(string: home.url)?.port.flatMap(UInt16.init(exactly:)))
        let caller = try await home.caller()
        let agents = ReverseProxy.Kind.allCases.map(\.rawValue) + ["site"]
        for agent in agents {
            try await home.join(agent)
            try await home.startAgent(agent, caller: caller)
        }
        let made = try SelfSignedCertificate.generate(
            commonName: ReverseProxy.name, otherNames: ["localhost"])
        let certificate = home.directory.file("proxy.pem")
        try SecureFile.write(certificate, made.certificatePEM + made.keyPEM)
        await home.process("relay")?.stop()
        try await home.startRelay(["--public-url", "https://\(ReverseProxy.name)/homeline"])
        for agent in agents where await !home.online(agent, caller: caller) {
            throw Unavailable("agent \(agent) did not return")
        }
        return Place(
            home: home, port: port, token: try await home.token("proxied"),
            certificate: certificate)
    }

    private func report(
        _ kind: ReverseProxy.Kind, http: Int, path: String, agent: String = "site",
        _ steps: String...
    ) async throws -> JSON {
        let place = try await Self.place.value
        let proxy = try await ReverseProxy.start(
            kind, to: place.port, certificate: place.certificate)
        // It sees its own agent alone: reading `homeline://stats` makes a call at each agent that
        // its reader sees, and "leaving" counts the calls at one.
        let token = try await place.home.token("proxied-\(proxy.port)", pattern: agent)
        let output = try await RunningProcess.run(
            try #require(Repository.python),
            [
                "\(Repository.root)/Tests/Interop/python/proxied.py", "--http", "\(http)",
                "--url", "https://\(ReverseProxy.name):\(proxy.port)\(path)",
                "--token", token, "--certificate", place.certificate,
                "--target", "\(agent)/local",
            ] + steps)
        return try JSON(parsing: output)
    }

    /// What a public client saw of its call: progress comes while it runs, not with its end.
    private func check(_ client: JSON?, _ version: String) throws {
        let client = try #require(client)
        #expect(client["version"]?.stringValue == version)
        #expect((client["tools"]?.intValue ?? 0) > 10)
        #expect(client["stdout"] == "step 1\nstep 2\nstep 3\nstep 4\nstep 5\nstep 6\n")
        let took = client["took"]?.doubleValue ?? 0
        let first = client["progress"]?[0]?[0]?.doubleValue ?? .infinity
        #expect(first < took - 0.3, "\(client)")
    }

    @Test(.needs("nginx", "caddy", "haproxy"), arguments: ReverseProxy.Kind.allCases)
    func `everything works through a proxy over HTTP/2`(kind: ReverseProxy.Kind) async throws {
        let report = try await report(
            kind, http: 2, path: "/homeline/mcp", agent: kind.rawValue, "client:auto",
            "client:legacy",
            "slash", "long", "stream", "refused", "leaving")
        try check(report["client:auto"], "2026-07-28")
        try check(report["client:legacy"], "2025-11-25")
        #expect(report["slash"] == ["status": 200, "http": "HTTP/2"])
        #expect(report["long"] == ["status": 200, "stdout": "3000000"])
        let stream = report["stream"]
        #expect(stream?["statuses"] == [200, 200])
        #expect(stream?["deleted"] == 204)
        // Less than the first keep-alive (15 s) would take.
        #expect((stream?["ended"]?.doubleValue ?? .infinity) < 5, "\(stream ?? .null)")
        let refused = report["refused"]
        #expect(refused?["origin"]?["status"] == 403)
        #expect(refused?["origin"]?["text"]?.stringValue?.contains("--allow-origin") == true)
        #expect(refused?["token"]?["status"] == 401)
        #expect(refused?["token"]?["challenge"]?.stringValue?.hasPrefix("Bearer ") == true)
        let leaving = report["leaving"]
        #expect((leaving?["before"]?.intValue ?? 0) > 0)
        // The call would last 45 s; those of other tests at the agent end before.
        #expect((leaving?["ended"]?.doubleValue ?? .infinity) < 25, "\(leaving ?? .null)")
    }

    @Test(.needs("nginx", "caddy", "haproxy"), arguments: ReverseProxy.Kind.allCases)
    func `a client works through a proxy over HTTP 1.1`(kind: ReverseProxy.Kind) async throws {
        let report = try await report(kind, http: 1, path: "/mcp", "client:auto", "stream")
        try check(report["client:auto"], "2026-07-28")
        #expect(report["stream"]?["statuses"] == [200, 200])
        #expect((report["stream"]?["ended"]?.doubleValue ?? .infinity) < 5)
    }

    @Test(.needs("nginx", "haproxy"), arguments: [ReverseProxy.Kind.nginx, .haproxy])
    func `a tool is called from the command line through a proxy`(kind: ReverseProxy.Kind)
        async throws
    {
        let place = try await Self.place.value
        let proxy = try await ReverseProxy.start(
            kind, to: place.port, certificate: place.certificate)
        let token = try place.home.directory.write(place.token, to: "token-\(kind.rawValue)")
        let output = try await RunningProcess.run(
            Repository.program("homeline-relay"),
            [
                "call", "--url", "https://localhost:\(proxy.port)/mcp", "--token-file", token,
                "agent_list",
            ], environment: ["SSL_CERT_FILE": place.certificate])
        #expect(try JSON(parsing: output)["agents"]?.arrayValue?.count == 4)
    }

    @Test(.needs("nginx", "caddy", "haproxy", "curl"), arguments: ReverseProxy.Kind.allCases)
    func `a long file passes a proxy both ways`(kind: ReverseProxy.Kind) async throws {
        let place = try await Self.place.value
        let proxy = try await ReverseProxy.start(
            kind, to: place.port, certificate: place.certificate)
        let folder = try TemporaryDirectory("proxied")
        // More than nginx takes elsewhere.
        let bytes = Random.bytes(6 << 20)
        try Data(bytes).write(to: URL(fileURLWithPath: folder.file("file")))
        let caller = try MCPCaller(url: "http://127.0.0.1:\(place.port)/mcp", token: place.token)
        let name = JSON.string("\(kind)")
        func curl(_ action: JSON, _ words: String...) async throws -> String {
            let made = try await caller.structured(
                "file_drop", ["action": action, "name": name])
            let url = try #require(made["url"]?.stringValue)
            let known = "https://\(ReverseProxy.name)/homeline/files/"
            #expect(url.hasPrefix(known))
            return try await RunningProcess.run(
                "/usr/bin/env",
                [
                    "curl", "-sS", "-w", "%{http_code}", "--cacert", place.certificate,
                    "--resolve", "\(ReverseProxy.name):\(proxy.port):127.0.0.1",
                ] + words + [
                    "https://\(ReverseProxy.name):\(proxy.port)/files/"
                        + url.dropFirst(known.count)
                ], directory: folder.path)
        }
        #expect(try await curl("upload_url", "-T", "file").hasSuffix("201"))
        #expect(try await curl("download_url", "-o", "whole") == "200")
        try Data(bytes.prefix(999_999)).write(to: URL(fileURLWithPath: folder.file("cut")))
        #expect(try await curl("download_url", "-C", "-", "-o", "cut") == "206")
        for copy in ["whole", "cut"] {
            #expect(Array(try Data(contentsOf: URL(fileURLWithPath: folder.file(copy)))) == bytes)
        }
    }

    @Test(.needs("nginx")) func `a proxy may take a path away`() async throws {
        let report = try await report(.nginx, http: 2, path: "/below/mcp", "slash")
        #expect(report["slash"] == ["status": 200, "http": "HTTP/2"])
    }

    /// haproxy passes on whatever name a client used.
    @Test(.needs("haproxy"))
    func `a name that the relay does not know is answered with the setting`()
        async throws
    {
        let report = try await report(.haproxy, http: 2, path: "/mcp", "host")
        #expect(report["host"]?["status"] == 421)
        #expect(report["host"]?["text"]?.stringValue?.contains("--public-url") == true)
    }
}
