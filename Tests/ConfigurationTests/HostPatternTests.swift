// Patterns of hosts: each part is compared with its own part, and every spelling of a host counts.
import Testing

@testable import Configuration

@Suite struct HostPatternTests {
    @Test(arguments: [
        ("DB.Example.", "db.example"), ("127.0.0.1", "127.0.0.1"), ("127.1", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"), ("2130706433", "127.0.0.1"), ("0177.0.0.01", "127.0.0.1"),
        ("0", "0.0.0.0"), ("::ffff:10.0.0.5", "10.0.0.5"), ("::FFFF:a00:5", "10.0.0.5"),
        ("::1", "0:0:0:0:0:0:0:1"), ("0:0:0:0:0:0:0:1", "0:0:0:0:0:0:0:1"),
        ("fe80::1%eth0", "fe80:0:0:0:0:0:0:1"), ("::", "0:0:0:0:0:0:0:0"),
        ("1.2.3.4.5", "1.2.3.4.5"), ("256.1.1.1", "256.1.1.1"), ("web-1", "web-1"),
        ("::1::", "::1::"), ("1:2", "1:2"), ("09", "09"), ("+1", "+1"), (".", "."), ("", ""),
        ("99999999999999999999", "99999999999999999999"), ("0x", "0x"),
        ("1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8:9"),
    ])
    func `a host is compared in one spelling`(name: String, canonical: String) {
        #expect(HostName.canonical(name) == canonical)
        #expect(HostName.canonical(canonical) == canonical)
    }

    @Test func `the host's part alone decides about the host`() {
        for (pattern, host, user, port, fits) in [
            ("web-*", "web-1", nil, nil, true), ("web-*", "WEB-1.", "root", 2222, true),
            ("web-*", "vault", "web-x", nil, false), ("web-*", "127.0.0.1", "web-x", 22, false),
            ("deploy@web-*", "web-1", "deploy", nil, true),
            ("deploy@web-*", "web-1", "root", nil, false),
            ("deploy@web-*", "web-1", nil, nil, true),
            ("*@web-1", "web-1", "any@thing", nil, true), ("web-1:22", "web-1", "a", 22, true),
            ("web-1:22", "web-1", "a", 2222, false), ("web-1:22??", "web-1", nil, 2222, true),
            ("10.0.0.5", "::ffff:10.0.0.5", nil, nil, true),
            ("10.0.0.5", "0xa000005", nil, nil, true),
            ("[::1]:22", "0:0:0:0:0:0:0:1", nil, 22, true), ("::1", "::1", nil, 22, true),
            ("*", "anything", "any", 1, true), ("local", "local", nil, nil, true),
        ] as [(String, String, String?, UInt16?, Bool)] {
            let found = HostPattern(pattern).matches(host: host, user: user, port: port)
            #expect(found == fits, "\(pattern) \(user ?? "-")@\(host):\(port ?? 0)")
        }
    }

    @Test func `no text traps`() {
        var random = SystemRandomNumberGenerator()
        let letters = Array("0x1fF:.@[]%*?-a ")
        for _ in 0..<20_000 {
            let text = String(
                (0..<Int.random(in: 0...24, using: &random)).map { _ in
                    letters.randomElement(using: &random) ?? "0"
                })
            _ = HostPattern(text).matches(host: text, user: text, port: 22)
        }
    }
}
