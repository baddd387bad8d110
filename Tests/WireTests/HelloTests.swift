// The hello: its bytes, the proof with a fixed key, refusals; and invitations with fixed texts.
import JSON
import Testing
import Wire

@testable import Crypto

@Suite struct HelloTests {
    @Test func `the proof of a fixed key is the written-down one`() throws {
        let proof = try Vectors.json("proof.json")
        func bytes(_ name: String) throws -> [UInt8] {
            try #require(Vectors.hex(proof[name]?.stringValue))
        }
        let key = try Ed25519PrivateKey(seed: try bytes("seed"))
        #expect(key.publicKey.bytes == (try bytes("public_key")))
        let nonce = try bytes("nonce")
        let binding = try bytes("binding")
        #expect(nonce.count == Contract.bindingBytes && binding.count == Contract.bindingBytes)
        let message = Contract.helloMessage(binding: binding, nonce: nonce)
        #expect(message == (try bytes("message")) && message.count == 87)
        let signature = try key.sign(message)
        #expect(signature == (try bytes("signature")))
        #expect(key.publicKey.verify(signature, of: message))

        let challenge = try Challenge(Vectors.arguments(.hello))
        #expect(Base64.decodeURL(challenge.nonce) == nonce)
        let hello = try Hello(Fields(Vectors.result("agent.hello")))
        #expect(Base64.decodeURL(hello.publicKey) == key.publicKey.bytes)
        #expect(Base64.decodeURL(hello.signature) == signature)
    }

    @Test(arguments: ["agent.hello", "agent.hello.joining"])
    func `a hello comes back as the same bytes`(name: String) throws {
        let hello = try Hello(Fields(Vectors.result(name)))
        #expect(
            Reply.result(RawJSON(hello.json)).encoded() == (try Vectors.bytes("\(name).reply.json"))
        )
        #expect(hello.version == Contract.version && hello.epoch.boot == 1_767_225_600_123)
        let isJoining = name.hasSuffix("joining")
        #expect((hello.agentID == nil) == isJoining)
        #expect(hello.keepsJournal == !isJoining)
        #expect((hello.invitation != nil) == isJoining)
        #expect(hello.name == (isJoining ? "site" : nil))
        #expect(hello.tags == (isJoining ? ["lab", "eu"] : []))
        #expect(hello.facts.hostname == "jump.site.example" && hello.facts.system == "linux")
    }

    @Test func `the relay's calls come back as the same bytes`() throws {
        let challenge = try Challenge(Vectors.arguments(.hello))
        #expect(challenge.version == Contract.version)
        for (id, name) in [
            ("../../x", "site"), ("a/b", "site"), ("", "site"), ("A", "site"), ("-a", "site"),
            (String(repeating: "a", count: 65), "site"), ("a", "si\u{1b}te"), ("a", "a b"),
            ("a", "$(id)"), ("a", ""), ("a", "é"),
        ] {
            #expect(throws: Fault.self) {
                try Welcome(Fields(Welcome(agentID: id, name: name).json))
            }
        }
        let shown = try Refusal(
            Fields(["reason": "unknown", "message": "no\u{1b}[2J\u{202e}way"]))
        #expect(shown.message == "no[2Jway")
        let welcome = try Welcome(Vectors.arguments(.welcome))
        #expect(
            welcome
                == Welcome(
                    agentID: "k3jq5h2m7vx4n6pa", name: "site", handlePrefix: "k3jq"))
        let refusal = try Refusal(Vectors.arguments(.refuse))
        #expect(refusal.reason == .unavailable && refusal.retryAfter == .seconds(30))
        for (method, json) in [
            (Wire.Method.hello, challenge.json), (.welcome, welcome.json), (.refuse, refusal.json),
        ] {
            let request = Request(
                method, caller: .relay, arguments: RawJSON(json))
            #expect(request.encoded() == (try Vectors.bytes("\(method.rawValue).request.json")))
        }
    }

    @Test func `the proof of an offered key is the written-down one`() throws {
        let proof = try Vectors.json("key-offer.json")
        func bytes(_ name: String) throws -> [UInt8] {
            try #require(Vectors.hex(proof[name]?.stringValue))
        }
        let key = try Ed25519PrivateKey(seed: try bytes("seed"))
        let message = Contract.keyMessage(
            nonce: try bytes("nonce"), agentID: try #require(proof["agent_id"]?.stringValue))
        #expect(message == (try bytes("message")))
        #expect(try key.sign(message) == (try bytes("signature")))
        let offer = try OfferKey(Vectors.arguments(.offerKey))
        #expect(Base64.decodeURL(offer.nonce) == (try bytes("nonce")))
        let offered = try OfferedKey(Fields(Vectors.result("agent.offer_key")))
        #expect(Base64.decodeURL(offered.publicKey) == key.publicKey.bytes)
        #expect(Base64.decodeURL(offered.signature) == (try bytes("signature")))
        let use = try UseKey(Vectors.arguments(.useKey))
        #expect(use.publicKey == offered.publicKey)
        for (method, json) in [(Wire.Method.offerKey, offer.json), (.useKey, use.json)] {
            let request = Request(method, caller: .relay, arguments: RawJSON(json))
            #expect(request.encoded() == (try Vectors.bytes("\(method.rawValue).request.json")))
        }
    }

    @Test func `a refusal says when another dial can succeed`() throws {
        let table: [(String, Refusal.Outlook)] = [
            ("invitation", .never), ("revoked", .never), ("unknown", .seldom),
            ("signature", .seldom), ("superseded", .soon), ("duplicate", .soon),
            ("version", .soon), ("unavailable", .soon), ("of a later day", .soon),
        ]
        for (reason, outlook) in table {
            let refusal = try Refusal(Fields(object: ["reason": .string(reason)]))
            #expect(refusal.outlook == outlook, "\(reason)")
        }
        let listed = Refusal.Reason.allCases.map(\.rawValue)
        #expect(Set(table.map(\.0)).isSuperset(of: listed))
    }

    @Test func `a later process or connection comes after an earlier one`() {
        typealias Epoch = Hello.Epoch
        #expect(Epoch(boot: 1, connection: 9) < Epoch(boot: 2, connection: 1))
        #expect(Epoch(boot: 1, connection: 1) < Epoch(boot: 1, connection: 2))
        #expect(!(Epoch(boot: 1, connection: 1) < Epoch(boot: 1, connection: 1)))
    }

    @Test func `facts are cut, whatever they are made of`() {
        let marks = "e" + String(repeating: "\u{301}", count: 10_000)
        let facts = AgentFacts(json: [
            "version": .string(marks), "hostname": .string(String(repeating: "x", count: 900)),
            "system": 5,
        ])
        #expect(facts.version.unicodeScalars.count == 255)
        #expect(facts.hostname.count == 255)
        #expect(facts.system.isEmpty && facts.architecture.isEmpty)
        let words = (0..<200).map { JSON.string("tool-\($0)") }
        let more = AgentFacts(json: [
            "capabilities": .array(["Docker", "a b", "", 7, "git", "git"] + words), "cpus": -4,
            "memory_bytes": 1e300, "release": "a\u{202e}b\u{1b}[31m",
        ])
        #expect(more.capabilities.count == AgentFacts.mostCapabilities - 5)
        #expect(more.capabilities.first == "git")
        #expect(more.processors == 0 && more.memory == 0 && more.release == "ab[31m")
        #expect(AgentFacts(json: more.json) == more)
    }

    @Test func `invitations of fixed parts have fixed texts`() throws {
        for row in try Vectors.json("invitations.json").arrayValue ?? [] {
            let made = try Invitation(
                urls: row["urls"]?.arrayValue?.compactMap(\.stringValue) ?? [],
                pin: Vectors.hex(row["pin"]?.stringValue),
                secret: Vectors.hex(row["secret"]?.stringValue) ?? [])
            #expect(made.text == row["text"]?.stringValue)
            #expect(try Invitation(made.text) == made)
        }
    }
}
