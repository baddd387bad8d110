// The invitation line: whole, cut, changed, from another time.

import Testing
import Wire

@Suite struct InvitationTests {
    private let secret = Array<UInt8>(0..<16)
    private let pin = Array<UInt8>(100..<132)

    @Test func `an invitation comes back, with a pin and without`() throws {
        for pin in [pin, nil] {
            let made = try Invitation(urls: ["tls://relay.example:8643"], pin: pin, secret: secret)
            #expect(made.text.hasPrefix("hl1."))
            #expect(try Invitation(made.text) == made)
            #expect(try Invitation("  \(made.text)\r\n") == made)
        }
    }

    @Test func `the text is the one written down`() throws {
        let made = try Invitation(urls: ["wss://r"], pin: nil, secret: secret)
        #expect(made.text == "hl1.AAABAgMEBQYHCAkKCwwNDg93c3M6Ly9ydlTaOQ")
    }

    @Test func `several addresses come back in their order, in a text that is newer`() throws {
        let urls = [
            "tls://relay.example:443", "wss://relay.example/tunnel", "tls://[2001:db8::1]:8",
        ]
        let made = try Invitation(urls: urls, pin: pin, secret: secret)
        #expect(made.text.hasPrefix("hl2.") && made.urls == urls)
        #expect(try Invitation(made.text) == made)
        // The same bytes under the other number: an address with a space in it, or one alone.
        let one = try Invitation(urls: [urls[0]], pin: pin, secret: secret).text
        for text in ["hl1" + made.text.dropFirst(3), "hl2" + one.dropFirst(3)] {
            #expect(throws: Invitation.Failure.invalidParts("address")) { try Invitation(text) }
        }
        for many in [[], [urls[0], urls[0]], (0...8).map { "tls://a:\($0)" }] {
            #expect(throws: Invitation.Failure.invalidParts("address")) {
                try Invitation(urls: many, pin: nil, secret: secret)
            }
        }
    }

    @Test func `every cut and every changed character is told`() throws {
        let text = try Invitation(urls: ["tls://relay.example:8643"], pin: pin, secret: secret).text
        for end in 4..<text.count {
            #expect(throws: Invitation.Failure.damaged) { try Invitation(String(text.prefix(end))) }
        }
        for index in 4..<text.count {
            var bent = Array(text)
            bent[index] = bent[index] == "A" ? "B" : "A"
            #expect(throws: Invitation.Failure.damaged) { try Invitation(String(bent)) }
        }
    }

    @Test func `other texts are refused for what they are`() {
        for text in ["", "hl", "hl1", "hlx.AAAA", "https://relay", "hl0.AAAA", "hl-1.AAAA"] {
            #expect(throws: Invitation.Failure.notAnInvitation) { try Invitation(text) }
        }
        #expect(throws: Invitation.Failure.newerVersion) { try Invitation("hl3.AAAA") }
        #expect(throws: Invitation.Failure.damaged) { try Invitation("hl1.") }
        #expect(throws: Invitation.Failure.damaged) {
            try Invitation("hl1." + String(repeating: "A", count: 100_000))
        }
    }

    @Test func `parts that do not fit make no invitation`() {
        for url in [
            "", "tls://", "http://a", "tls://a b", "tls://é",
            "tls://" + String(repeating: "a", count: 1020),
        ] {
            #expect(throws: Invitation.Failure.invalidParts("address")) {
                try Invitation(urls: [url], pin: nil, secret: secret)
            }
        }
        #expect(throws: Invitation.Failure.invalidParts("pin")) {
            try Invitation(urls: ["tls://a"], pin: [1], secret: secret)
        }
        #expect(throws: Invitation.Failure.invalidParts("secret")) {
            try Invitation(urls: ["tls://a"], pin: nil, secret: [])
        }
    }
}
