// Agents that come through the proxies that people have, as docs/proxies.md says: TLS ends at the
// proxy, and the tunnel's own TLS is in a WebSocket. The proxy is idle, is reloaded and is killed.
import Crypto
import Foundation
import JSON
import Support
import Testing

@Suite(.needs("nginx", "caddy", "haproxy"), .timeLimit(.minutes(3)))
struct AgentProxyTests {
    /// A relay whose agents come through a proxy, and one of them.
    private struct Place {
        let home: Installation, port: UInt16, certificate: String, caller: MCPCaller

        /// Starts a relay, and makes the certificate of a proxy in front of it.
        static func make() async throws -> Place {
            let home = try await Installation.start()
            let made = try SelfSignedCertificate.generate(
                commonName: "localhost", otherNames: [ReverseProxy.name])
            let certificate = home.directory.file("proxy.pem")
            try SecureFile.write(certificate, made.certificatePEM + made.keyPEM)
            return Place(
                home: home,
                port: try #require(URL(string: home.url)?.port.flatMap(UInt16.init(exactly:))),
                certificate: certificate, caller: try await home.caller())
        }

        /// Joins an agent to the relay through a port, as `agent.conf` says.
        func join(
            _ name: String, _ port: UInt16, path: String = "", settings: String = ""
        ) async throws {
            try FileManager.default.createDirectory(
                atPath: home.data(name), withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
            try home.directory.write(
                "RelayCA \(certificate)\n\(settings)", to: "\(name)/agent.conf")
            let invitation = try await home.invitation(
                name, at: "wss://localhost:\(port)\(path)")
            try await RunningProcess.run(
                Repository.program("homeline-agent"),
                ["join", invitation, "--data", home.data(name)])
        }

        func start(_ name: String) async throws {
            try await home.startAgent(
                name, caller: caller, errors: home.directory.file("\(name).log"))
        }

        func log(_ name: String) -> String {
            (try? String(contentsOfFile: home.directory.file("\(name).log"), encoding: .utf8))
                ?? ""
        }
    }

    /// The documented text with other time limits; Caddy has none.
    private static func limits(_ text: String, _ seconds: Int) -> String {
        text.replacingOccurrences(of: "60s", with: "\(seconds)s")
            .replacingOccurrences(
                of: "        proxy_http_version 1.1;",
                with: "        proxy_http_version 1.1; proxy_read_timeout \(seconds)s;")
    }

    @Test(arguments: ReverseProxy.Kind.allCases)
    func `an agent serves through a proxy that is idle, reloaded, killed and started again`(
        kind: ReverseProxy.Kind
    ) async throws {
        let place = try await Place.make()
        let (home, caller) = (place.home, place.caller)
        // Shorter than the time between two pings: an idle tunnel is cut.
        let limit = 4
        func proxy(at port: UInt16? = nil) async throws -> ReverseProxy {
            try await ReverseProxy.start(
                kind, to: place.port, certificate: place.certificate, at: port
            ) { Self.limits($0, limit) }
        }
        let first = try await proxy()
        try await place.join("site", first.port, path: kind == .caddy ? "/" : "")
        try await place.start("site")
        let listed = try await caller.structured("agent_list", [:])
        #expect(listed["agents"]?[0]?["online"] == true)
        let session =
            try await caller.structured(
                "ssh_session_open", ["target": "site/local"])["session_id"] ?? .null
        _ = try await caller.structured(
            "ssh_session_command", ["session_id": session, "command": "cd /usr; X=kept"])
        // A reload of nginx lets open connections be, and new ones come.
        if kind == .nginx { first.reload() }
        // A call that is open while the proxy dies.
        let file = home.directory.file("effects")
        let call = Task {
            try await caller.structured(
                "ssh_execute",
                [
                    "target": "site/local", "wait_s": 20,
                    "command": .string("echo once >>\(file); sleep 2; echo done"),
                ])
        }
        #expect(await holds { FileManager.default.fileExists(atPath: file) })
        await first.kill()
        let second = try await proxy(at: first.port)
        let result = try await call.value
        #expect(result["results"]?[0]?["stdout"] == "done\n", "\(result)")
        #expect(try String(contentsOfFile: file, encoding: .utf8) == "once\n")
        #expect(place.log("site").contains("disconnected"))
        // Idle, and cut by what has such a limit: the agent is back by itself.
        let before = place.log("site").components(separatedBy: "disconnected").count
        if kind != .caddy {
            #expect(
                await holds(within: .seconds(20)) {
                    place.log("site").components(separatedBy: "disconnected").count > before
                })
        }
        let kept = try await caller.structured(
            "ssh_session_command", ["session_id": session, "command": "echo $X; pwd"])
        #expect(kept["output"]?.stringValue?.contains("kept\n/usr") == true, "\(kept)")
        await second.kill()
        await home.stop()
    }

    /// What nginx does at a path, and a part of what the agent says then.
    private static let wrong: [(path: String, does: String, error: String)] = [
        ("old", "proxy_pass http://127.0.0.1:8642;", "pass on the headers Upgrade"),
        (
            "plain", "proxy_pass http://127.0.0.1:8642; proxy_http_version 1.1;",
            "pass on the headers Upgrade"
        ),
        ("login", "return 302 /login;", "such as to a login"),
        ("none", "return 404;", "nobody serves this path"),
        ("page", "return 200;", "another page"), ("closed", "deny all;", "asks for a login"),
        ("dead", "proxy_pass http://127.0.0.1:1;", "start the relay"),
    ]

    @Test func `an agent says what a proxy does instead, and what to do`() async throws {
        let place = try await Place.make()
        let other = try SelfSignedCertificate.generate(commonName: "localhost")
        let file = place.home.directory.file("other.pem")
        try SecureFile.write(file, other.certificatePEM)
        let locations = Self.wrong.map { "    location /\($0.path)/ { \($0.does) }\n" }.joined()
            .replacingOccurrences(of: ":8642", with: ":\(place.port)")
        let proxy = try await ReverseProxy.start(
            .nginx, to: place.port, certificate: place.certificate
        ) {
            $0.replacingOccurrences(of: "    location / {", with: locations + "    location / {")
        }
        let stranger = Place(
            home: place.home, port: place.port, certificate: file, caller: place.caller)
        await withTaskGroup(of: Void.self) { group in
            for (path, _, error) in Self.wrong + [("", "", "name that with RelayCA")] {
                group.addTask {
                    let said = await #expect(throws: Unavailable.self) {
                        try await (path.isEmpty ? stranger : place).join(
                            "site-\(path)1", proxy.port, path: "/\(path)")
                    }
                    #expect("\(said as Any)".contains(error), "\(said as Any)")
                }
            }
        }
        await proxy.kill()
    }

    /// What a doctor finds, by the names of its checks.
    private func findings(
        _ program: String, _ words: [String], certificate: String
    ) async throws -> [String: JSON] {
        let process = try RunningProcess(
            Repository.program(program), ["doctor", "--json"] + words,
            environment: ["SSL_CERT_FILE": certificate, "SSH_AUTH_SOCK": ""])
        _ = try await process.finished(within: .seconds(30))
        let checks = try JSON(parsing: process.output)["checks"]?.arrayValue ?? []
        return Dictionary(checks.map { ($0["name"]?.stringValue ?? "", $0) }) { first, _ in first }
    }

    @Test(.needs("tinyproxy"))
    func `a site's proxy may open the outer TLS; another relay is never taken for ours`()
        async throws
    {
        let place = try await Place.make()
        let home = place.home
        // As many are that open TLS: without TLS 1.3.
        let outer = try await ReverseProxy.start(
            .nginx, to: place.port, certificate: place.certificate
        ) { $0.replacingOccurrences(of: "TLSv1.2 TLSv1.3", with: "TLSv1.2") }
        let inspector = try await ForwardProxy.start(
            .inspector(certificate: place.certificate, to: outer.port, protocol: "http/1.1"))
        let site = try await ForwardProxy.start(.tinyproxy)
        try await place.join(
            "site", inspector.port, settings: "Proxy http://127.0.0.1:\(site.port)\n")
        try await place.start("site")
        let answer = try await place.caller.structured(
            "ssh_execute", ["target": "site/local", "command": "echo through"])
        #expect(answer["results"]?[0]?["stdout"] == "through\n")
        #expect(site.log.contains("CONNECT localhost:\(inspector.port)"))
        let own = try await findings(
            "homeline-agent", ["--data", home.data("site")], certificate: place.certificate)
        for name in ["https", "websocket", "tls", "hello"] {
            #expect(own[name]?["verdict"] == "ok", "\(own)")
        }
        let relay = try await findings(
            "homeline-relay",
            ["--data", home.data("relay"), "--tunnel-url", "wss://localhost:\(outer.port)"],
            certificate: place.certificate)
        #expect(relay["tunnel-url"]?["verdict"] == "ok", "\(relay)")

        // Now the same name leads to another relay.
        let other = try await Installation.start()
        await outer.kill()
        let port = try #require(URL(string: other.url)?.port.flatMap(UInt16.init(exactly:)))
        let replaced = try await ReverseProxy.start(
            .nginx, to: port, certificate: place.certificate, at: outer.port)
        #expect(await holds { place.log("site").contains("is not the pinned") })
        let found = try await findings(
            "homeline-agent", ["--data", home.data("site")], certificate: place.certificate)
        #expect(found["websocket"]?["verdict"] == "ok" && found["tls"]?["verdict"] == "fault")
        let lost = try await findings(
            "homeline-relay",
            ["--data", home.data("relay"), "--tunnel-url", "wss://localhost:\(outer.port)"],
            certificate: place.certificate)
        #expect(lost["tunnel-url"]?["verdict"] == "fault", "\(lost)")
        await replaced.kill()
        await other.stop()
        await home.stop()
    }

    @Test func `a relay with a certificate of its own takes agents at its MCP port`() async throws {
        let place = try await Place.make()
        await place.home.process("relay")?.stop()
        try await place.home.startRelay([
            "--tls-certificate", place.certificate, "--tunnel-url", "wss://localhost:\(place.port)",
        ])
        #expect(place.home.tunnel == "wss://localhost:\(place.port)/tunnel")
        try await place.join("site", place.port)
        let agent = try RunningProcess(
            Repository.program("homeline-agent"), ["run", "--data", place.home.data("site")])
        _ = try await agent.line(containing: "connected to wss://localhost:\(place.port)")
        await agent.stop()
        await place.home.stop()
    }

    /// `make proxies`: twice the limit of the proxies, which is above the time between two pings.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["HOMELINE_PROXIES"] != nil))
    func `an idle tunnel outlives the time limits of the proxies`() async throws {
        let place = try await Place.make()
        var proxies: [ReverseProxy] = []
        for kind in ReverseProxy.Kind.allCases {
            let proxy = try await ReverseProxy.start(
                kind, to: place.port, certificate: place.certificate
            ) { Self.limits($0, 20) }
            try await place.join(kind.rawValue, proxy.port)
            try await place.start(kind.rawValue)
            proxies.append(proxy)
        }
        try await Task.sleep(for: .seconds(45))
        for kind in ReverseProxy.Kind.allCases {
            let answer = try await place.caller.structured(
                "ssh_execute", ["target": .string("\(kind.rawValue)/local"), "command": "echo on"])
            #expect(answer["results"]?[0]?["stdout"] == "on\n")
            #expect(!place.log(kind.rawValue).contains("disconnected"), "\(kind)")
        }
        await place.home.stop()
        for proxy in proxies { await proxy.kill() }
    }
}
