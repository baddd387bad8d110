// People, links, passkeys and page sessions in the store, with a clock of the test's own.
import Crypto
import Passkeys
import Support
import Testing
import Wire

@testable import homeline_relay

extension PasskeyRecord {
    /// A passkey that nobody has.
    static func made(_ id: UInt8, of person: String, counter: UInt32 = 0) -> PasskeyRecord {
        PasskeyRecord(
            id: [id], person: person, name: "key \(id)",
            key: PasskeyKey(algorithm: .es256, bytes: [1, 2, 3]), counter: counter,
            isBackedUp: false, created: Int64(id))
    }
}

@Suite struct PeopleStoreTests {
    private let fixture: StoreFixture
    private var store: Store { fixture.store }

    init() async throws { fixture = try await StoreFixture() }

    @Test func `a link makes one passkey, within its time`() async throws {
        let (anna, secret, expires) = try await store.invitePerson(
            name: "anna", scopes: [.filesRead], pattern: "web")
        #expect(expires == 1_000 + 900)
        #expect(try await store.people() == [anna])
        #expect(try await store.owner(ofLink: secret) == anna)
        fixture.advance(900)
        #expect(try await store.owner(ofLink: secret) == anna)
        let passkey = PasskeyRecord.made(1, of: anna.id)
        #expect(try await store.redeemLink(secret, passkey) == anna)
        #expect(try await store.passkeys(of: anna.id) == [passkey])
        for text in [secret, "", "x"] {
            await #expect(throws: StoreError.linkRefused) {
                try await store.redeemLink(text, .made(2, of: anna.id))
            }
            await #expect(throws: StoreError.linkRefused) { try await store.owner(ofLink: text) }
        }
        let late = try await store.makeLink(for: "anna").secret
        fixture.advance(901)
        await #expect(throws: StoreError.linkRefused) { try await store.owner(ofLink: late) }
        #expect(try await store.openLinks().isEmpty)
    }

    @Test func `a new link ends the one before, and belongs to its person`() async throws {
        let (anna, first, _) = try await store.invitePerson(name: "anna", scopes: [])
        let (bob, _, _) = try await store.invitePerson(name: "bob", scopes: [])
        let second = try await store.makeLink(for: anna.id).secret
        await #expect(throws: StoreError.linkRefused) { try await store.owner(ofLink: first) }
        await #expect(throws: StoreError.linkRefused) {
            try await store.redeemLink(second, .made(1, of: bob.id))
        }
        #expect(try await store.owner(ofLink: second) == anna)
        _ = try await store.revokePerson("anna")
        await #expect(throws: StoreError.linkRefused) { try await store.owner(ofLink: second) }
        await #expect(throws: StoreError.unknownPerson("anna", nearest: nil)) {
            try await store.makeLink(for: "anna")
        }
        #expect(try await store.revokedPrincipals(among: [anna.id, bob.id, "x"]) == [anna.id])
        let again = try await store.invitePerson(name: "anna", scopes: []).person
        #expect(again.id != anna.id)
    }

    @Test func `names are unique, and reserved ones nobody's`() async throws {
        _ = try await store.invitePerson(name: "anna", scopes: [])
        await #expect(throws: StoreError.nameTaken("anna")) {
            try await store.invitePerson(name: "anna", scopes: [])
        }
        for (name, error) in [
            ("relay", StoreError.nameReserved("relay")), ("A b", .nameInvalid("A b")),
        ] {
            await #expect(throws: error) { try await store.invitePerson(name: name, scopes: []) }
        }
        await #expect(throws: StoreError.patternInvalid("/")) {
            try await store.invitePerson(name: "bob", scopes: [], pattern: "/")
        }
    }

    @Test func `a person keeps one passkey, and touches no other's`() async throws {
        let anna = try await store.invitePerson(name: "anna", scopes: []).person
        let bob = try await store.invitePerson(name: "bob", scopes: []).person
        for id: UInt8 in 1...2 { try await store.addPasskey(.made(id, of: anna.id)) }
        try await store.addPasskey(.made(3, of: bob.id))
        await #expect(throws: StoreError.passkeyKnown) {
            try await store.addPasskey(.made(3, of: anna.id))
        }
        await #expect(throws: StoreError.unknownPasskey) {
            try await store.removePasskey([3], of: anna.id, keeping: "")
        }
        await #expect(throws: StoreError.unknownPasskey) {
            try await store.renamePasskey([3], of: anna.id, to: "x")
        }
        try await store.removePasskey([1], of: anna.id, keeping: "")
        await #expect(throws: StoreError.lastPasskey) {
            try await store.removePasskey([2], of: anna.id, keeping: "")
        }
        for id: UInt8 in 10..<41 { try await store.addPasskey(.made(id, of: anna.id)) }
        await #expect(throws: StoreError.tooManyPasskeys(limit: 32)) {
            try await store.addPasskey(.made(50, of: anna.id))
        }
    }

    @Test func `of two logins with one counter the second is refused`() async throws {
        let anna = try await store.invitePerson(name: "anna", scopes: []).person
        let passkey = PasskeyRecord.made(1, of: anna.id, counter: 4)
        try await store.addPasskey(passkey)
        #expect(try await store.usePasskey(passkey, counter: 5))
        #expect(try await !store.usePasskey(passkey, counter: 5))
        #expect(try await store.passkey([1])?.counter == 5)
        #expect(try await store.passkey([1])?.lastUsed == 1_000)
    }

    @Test func `page sessions end by time, by number, with their passkey and person`() async throws
    {
        let anna = try await store.invitePerson(name: "anna", scopes: []).person
        for id: UInt8 in 1...2 { try await store.addPasskey(.made(id, of: anna.id)) }
        func time() -> Int64 { fixture.clock.withLock { $0 } }
        func session(_ number: Int, by passkey: UInt8 = 1) -> PageSessionRecord {
            PageSessionRecord(
                id: "s\(number)", hash: [UInt8(number)], person: anna.id, passkey: [passkey],
                browser: "b", peer: "p", created: time(), lastUsed: time() + Int64(number)
            )
        }
        func ids() async throws -> Set<String> { Set(try await store.pageSessions().map(\.id)) }
        try await store.addPageSession(session(1))
        try await store.addPageSession(session(2, by: 2))
        try await store.addPageSession(session(3, by: 2))
        #expect(try await ids() == ["s1", "s2", "s3"])
        try await store.removePasskey([2], of: anna.id, keeping: "s3")
        #expect(try await ids() == ["s1", "s3"])
        await #expect(throws: StoreError.unknownPasskey) {
            try await store.addPageSession(session(4, by: 2))
        }
        await #expect(throws: StoreError.unknownPageSession("s1")) {
            try await store.endPageSession("s1", of: "somebody")
        }
        try await store.endPageSession("s3", of: anna.id)
        for number in 10..<80 { try await store.addPageSession(session(number)) }
        let kept = try await ids()
        #expect(kept.count == PageSessionRecord.limit && kept.contains("s79"))
        #expect(!kept.contains("s1"))
        fixture.advance(PageSessionRecord.idle - 100)
        try await store.touchPageSessions(["s79": time()])
        fixture.advance(200)
        #expect(try await ids() == ["s79"])
        for _ in 0..<20 {
            fixture.advance(PageSessionRecord.idle - 1)
            try await store.touchPageSessions(["s79": time()])
        }
        #expect(try await ids().isEmpty)
        try await store.addPageSession(session(5))
        _ = try await store.revokePerson("anna")
        #expect(try await ids().isEmpty)
        #expect(try await store.passkeys().isEmpty)
    }
}
