// AllowForward, DenyForward and AllowBind as tables.
import Configuration
import Testing
import Wire

@testable import homeline_agent

@Suite struct ForwardRulesTests {
    @Test func `destinations are judged by every name`() throws {
        let denies = ForwardRules(denied: ["db*:5432", "169.254.*", "localhost", "[fe80::1]:22"])
        let table: [(String, [String], String?)] = [
            ("db1:5432", [], "DenyForward db*:5432"), ("DB1.:5432", [], "DenyForward db*:5432"),
            ("db1:5433", [], nil), ("169.254.169.254:80", [], "DenyForward 169.254.*"),
            ("[::ffff:169.254.169.254]:80", [], "DenyForward 169.254.*"),
            ("meta:80", ["169.254.169.254"], "DenyForward 169.254.*"), ("meta:80", [], nil),
            ("127.0.0.1:1", [], "DenyForward localhost"), ("[::1]:1", [], "DenyForward localhost"),
            ("0.0.0.0:1", [], "DenyForward localhost"),
            ("127.9.9.9:1", [], "DenyForward localhost"),
            ("a.localhost:1", [], "DenyForward localhost"),
            ("web:1", ["127.0.0.1"], "DenyForward localhost"),
            ("[fe80::1]:22", [], "DenyForward [fe80::1]:22"), ("[fe80::1]:23", [], nil),
        ]
        for (place, addresses, rule) in table {
            let found = denies.refusal(
                of: try ForwardRules.place(place, "to"), addresses: addresses)
            #expect(found == rule, "\(place) \(addresses)")
        }
        let allows = ForwardRules(allowed: ["db1:5432", "10.0.0.*"], denied: ["10.0.0.9"])
        for (place, isAllowed) in [
            ("db1:5432", true), ("db1:80", false), ("10.0.0.1:80", true), ("10.0.0.9:80", false),
            ("localhost:5432", false),
        ] {
            let rule = allows.refusal(of: try ForwardRules.place(place, "to"))
            #expect((rule == nil) == isAllowed, "\(place)")
        }
        // What is allowed is what was asked for, not what its name leads to.
        #expect(
            allows.refusal(of: try ForwardRules.place("evil:80", "to"), addresses: ["10.0.0.1"])
                != nil)
        #expect(ForwardRules(allowed: ["yes"]).refusal(of: Address(host: "a", port: 1)) == nil)
        #expect(ForwardRules(allowed: ["no"]).refusal(of: Address(host: "a", port: 1)) != nil)
    }

    @Test func `without a rule a forward listens on loopback alone`() {
        for (host, isAllowed) in [
            ("127.0.0.1", true), ("127.0.0.2", true), ("::1", true), ("localhost", true),
            ("0.0.0.0", false), ("::", false), ("192.168.1.2", false), ("*", false), ("", false),
            ("localhost.evil", false),
        ] {
            #expect((ForwardRules().refusal(ofBind: host) == nil) == isAllowed, "\(host)")
        }
        let open = ForwardRules(binds: ["192.168.*"])
        #expect(open.refusal(ofBind: "192.168.1.2") == nil)
        #expect(open.refusal(ofBind: "0.0.0.0") == "AllowBind 192.168.*")
    }

    @Test func `numbers that are addresses only to some are refused`() {
        for text in [
            "127.1:80", "2130706433:80", "0x7f.1:80", "1.2.3.4.5:80", "-x:80", "a b:1", "a",
        ] {
            #expect(throws: Fault.self, "\(text)") { try ForwardRules.place(text, "to") }
        }
    }
}
