// known_hosts as OpenSSH reads it, line by line, and the headers of keys and handshakes.
import Crypto
import Testing

@testable import SSH

@Suite struct KnownHostsTests {
    private static func key(_ letter: Character, _ type: String = "ssh-ed25519") throws -> HostKey {
        var writer = WireWriter()
        writer.string(Array(type.utf8))
        writer.string([UInt8](repeating: letter.asciiValue ?? 0, count: 32))
        return try #require(HostKey(blob: writer.bytes))
    }

    private func known(_ lines: String...) -> KnownHosts {
        var known = KnownHosts()
        known.add(lines.joined(separator: "\n"), file: "file")
        return known
    }

    private func line(_ key: HostKey) -> String { "\(key.type) \(Base64.encode(key.blob))" }

    @Test func `plain names, lists, ports and aliases`() throws {
        let (a, b) = (try Self.key("a"), try Self.key("b"))
        let hosts = known(
            "# comment", "", "Alpha,10.0.0.1 \(line(a)) who@where", "[alpha]:2222 \(line(b))")
        #expect(hosts.warnings.isEmpty)
        #expect(hosts.verdict(a, host: "ALPHA", port: 22) == .match)
        #expect(hosts.verdict(a, host: "10.0.0.1", port: 22) == .match)
        #expect(hosts.verdict(b, host: "alpha", port: 2222) == .match)
        #expect(hosts.verdict(a, host: "elsewhere", port: 9, alias: "alpha") == .match)
        #expect(hosts.verdict(a, host: "beta", port: 22) == .unknown)
        guard case .changed(let list) = hosts.verdict(b, host: "alpha", port: 22) else {
            Issue.record("not changed")
            return
        }
        #expect(list == ["ED25519 \(a.fingerprint) (file:3)"])
        // Off port 22 the plain entry counts for an equal key only.
        #expect(hosts.verdict(a, host: "alpha", port: 4444) == .match)
        #expect(hosts.verdict(b, host: "alpha", port: 4444) == .unknown)
    }

    @Test func `hashed names`() throws {
        let key = try Self.key("h")
        let hosts = known(
            KnownHosts.line(key, host: "secret.example", port: 22, alias: nil),
            KnownHosts.line(key, host: "other", port: 2222, alias: nil))
        #expect(hosts.warnings.isEmpty)
        #expect(hosts.verdict(key, host: "secret.example", port: 22) == .match)
        #expect(hosts.verdict(key, host: "other", port: 2222) == .match)
        #expect(hosts.verdict(key, host: "other", port: 22) == .unknown)
    }

    @Test func `wildcards and negation`() throws {
        let key = try Self.key("w")
        let hosts = known("*.example,!bad.example,db? \(line(key))")
        #expect(hosts.verdict(key, host: "good.example", port: 22) == .match)
        #expect(hosts.verdict(key, host: "bad.example", port: 22) == .unknown)
        #expect(hosts.verdict(key, host: "db1", port: 22) == .match)
        #expect(hosts.verdict(key, host: "db12", port: 22) == .unknown)
    }

    @Test func `a revoked key is refused wherever else it stands`() throws {
        let (a, b) = (try Self.key("a"), try Self.key("b"))
        let hosts = known("alpha \(line(a))", "@revoked * \(line(a))", "alpha \(line(b))")
        #expect(hosts.verdict(a, host: "alpha", port: 22) == .revoked)
        #expect(hosts.verdict(b, host: "alpha", port: 22) == .match)
        #expect(known("@revoked alpha \(line(a))").verdict(b, host: "alpha", port: 22) == .unknown)
    }

    @Test func `bad lines are reported and skipped`() throws {
        let key = try Self.key("k")
        let hosts = known(
            "alpha ssh-ed25519 !!!", "alpha", "alpha ssh-rsa \(Base64.encode(key.blob))",
            "|1|broken \(line(key))", "@cert-authority * \(line(key))", "@new x \(line(key))",
            "\u{0}\u{1}\u{2}", "alpha \(line(key))")
        #expect(hosts.warnings.map(\.line) == [1, 2, 3, 4, 5, 6, 7])
        #expect(hosts.verdict(key, host: "alpha", port: 22) == .match)
        #expect(hosts.verdict(key, host: "beta", port: 22) == .unknown)
    }

    @Test func `the key types on file come first in the offer`() throws {
        let hosts = known("alpha \(line(try Self.key("r", "ssh-rsa")))")
        #expect(hosts.keyTypes(host: "alpha", port: 22) == ["ssh-rsa"])
        let offer = Algorithms().hostKeys(preferring: ["ssh-rsa"])
        #expect(offer.prefix(2) == ["rsa-sha2-512", "rsa-sha2-256"])
        #expect(offer.count == Algorithms.Kind.hostKey.usual.count)
    }

    @Test func `random bytes never trap a parser`() {
        var generator = SystemRandomNumberGenerator()
        let start = Array("SSH-2.0-x\r\n".utf8)
        for _ in 0..<2000 {
            let bytes = (0..<Int.random(in: 0..<200, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            var known = KnownHosts()
            known.add(String(decoding: bytes, as: UTF8.self), file: "f")
            _ = HostKey(blob: bytes)
            for message in [bytes, [0, 0, 0, 190, 4, 20] + bytes] {
                var first = FirstExchange(offering: Algorithms.Kind.keyExchange.usual)
                _ = (start + message).withUnsafeBytes { first.take($0) }
            }
            _ = Signing.algorithm(of: bytes)
            _ = KeyFile(
                Array("-----BEGIN OPENSSH PRIVATE KEY-----\n".utf8)
                    + Array(Base64.encode(Array("openssh-key-v1\0".utf8) + bytes).utf8)
                    + Array("\n-----END OPENSSH PRIVATE KEY-----\n".utf8))
        }
    }
}
