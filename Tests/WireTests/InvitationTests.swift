// The invitation line: whole, cut, changed, from another time.

import Testing
import Wire

@Suite struct InvitationTests {
    private let secret = Array<UInt8>(0..<16)
    private let pin = Array<UInt8>(100..<132)

    @Test func `an invitation comes back, with a pin and without`() throws {
        for pin in [pin, nil] {
            let made = try Invitation(url: "tls://relay.example:8643", pin: pin, secret: secret)
            #expect(made.text.hasPrefix("hl1."))
            #expect(try Invitation(made.text) == made)
            #expect(try Invitation("  \(made.text)\r\n") == made)
        }
    }

    @Test func `the text is the one written down`() throws {
        let made = try Invitation(url: "wss://r", pin: nil, secret: secret)
        #expect(made.text == "hl1.AAABAgMEBQYHCAkKCwwNDg93c3M6Ly9ydlTaOQ")
    }

    @Test func `every cut and every changed character is told`() throws {
        let text = try Invitation(url: "tls://relay.example:8643", pin: pin, secret: secret).text
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
        #expect(throws: Invitation.Failure.newerVersion) { try Invitation("hl2.AAAA") }
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
                try Invitation(url: url, pin: nil, secret: secret)
            }
        }
        #expect(throws: Invitation.Failure.invalidParts("pin")) {
            try Invitation(url: "tls://a", pin: [1], secret: secret)
        }
        #expect(throws: Invitation.Failure.invalidParts("secret")) {
            try Invitation(url: "tls://a", pin: nil, secret: [])
        }
    }
}
