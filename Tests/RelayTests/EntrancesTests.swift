// The settings of the relay's ports: what nobody could use is refused at the start, and what is
// meant is taken in the form in which it is used.
import Configuration
import Crypto
import Loop
import Support
import Testing

@testable import homeline_relay

@Suite struct EntrancesTests {
    /// What `serve` reads of these words.
    @IO private func read(_ words: String...) throws -> Entrances {
        let request = try Settings.program.parse(["serve"] + words, environment: [:])
        guard case .run(_, let options) = request else {
            throw Unavailable("no command: \(request)")
        }
        return try Entrances(options)
    }

    @Test(arguments: [
        ("tls://relay.example:8643", "tls://relay.example:8643"),
        ("TLS://relay.example:1/", "tls://relay.example:1"),
        ("tls://[2001:db8::1]:8643", "tls://[2001:db8::1]:8643"),
        ("wss://relay.example", "wss://relay.example/tunnel"),
        ("WSS://relay.example:444/", "wss://relay.example:444/tunnel"),
        ("wss://relay.example/home//tunnel/", "wss://relay.example/home/tunnel"),
        ("wss://[2001:db8::1]/home", "wss://[2001:db8::1]/home/tunnel"),
    ])
    @IO func `an address that agents can dial is taken`(text: String, url: String) throws {
        #expect(try read("--tunnel-url", text).tunnelURLs.map(\.description) == [url])
    }

    @Test @IO func `several addresses keep their order, each once, and are not too many`() throws {
        let found = try read("--tunnel-url", "tls://b:1, wss://a", "--tunnel-url", "TLS://b:1/")
        #expect(found.tunnelURLs.map(\.description) == ["tls://b:1", "wss://a/tunnel"])
        let many = (1...9).map { "tls://h:\($0)" }.joined(separator: ",")
        let error = #expect(throws: ConfigurationError.self) { try read("--tunnel-url", many) }
        #expect(error?.description.contains("at most 8 addresses") == true)
    }

    @Test(arguments: [
        "tls://h", "tls://h:0", "tls://h:8643/x", "tls://2001:db8::1:8643", "tls://[h]:1", "tls://",
        "https://h:8643", "ws://h/tunnel", "wss://", "wss://h?x", "wss://u@h", "wss://h:0",
        "h:8643", "", "tls://h:x", "tls://h:1 tls://h:2",
        "tls://admin@relay:8643", "tls://a?b:1",
    ])
    @IO func `one that they cannot is refused, and named`(text: String) {
        let error = #expect(throws: ConfigurationError.self) {
            try read("--tunnel-url", text)
        }
        #expect(error?.exitCode == 64)
        #expect(error?.description.contains("--tunnel-url: '\(text)'") == true)
    }

    @Test(arguments: [
        ("https://app.example", "https://app.example"),
        ("https://App.Example/", "https://app.example"),
        ("https://app.example:443", "https://app.example"),
        ("http://localhost:80", "http://localhost"),
        ("http://[::1]:3000", "http://[::1]:3000"), ("https://[0:0::1]", "https://[::1]"),
        ("chrome-extension://abc", "chrome-extension://abc"),
    ])
    @IO func `an origin is taken as browsers send it`(text: String, origin: String) throws {
        #expect(try read("--allow-origin", text).origins == [origin])
    }

    @Test(arguments: [
        "app.example", "*", "https://*.example", "https://app.example/page", "https://", "://x",
        "https://a@app.example", "https://app?x", "null", "https://app.example:",
    ])
    @IO func `what no browser sends is refused`(text: String) {
        let error = #expect(throws: ConfigurationError.self) {
            try read("--allow-origin", text)
        }
        #expect(error?.description.contains("--allow-origin: '\(text)'") == true)
    }

    @Test @IO func `a key without its certificate does not mean plain HTTP`() throws {
        let error = #expect(throws: ConfigurationError.self) { try read("--tls-key", "key.pem") }
        #expect(error?.description.contains("--tls-certificate") == true)
        #expect(try read().certificate == nil)
    }

    @Test @IO func `files that cannot be used change nothing`() throws {
        let folder = try TemporaryDirectory("certificate")
        let made = try SelfSignedCertificate.generate(commonName: "relay")
        let file = folder.file("relay.pem")
        try SecureFile.write(file, made.certificatePEM + made.keyPEM)
        let certificate = try #require(try read("--tls-certificate", file).certificate)
        let first = certificate.context
        try SecureFile.write(file, Array("no certificate".utf8))
        #expect(throws: (any Error).self) { try certificate.reload() }
        #expect(certificate.context === first)
        try SecureFile.write(file, made.certificatePEM + made.keyPEM)
        try certificate.reload()
        #expect(certificate.context !== first)
    }
}
