// The agent's way to its relay: which proxy, through real ones, and what an inspecting one breaks.
import Configuration
import Crypto
import Foundation
import Loop
import Net
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite(.timeLimit(.minutes(1))) struct ProxyChoiceTests {
    private static func proxy(
        _ relay: String, _ environment: [String: String], _ setting: String? = nil
    ) throws -> String? {
        var way = WayOut()
        way.proxy = setting
        let address = try #require(Address(relay))
        return try way.proxy(to: address, environment: environment)?.address
    }

    @Test func `the setting counts before the environment, lower case before upper`() throws {
        let all = [
            "https_proxy": "a", "HTTPS_PROXY": "b", "all_proxy": "socks5://c", "ALL_PROXY": "d",
        ]
        func choice(_ names: String..., setting: String? = nil) throws -> String? {
            try Self.proxy("relay.example:443", all.filter { names.contains($0.key) }, setting)
        }
        #expect(try choice() == nil)
        #expect(try choice("ALL_PROXY") == "http://d:80")
        #expect(try choice("ALL_PROXY", "all_proxy") == "socks5://c:1080")
        #expect(try choice("ALL_PROXY", "all_proxy", "HTTPS_PROXY") == "http://b:80")
        #expect(try choice("https_proxy", "HTTPS_PROXY") == "http://a:80")
        #expect(try choice("https_proxy", setting: "socks5h://e:9") == "socks5h://e:9")
        #expect(try choice("https_proxy", setting: "None") == nil)
        let empty = ["https_proxy": "", "ALL_PROXY": "d"]
        #expect(try Self.proxy("relay.example:443", empty) == "http://d:80")
    }

    @Test func `no proxy of the environment is asked for this machine; one that is set is`() throws
    {
        let environment = ["HTTPS_PROXY": "p"]
        for relay in ["localhost:1", "a.localhost:1", "127.0.0.1:1", "127.9.9.9:1", "[::1]:1"] {
            #expect(try Self.proxy(relay, environment) == nil, "\(relay)")
            #expect(try Self.proxy(relay, environment, "q") == "http://q:80", "\(relay)")
        }
        #expect(try Self.proxy("localhost.example:1", environment) == "http://p:80")
    }

    private static let exceptions: [(list: String, relay: String, isCovered: Bool)] = [
        ("*", "a.example:443", true), ("x,*", "a.example:443", false),
        ("a.example", "a.example:443", true), ("a.example", "b.a.example:443", true),
        (".a.example", "a.example:443", true), (".a.example", "b.a.example:443", true),
        ("a.example", "ba.example:443", false), ("A.Example.", "a.eXample:443", true),
        ("x, y\ta.example", "a.example:443", true), ("", "a.example:443", false),
        ("a.example:443", "a.example:443", true), ("a.example:80", "a.example:443", false),
        ("10.1.2.3", "10.1.2.3:443", true), ("1.2.3", "10.1.2.3:443", false),
        ("2.3", "10.1.2.3:443", false), ("10.1.2.3:80", "10.1.2.3:443", false),
        ("10.0.0.0/8", "10.1.2.3:443", true), ("10.0.0.0/8", "11.1.2.3:443", false),
        ("10.1.2.2/31", "10.1.2.3:443", true), ("10.1.2.2/32", "10.1.2.3:443", false),
        ("0.0.0.0/0", "10.1.2.3:443", true), ("10.0.0.0/33", "10.1.2.3:443", false),
        ("10.0.0.0/", "10.1.2.3:443", false), ("10.0.0.0/8", "a.example:443", false),
        ("fd00::/8", "[fd12::1]:443", true), ("fd00::/8", "[fe80::1]:443", false),
        ("fd12:0::1", "[fd12::1]:443", true), ("[fd12::1]", "[fd12::1]:443", true),
        ("[fd12::1]:443", "[fd12::1]:443", true), ("[fd12::1]:80", "[fd12::1]:443", false),
        ("0.0.0.0/0", "[fd12::1]:443", false),
    ]

    @Test func `NO_PROXY is read as curl reads it, with ports`() throws {
        for (list, relay, isCovered) in Self.exceptions {
            let found = try Self.proxy(relay, ["https_proxy": "p", "NO_PROXY": list])
            #expect((found == nil) == isCovered, "\(list): \(relay)")
        }
        let both = ["https_proxy": "p", "no_proxy": "b", "NO_PROXY": "a"]
        #expect(try Self.proxy("a:1", both) != nil && Self.proxy("b:1", both) == nil)
    }

    @Test func `a URL that is not understood is named by its place, never shown`() throws {
        for text in [
            "https://p:1", "ftp://geheim@p", "http://u:geheim@p:x", "http://p/geheim",
            "http://:geheim@p", "http://u:%ge@p", "http://u:geheim@", "http://u:geheim@p?q",
        ] {
            do throws(UplinkError) {
                var way = WayOut()
                way.proxy = text
                try way.check()
                Issue.record("\(text) was read")
            } catch {
                #expect(error.description.hasPrefix("Proxy "), "\(error)")
                #expect(!error.description.contains("geheim"), "\(error)")
                #expect(!error.isFinal && error.exitCode == ExitCode.configuration)
            }
        }
    }

    @Test func `credentials come from the URL, or from a file of one's own`() throws {
        let folder = try TemporaryDirectory("way")
        let file = try folder.write("fi:le:x\nrest\n", to: "credentials")
        var way = WayOut()
        way.proxy = "http://u%3a:p%40@x@h"
        let relay = Address(host: "r", port: 1)
        let written = try #require(try way.proxy(to: relay)?.credentials)
        #expect(written.user == "u:" && written.password.copy == Array("p@@x".utf8))
        way.credentialsFile = file
        chmod(file, 0o644)
        #expect(throws: UplinkError.self) { try way.proxy(to: relay) }
        chmod(file, 0o600)
        let read = try #require(try way.proxy(to: relay)?.credentials)
        #expect(read.user == "fi" && read.password.copy == Array("le:x".utf8))
        for text in ["", "nothing\n", ":p\n"] {
            try folder.write(text, to: "credentials")
            chmod(file, 0o600)
            #expect(throws: UplinkError.self) { try way.proxy(to: relay) }
        }
    }
}

@Suite(.timeLimit(.minutes(2))) struct WayOutTests {
    private static let password = "geheim-Zq7"

    private struct Route: Sendable, CustomStringConvertible {
        let kind: ForwardProxy.Kind
        let scheme: String
        let password: String?
        /// What the agent is given; nil: nothing.
        let given: String?
        let isFile: Bool
        /// A part of the error; nil: it connects.
        let error: String?
        var description: String { "\(scheme), \(password ?? "open"), \(given ?? "nothing")" }

        init(
            _ kind: ForwardProxy.Kind, _ scheme: String, _ password: String? = nil,
            given: String? = nil, isFile: Bool = false, error: String? = nil
        ) {
            (self.kind, self.scheme, self.password) = (kind, scheme, password)
            (self.given, self.isFile, self.error) = (given, isFile, error)
        }
    }

    private static let routes = [
        Route(.tinyproxy, "http"),
        Route(.tinyproxy, "http", password, given: password),
        Route(.tinyproxy, "http", password, given: password, isFile: true),
        Route(.tinyproxy, "http", password, error: "asks for a user and a password"),
        Route(.tinyproxy, "http", password, given: "geheim-no", error: "did not accept the user"),
        Route(.microsocks, "socks5"), Route(.microsocks, "socks5h"),
        Route(.microsocks, "socks5", password, given: password),
        Route(.microsocks, "socks5h", password, given: password, isFile: true),
        Route(.microsocks, "socks5", password, error: "asks for a user and a password"),
        Route(.microsocks, "socks5h", password, given: "geheim-no", error: "did not accept"),
        Route(.microsocks, "http", error: "the proxy http://127.0.0.1:"),
    ]

    @Test(.needs("tinyproxy", "microsocks", .localhost), arguments: routes)
    @IO private func `the relay is reached through real proxies`(route: Route) async throws {
        let proxy = try await ForwardProxy.start(route.kind, password: route.password)
        let relay = try TestRelay()
        let agent = try TestAgent()
        var login = ""
        if let given = route.given, route.isFile {
            let file = try agent.folder.write(
                "\(ForwardProxy.user):\(given)\n", to: "credentials")
            chmod(file, 0o600)
            agent.way.credentialsFile = file
        } else if let given = route.given {
            login = "\(ForwardProxy.user):\(given)@"
        }
        agent.way.proxy = "\(route.scheme)://\(login)127.0.0.1:\(proxy.port)"
        // A name: the proxy looks it up (socks5h, http), or the agent does (socks5).
        try agent.run(url: "tls://localhost:\(relay.address.port)", pin: relay.pin)
        #expect(await holds { !agent.log.isEmpty })
        let first = try #require(agent.log.first)
        if let error = route.error {
            #expect(first.contains(error), "\(first)")
            #expect(relay.dials == 0)
        } else {
            #expect(first.hasPrefix("connected"), "\(first)")
        }
        #expect(!first.contains("geheim"))
        await agent.uplink?.stop()
        relay.kill()
    }

    @Test(.needs("tinyproxy"))
    @IO func `what a proxy answers instead is in the error`() async throws {
        let proxy = try await ForwardProxy.start(.tinyproxy)
        let agent = try TestAgent()
        agent.way.proxy = "127.0.0.1:\(proxy.port)"
        let (relay, port) = (try TestRelay(), try Ports.free())
        try agent.run(url: "tls://127.0.0.1:\(port)", pin: relay.pin)
        #expect(await holds { !agent.log.isEmpty })
        let text = agent.log.first ?? ""
        #expect(text.contains("the proxy http://127.0.0.1:\(proxy.port): it answered: HTTP/1."))
        await agent.uplink?.stop()
        relay.kill()
    }

    @Test(.needs(.localhost))
    @IO func `RelayCA vouches for a relay without a pin`() async throws {
        let relay = try TestRelay()
        let agent = try TestAgent()
        let url = "tls://localhost:\(relay.address.port)"
        try agent.run(url: url, pin: nil)
        #expect(await holds { !agent.log.isEmpty })
        #expect(agent.log.first?.contains("name that with RelayCA") == true, "\(agent.log)")
        await agent.uplink?.stop()
        let other = try TestAgent()
        other.way.authoritiesFile = try other.folder.write(relay.certificate, to: "ca.pem")
        try other.run(url: url, pin: nil)
        #expect(await holds { other.log.first?.hasPrefix("connected") == true })
        await other.uplink?.stop()
        let third = try TestAgent()
        third.way.authoritiesFile = third.folder.path + "/none.pem"
        try third.run(url: url, pin: nil)
        #expect(await holds { third.log.first?.contains("/none.pem") == true })
        await third.uplink?.stop()
        relay.kill()
    }

    /// The pin fails first.
    ///
    /// Where there is none, and the proxy's authority is trusted, TLS is fine on both sides; but
    /// each side has another session, so that the signature proves nothing.
    @Test(.needs("haproxy", .localhost))
    @IO func `a proxy that opens TLS cannot pass on the agent's identity`() async throws {
        let relay = try TestRelay()
        let made = try SelfSignedCertificate.generate(
            commonName: "inspector", otherNames: ["localhost"])
        let folder = try TemporaryDirectory("inspector")
        let certificate = folder.file("inspector.pem")
        try SecureFile.write(certificate, made.certificatePEM + made.keyPEM)
        let proxy = try await ForwardProxy.start(
            .inspector(
                certificate: certificate, to: relay.address.port,
                protocol: Contract.applicationProtocol))
        let url = "tls://localhost:\(proxy.port)"
        let pinned = try TestAgent()
        try pinned.run(url: url, pin: relay.pin)
        #expect(await holds { !pinned.log.isEmpty })
        #expect(pinned.log.first?.contains("a proxy on the way opens TLS") == true)
        await pinned.uplink?.stop()

        var isProven: Bool?
        relay.meet = { peer in isProven = try? await peer.isProven() }
        let trusting = try TestAgent()
        trusting.way.authoritiesFile = certificate
        try trusting.run(url: url, pin: nil)
        #expect(await holds { isProven != nil })
        #expect(isProven == false)
        await trusting.uplink?.stop()
        relay.kill()
    }
}
