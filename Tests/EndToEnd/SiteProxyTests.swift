// A site whose agent reaches the relay only through a proxy: the real programs, joined and run.
import Foundation
import JSON
import Support
import Testing

@Suite(.needs("tinyproxy"), .timeLimit(.minutes(1))) struct SiteProxyTests {
    private static let password = "geheim-Zq7"

    @Test func `an agent joins and runs through a proxy that asks for a password`() async throws {
        let home = try await Installation.start()
        let proxy = try await ForwardProxy.start(.tinyproxy, password: Self.password)
        let file = try home.directory.write(
            "\(ForwardProxy.user):\(Self.password)\n", to: "credentials")
        try FileManager.default.createDirectory(
            atPath: home.data("site"), withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
        try home.directory.write(
            "Proxy http://127.0.0.1:\(proxy.port)\nProxyCredentials \(file)\n",
            to: "site/agent.conf")
        let place = try #require(URL(string: home.tunnel)?.port)
        func asked() -> Int {
            proxy.log.components(separatedBy: "CONNECT 127.0.0.1:\(place)").count
        }
        let before = asked()
        try await home.join("site")
        let joined = asked()
        #expect(joined > before, "\(proxy.log)")
        let caller = try await home.caller()
        try await home.startAgent("site", caller: caller)
        #expect(asked() > joined, "\(proxy.log)")
        let agent = try #require(home.process("site"))
        #expect(!(agent.output + agent.errors).contains(Self.password))
    }

    @Test func `the environment's proxy is used for a relay elsewhere, and says no by name`()
        async throws
    {
        let home = try await Installation.start()
        let proxy = try await ForwardProxy.start(.tinyproxy, password: Self.password)
        let line = try await RunningProcess.run(
            Repository.program("homeline-relay"),
            [
                "invite", "--name", "far", "--tunnel-url", "tls://relay.invalid:443", "--data",
                home.data("relay"),
            ])
        let invitation = try #require(
            line.split(whereSeparator: \.isWhitespace).first { $0.hasPrefix("hl1.") })
        func errors(_ login: String, _ exception: String = "") async throws -> String {
            let agent = try RunningProcess(
                Repository.program("homeline-agent"),
                ["join", String(invitation), "--data", home.data("far")],
                environment: [
                    "https_proxy": "http://\(login)127.0.0.1:\(proxy.port)", "no_proxy": exception,
                ])
            _ = try await agent.finished()
            return agent.errors
        }
        let known = try await errors("\(ForwardProxy.user):\(Self.password)@")
        let place = "the proxy http://127.0.0.1:\(proxy.port): it "
        #expect(known.contains(place + "answered: HTTP/1."), "\(known)")
        let unknown = try await errors("")
        #expect(unknown.contains(place + "asks for a user and a password"), "\(unknown)")
        let direct = try await errors("", ".invalid")
        #expect(direct.contains("relay.invalid") && !direct.contains("proxy"), "\(direct)")
        #expect(!(known + unknown + direct).contains(Self.password))
    }
}
