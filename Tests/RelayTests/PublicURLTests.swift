// What `--public-url` takes: a URL that clients can use, in the forms in which people write it.
import Configuration
import Testing

@testable import homeline_relay

@Suite struct PublicURLTests {
    @Test(arguments: [
        ("https://relay.example", "https://relay.example/mcp", "relay.example"),
        ("https://relay.example/", "https://relay.example/mcp", "relay.example"),
        ("https://relay.example/mcp", "https://relay.example/mcp", "relay.example"),
        ("https://relay.example//mcp/", "https://relay.example/mcp", "relay.example"),
        ("HTTPS://Relay.Example:8443", "https://relay.example:8443/mcp", "relay.example"),
        ("http://127.0.0.1:8642", "http://127.0.0.1:8642/mcp", "127.0.0.1"),
        ("https://[2001:DB8:0::1]:8443", "https://[2001:db8::1]:8443/mcp", "[2001:db8::1]"),
        ("https://[::1]", "https://[::1]/mcp", "[::1]"),
        (
            "https://example.org/Home-line/", "https://example.org/Home-line/mcp", "example.org"
        ),
        ("https://a_b.c-d.example", "https://a_b.c-d.example/mcp", "a_b.c-d.example"),
    ])
    func `a URL is taken as it is meant`(text: String, url: String, host: String) throws {
        let read = try PublicURL(text)
        #expect(read.description == url)
        #expect(read.host == host)
    }

    @Test(arguments: [
        "", "relay.example", "relay.example:8443", "//relay.example", "https://", "https:///mcp",
        "ftp://relay.example", "wss://relay.example", "https://relay.example:", "https://:443",
        "https://relay.example:99999", "https://relay.example:x", "https://a@relay.example",
        "https://relay.example?x=1", "https://relay.example/mcp?x", "https://relay.example/#x",
        "https://2001:db8::1", "https://[2001:db8::1", "https://[relay.example]",
        "https://[127.0.0.1]", "https://relay..example", "https://relay.example:0",
        "https://relay.example/a b",
        "https://bücher.example", " https://relay.example", "https://relay.example ",
        "https://*.example", "https://relay.example/%2e",
    ])
    func `what no client could use is refused, with an example`(text: String) {
        do throws(ConfigurationError) {
            let read = try PublicURL(text)
            Issue.record("\(text) was read as \(read)")
        } catch {
            #expect(error.exitCode == 64)
            #expect(error.description.contains("--public-url: '\(text)'"))
            #expect(error.description.contains("https://relay.example"))
        }
    }
}
