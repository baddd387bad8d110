// Passkeys as Chromium has sent them: what is right passes, and whatever is changed does not.
import Crypto
import JSON
@testable import Passkeys
import Testing

@Suite struct PasskeysTests {
    private static let kinds: [(String, PasskeyAlgorithm, Int)] = [
        ("es256", .es256, 64), ("eddsa", .eddsa, 32), ("rs256", .rs256, 259),
    ]

    @Test(arguments: kinds)
    func `a passkey of each kind is made and used`(
        name: String, algorithm: PasskeyAlgorithm, size: Int
    ) throws {
        let recorded = try Recorded(name)
        let made = try recorded.made()
        #expect(made.id == recorded.id && made.counter == 1 && !made.isBackedUp)
        #expect(made.key.algorithm == algorithm && made.key.bytes.count == size)
        let counter = try recorded.used(0, by: made.key, counter: made.counter)
        #expect(counter == 2)
        #expect(try recorded.used(1, by: made.key, counter: counter) == 3)
    }

    @Test func `a counter that does not rise is refused`() throws {
        let recorded = try Recorded("es256")
        let key = try recorded.made().key
        for known: UInt32 in [3, 4, .max] {
            #expect(throws: PasskeyError.counterWentBack) {
                try recorded.used(1, by: key, counter: known)
            }
        }
        #expect(try recorded.used(1, by: key, counter: 0) == 3)
    }

    @Test(
        arguments: [
            (0x05, true), (0x0d, true), (0x1d, true), (0x15, false), (0x45, false), (0x85, false),
        ] as [(UInt8, Bool)])
    func `flags that contradict each other are refused`(flags: UInt8, fits: Bool) {
        let site = RelyingParty(id: "localhost", origin: "http://localhost:1")
        let bytes = site.hash + [flags, 0, 0, 0, 0]
        let data = Result { () throws(PasskeyError) in
            try AuthenticatorData(bytes, for: site, hasNewKey: false)
        }
        if fits {
            #expect(throws: Never.self) { try data.get() }
        } else {
            #expect(throws: PasskeyError.authenticatorDataMalformed) { try data.get() }
        }
    }

    @Test(
        arguments: [
            (0, 0, true), (1, 0, true), (6, 5, true), (5, 5, false), (4, 5, false), (0, 5, false),
            (.max, 5, true), (0, .max, false),
        ] as [(UInt32, UInt32, Bool)])
    func `a counter rises, or was never there`(counter: UInt32, known: UInt32, fits: Bool) {
        #expect(PasskeyAssertion.mayFollow(counter, known) == fits)
    }

    @Test func `another challenge, site, origin or use is refused`() throws {
        let recorded = try Recorded("es256")
        let key = try recorded.made().key
        #expect(throws: PasskeyError.wrongChallenge) {
            try recorded.made(challenge: Recorded.challenge(1))
        }
        #expect(throws: PasskeyError.wrongChallenge) {
            try recorded.used(0, by: key, challenge: Recorded.challenge(2))
        }
        #expect(throws: PasskeyError.wrongChallenge) { try recorded.made(challenge: []) }
        let otherPort = RelyingParty(id: "localhost", origin: "http://localhost:8643")
        #expect(throws: PasskeyError.wrongOrigin("http://localhost:8642")) {
            try recorded.made(for: otherPort)
        }
        let otherSite = RelyingParty(id: "relay.example", origin: "http://localhost:8642")
        #expect(throws: PasskeyError.wrongSite) { try recorded.made(for: otherSite) }
        #expect(throws: PasskeyError.wrongSite) {
            try recorded.used(0, by: key, for: otherSite)
        }
        var swapped = recorded
        swapped.creation.clientData = recorded.assertions[0].clientData
        #expect(throws: PasskeyError.wrongType) {
            try swapped.made(challenge: Recorded.challenge(1))
        }
    }

    @Test(arguments: [
        ("\"crossOrigin\":true", PasskeyError.framed),
        ("\"crossOrigin\":false,\"topOrigin\":\"https://a.example\"", .framed),
        ("\"crossOrigin\":\"no\"", .framed),
    ])
    func `a page in a frame of another site makes none`(
        member: String, error: PasskeyError
    ) throws {
        var recorded = try Recorded("es256")
        let text = String(decoding: recorded.creation.clientData, as: UTF8.self)
        recorded.creation.clientData = Array(
            text.replacing("\"crossOrigin\":false", with: member).utf8)
        let changed = recorded
        #expect(throws: error) { try changed.made() }
    }

    @Test func `without user verification there is no passkey and no login`() throws {
        let recorded = try Recorded("unverified")
        #expect(throws: PasskeyError.unverified) { try recorded.made() }
        let key = try Recorded("es256").made().key
        #expect(throws: PasskeyError.unverified) { try recorded.used(0, by: key) }
    }

    @Test(arguments: kinds)
    func `each changed bit of a login is refused`(
        name: String, algorithm: PasskeyAlgorithm, size: Int
    ) throws {
        let recorded = try Recorded(name)
        let key = try recorded.made().key
        for bit in 0..<(37 * 8) {
            var changed = recorded
            changed.assertions[0].authenticatorData[bit / 8] ^= 1 << (bit % 8)
            #expect(throws: PasskeyError.self, "bit \(bit)") { try changed.used(0, by: key) }
        }
        for place in recorded.assertions[0].signature.indices {
            var changed = recorded
            changed.assertions[0].signature[place] ^= 1
            #expect(throws: PasskeyError.wrongSignature) { try changed.used(0, by: key) }
        }
    }

    @Test func `another passkey's key, or none that can be read, is refused`() throws {
        let recorded = try Recorded("es256")
        let key = try recorded.made().key
        for (kind, _, _) in Self.kinds where kind != "es256" {
            let other = try Recorded(kind).made().key
            #expect(throws: PasskeyError.wrongSignature) { try recorded.used(0, by: other) }
        }
        for bytes in [
            [], [4], [UInt8](repeating: 0, count: 64), [UInt8](repeating: 255, count: 64),
        ] {
            for algorithm in PasskeyAlgorithm.allCases {
                let other = PasskeyKey(algorithm: algorithm, bytes: bytes)
                #expect(throws: PasskeyError.wrongSignature) { try recorded.used(0, by: other) }
            }
        }
        #expect(throws: PasskeyError.wrongSignature) {
            try recorded.used(0, by: PasskeyKey(algorithm: .eddsa, bytes: key.bytes))
        }
    }

    /// A CBOR library makes room for whatever a length announces.
    @Test(arguments: [
        [0x9b, 0, 0, 0, 1, 0, 0, 0, 0], [0xbb, 0x0f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        [0x9a, 0x7f, 0xff, 0xff, 0xff], [0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        [0x9f], [0xbf, 0xff], [0x5f], [UInt8](repeating: 0x81, count: 2000), [0xa1, 0x01], [],
        [0xa0, 0], [0xc0],
    ])
    func `lengths of what is not there are refused before anybody makes room`(
        cbor: [UInt8]
    ) throws {
        let recorded = try Recorded("es256")
        let key = try recorded.made().key
        var changed = recorded
        changed.assertions[0].authenticatorData[32] |= 0x80
        changed.assertions[0].authenticatorData += cbor
        changed.creation.authenticatorData[32] |= 0x80
        changed.creation.authenticatorData += cbor
        let announced = changed
        #expect(throws: PasskeyError.authenticatorDataMalformed) { try announced.made() }
        #expect(throws: PasskeyError.authenticatorDataMalformed) {
            try announced.used(0, by: key)
        }
        // In place of the key.
        let data = recorded.creation.authenticatorData
        let length = Int(data[53]) << 8 | Int(data[54])
        changed = recorded
        changed.creation.authenticatorData = Array(data[..<(55 + length)]) + cbor
        let keyless = changed
        #expect(throws: PasskeyError.authenticatorDataMalformed) { try keyless.made() }
    }

    @Test func `extensions that nobody asked for are passed over`() throws {
        var recorded = try Recorded("es256")
        // {"credProtect": 2}, as security keys add it.
        recorded.creation.authenticatorData[32] |= 0x80
        recorded.creation.authenticatorData += [0xa1, 0x6b] + Array("credProtect".utf8) + [0x02]
        #expect(try recorded.made().id == recorded.id)
    }

    @Test func `a cut or empty message is refused`() throws {
        let recorded = try Recorded("es256")
        for count in recorded.creation.authenticatorData.indices {
            var cut = recorded
            cut.creation.authenticatorData.removeSubrange(count...)
            #expect(throws: PasskeyError.self) { try cut.made() }
        }
        var cut = recorded
        cut.creation.clientData = []
        let empty = cut
        #expect(throws: PasskeyError.clientDataMalformed) { try empty.made() }
        cut.creation.clientData = [UInt8](repeating: 32, count: 10_000)
        let long = cut
        #expect(throws: PasskeyError.clientDataMalformed) { try long.made() }
    }
}
