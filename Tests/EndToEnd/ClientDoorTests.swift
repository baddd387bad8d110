// The relay's door for clients as they come: names, paths, headers, and a connection ended halfway.
import Crypto
import Foundation
import JSON
import Loop
import Net
import Support
import Testing

@Suite struct ClientDoorTests {
    private static let json = "Content-Type: application/json"
    private static let both = "Accept: application/json, text/event-stream"

    private static func message(_ method: String, _ params: JSON) -> [UInt8] {
        let message: JSON = [
            "jsonrpc": "2.0", "id": 7, "method": .string(method), "params": params,
        ]
        return message.encoded()
    }

    @Test func `a relay is reached by the names and paths that its settings give`() async throws {
        let folder = try TemporaryDirectory("door")
        let relay = Repository.program("homeline-relay")
        let data = folder.file("relay")
        let serving = try RunningProcess(
            relay,
            [
                "serve", "--data", data, "--mcp", "127.0.0.2:0", "--tunnel", "127.0.0.1:0",
                "--public-url", "https://relay.example/home/",
            ])
        let shown = try await serving.line(containing: "MCP clients:")
        #expect(shown.hasSuffix("https://relay.example/home/mcp"), "\(shown)")
        let token = try await RunningProcess.run(
            relay, ["tokens", "create", "me", "--scopes", "admin", "--data", data])
        let file = try folder.write(token, to: "token")
        // Its own programs use the address; the relay says at which port it listens.
        let port = try #require(try await Self.port(of: data, at: "127.0.0.2"))
        for path in ["/mcp", "/mcp/", "//mcp", "/home/mcp", "/home/mcp/"] {
            let answer = try await RunningProcess.run(
                relay,
                [
                    "call", "--url", "http://127.0.0.2:\(port)\(path)", "--token-file", file,
                    "agent_list",
                ])
            #expect(try JSON(parsing: answer)["agents"] == [], "\(path)")
        }
        #expect(await serving.stop() == .exited(0))
    }

    /// The agents' programs are at `/agent/…`.
    @Test func `MCP is reached at an outside path that looks like a download`() async throws {
        let folder = try TemporaryDirectory("door")
        let serving = try RunningProcess(
            Repository.program("homeline-relay"),
            [
                "serve", "--data", folder.file("relay"), "--mcp", "127.0.0.3:0", "--tunnel",
                "127.0.0.1:0", "--public-url", "https://relay.example/~me/agent",
            ])
        _ = try await serving.line(containing: "MCP clients:")
        let port = try #require(
            try await Self.port(of: folder.file("relay"), at: "127.0.0.3"))
        func status(_ words: String...) async throws -> String {
            try await RunningProcess.run(
                "/usr/bin/env",
                ["curl", "-s", "--max-time", "10", "-w", "\n%{http_code}"] + words)
        }
        let place = "http://127.0.0.3:\(port)/~me/agent"
        // No token, so that it is refused; a download refuses any POST.
        #expect(try await status("-d", "{}", "\(place)/mcp").hasSuffix("\n401"))
        #expect(
            try await status("\(place)/install").contains("base='https://relay.example/~me/agent'"))
        #expect(await serving.stop() == .exited(0))
    }

    /// The port on which the relay of a folder listens for clients.
    private static func port(of data: String, at address: String) async throws -> UInt16? {
        let status = try JSON(
            parsing: try await RunningProcess.run(
                Repository.program("homeline-relay"), ["status", "--json", "--data", data]))
        let place = status["mcp_port"]?.stringValue ?? ""
        guard place.hasPrefix(address + ":") else { return nil }
        return UInt16(place.dropFirst(address.utf8.count + 1))
    }

    /// Tools that renew certificates replace the files, and send HUP.
    @Test func `a renewed certificate is served after HUP, which ends no relay`() async throws {
        let home = try await Installation.start()
        let file = home.directory.file("tls.pem")
        /// Writes a new certificate with its key, and gives its pin.
        func renew() throws -> PublicKeyPin {
            let made = try SelfSignedCertificate.generate(commonName: "relay.example")
            try SecureFile.write(file, made.certificatePEM + made.keyPEM)
            return try PublicKeyPin(certificatePEM: made.certificatePEM)
        }
        /// Whether the relay shows the certificate of this pin.
        @IO func shows(_ pin: PublicKeyPin) async throws -> Bool {
            let port = try #require(URL(string: home.url)?.port.flatMap(UInt16.init(exactly:)))
            let stream = try? await TLSStream.handshake(
                over: try await SocketStream.connect(host: "127.0.0.1", port: port),
                context: try TLSContext(client: .pin(pin), alpn: ["http/1.1"]),
                serverName: "relay.example")
            stream?.close()
            return stream != nil
        }
        let relay = try #require(home.process("relay"))
        relay.signal(SIGHUP)
        let said = try await relay.line(containing: "nothing was reloaded")
        #expect(said.contains("without a certificate"))
        #expect(await relay.stop() == .exited(0))
        let first = try renew()
        try await home.startRelay(["--tls-certificate", file])
        #expect(try await shows(first))
        let second = try renew()
        let served = try #require(home.process("relay"))
        served.signal(SIGHUP)
        _ = try await served.line(containing: "the certificate was reloaded")
        #expect(try await shows(second))
        try SecureFile.write(file, Array("no certificate".utf8))
        served.signal(SIGHUP)
        _ = try await served.line(containing: "the previous certificate stays in use")
        #expect(try await shows(second))
        await home.stop()
    }

    @Test(arguments: ["relay.example", "https://relay.example?x", "https://a@relay.example"])
    func `a public URL that no client could use is refused at the start`(text: String) async throws
    {
        let folder = try TemporaryDirectory("door")
        let relay = try RunningProcess(
            Repository.program("homeline-relay"),
            [
                "serve", "--data", folder.file("relay"), "--mcp", "127.0.0.1:0", "--tunnel",
                "127.0.0.1:0", "--public-url", text,
            ])
        #expect(try await relay.finished() == .exited(64))
        #expect(relay.errors.contains("--public-url: '\(text)' is not a URL such as"))
    }

    @Test func `clients are answered whatever they do with headers and connections`() async throws {
        let home = try await Installation.start()
        let caller = try await home.caller()
        try await home.join("site")
        try await home.startAgent("site", caller: caller)
        // A name that the relay does not know: the answer names the setting.
        let port = try #require(URL(string: home.url)?.port)
        let foreign = try await HTTPAnswer.exchange(
            Array("POST /mcp HTTP/1.1\r\nHost: relay.example\r\nConnection: close\r\n\r\n".utf8),
            port: UInt16(port), within: .seconds(10))
        #expect(foreign.status == 421)
        #expect(foreign.text.contains("relay.example") && foreign.text.contains("--public-url"))
        // OAuth clients look for metadata, and register, before they use a token: they read JSON.
        for line in ["GET /.well-known/oauth-protected-resource/mcp", "POST /register"] {
            let absent = try await HTTPAnswer.exchange(
                Array("\(line) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8),
                port: UInt16(port), within: .seconds(10))
            #expect(absent.status == 404)
            let error = try JSON(parsing: absent.text)
            #expect(error["error"] == "not_found")
            #expect(error["error_description"]?.stringValue?.contains("/mcp") == true)
        }
        // A handshake under the newest version's header, and a session that goes on so.
        let newest = "MCP-Protocol-Version: 2026-07-28"
        let agreed = try await caller.post(
            Self.message("initialize", ["protocolVersion": "2025-06-18", "capabilities": [:]]),
            headers: [Self.json, Self.both, newest])
        #expect(agreed.messages.last?["result"]?["protocolVersion"] == "2025-06-18")
        let session = "Mcp-Session-Id: \(agreed.headers["mcp-session-id"] ?? "")"
        // Each client ends its side of the connection while its call waits.
        let call: JSON = [
            "name": "ssh_execute",
            "arguments": ["target": "site/local", "command": "sleep 1.3; echo hi"],
        ]
        var modern = call.objectValue ?? [:]
        modern["_meta"] = [
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": [:],
        ]
        let routing = [newest, "Mcp-Method: tools/call", "Mcp-Name: ssh_execute"]
        for (params, headers) in [
            (call, [Self.json, Self.both, session]),
            (call, [Self.json, Self.both, session, newest]),
            // A client's own headers beside those that its user set.
            (call, [Self.json, Self.json, Self.both, session, session, newest, newest]),
            (.object(modern), [Self.json, Self.both] + routing),
            (.object(modern), [Self.json, "Accept: application/json"] + routing),
        ] as [(JSON, [String])] {
            let answer = try await caller.post(
                Self.message("tools/call", params), headers: headers, halfClosing: true)
            #expect(answer.status == 200)
            let result = answer.messages.last?["result"]
            #expect(result?["structuredContent"]?["results"]?[0]?["stdout"] == "hi\n", "\(headers)")
        }
        await home.stop()
    }
}
