// Who is logged in on the pages: the relay's own `Visitors`. Flow: a request's cookie → its hash →
// a session → its person. Held in memory as Access holds tokens; the store has the same.
// Invariant: a session counts only while its times allow and its person is not revoked; whoever
// changes the store's people or sessions changes these, or has them read again.
import Crypto
import HTTP
import Loop

/// The sessions of the pages.
@IO final class PageSessions: Visitors {
    private let store: Store
    private let door: WebDoor
    private var people: [String: Person] = [:]
    /// By the hash of the cookie.
    private var sessions: [[UInt8]: PageSessionRecord] = [:]
    /// Ids of the sessions used since the last `save`.
    private var used: Set<String> = []
    /// Ids of the sessions that have ended here and not yet in the store.
    private var closing: Set<String> = []

    init(_ store: Store, _ door: WebDoor) { (self.store, self.door) = (store, door) }

    // MARK: What the store holds

    /// Whether anybody has been invited.
    var hasPeople: Bool { !people.isEmpty }

    /// The live person of this id.
    func person(_ id: String) -> Person? { people[id] }

    /// Reads sessions and people again; returns the people who are gone or whose rights changed.
    ///
    /// Each answer of the store is in force as it comes. The database's thread and the loop keep
    /// the order of their work, so no answer undoes what a later transaction has done.
    @discardableResult
    func reload() async throws(StoreError) -> [Person] {
        let live = try await store.pageSessions()
        let known = sessions
        sessions = [:]
        for var session in live where !closing.contains(session.id) {
            // Uses are stored once a minute.
            let lastUsed = known[session.hash]?.lastUsed ?? 0
            session.lastUsed = max(session.lastUsed, lastUsed)
            sessions[session.hash] = session
        }
        let people = try await store.people()
        let lost = self.people.values.filter { !people.contains($0) }
        self.people = Dictionary(people.map { ($0.id, $0) }) { first, _ in first }
        return lost
    }

    /// Stores when sessions were used, and forgets those that are over.
    func save() async throws(StoreError) {
        let now = store.now()
        sessions = sessions.filter { $0.value.isLive(at: now) }
        let uses = sessions.values.filter { used.contains($0.id) }.map { ($0.id, $0.lastUsed) }
        used = []
        try await store.touchPageSessions(Dictionary(uses) { first, _ in first })
    }

    /// Logs a person in; returns the field that sets the cookie.
    func open(
        for person: Person, by passkey: [UInt8], _ request: HTTPRequest
    ) async throws(StoreError) -> String {
        let secret = Base64.encodeURL(Random.bytes(32))
        let now = store.now()
        let session = PageSessionRecord(
            id: Store.newID(), hash: Self.hash(secret), person: person.id, passkey: passkey,
            browser: BrowserName.of(request.header("user-agent") ?? ""),
            peer: request.peerAddress?.host ?? "", created: now, lastUsed: now)
        try await store.addPageSession(session)
        people[person.id] = person
        sessions[session.hash] = session
        return PageCookie.session.setting(secret, isSecure: isSecure)
    }

    /// The sessions of a person, the newest first.
    func sessions(of person: String) -> [PageSessionRecord] {
        let now = store.now()
        return sessions.values.filter { $0.person == person && $0.isLive(at: now) }
            .sorted { ($0.created, $0.id) > ($1.created, $1.id) }
    }

    /// Ends the session of this id, even if the store fails.
    func close(_ id: String, of person: String) async throws(StoreError) {
        let own = sessions.values.first { $0.id == id && $0.person == person }
        if let own {
            closing.insert(id)
            sessions[own.hash] = nil
        }
        defer { if own != nil { closing.remove(id) } }
        try await store.endPageSession(id, of: person)
    }

    /// Ends the sessions that a passkey has opened, but one; the store has removed it.
    func forget(passkey: [UInt8], keeping kept: String) {
        sessions = sessions.filter { $0.value.passkey != passkey || $0.value.id == kept }
    }

    /// Ends what a revoked person has here; the store has done it already.
    func forget(person: String) {
        people[person] = nil
        sessions = sessions.filter { $0.value.person != person }
    }

    // MARK: Visitors

    func visitor(of request: HTTPRequest) -> Visitor? {
        guard let secret = PageCookie.session.value(in: request, isSecure: isSecure) else {
            return nil
        }
        let hash = Self.hash(secret)
        let now = store.now()
        guard let session = sessions[hash], ConstantTime.equal(session.hash, hash),
            session.isLive(at: now), let person = people[session.person]
        else { return nil }
        sessions[hash]?.lastUsed = max(session.lastUsed, now)
        used.insert(session.id)
        let token = HMAC.sha256(key: Array(secret.utf8), Array("homeline form".utf8))
        return Visitor(
            person: person, session: session.id, formToken: Base64.encodeURL(token))
    }

    func form(of request: HTTPRequest, from visitor: Visitor) -> FormBody? {
        guard let form = form(of: request), let token = form["token"],
            ConstantTime.equal(Array(token.utf8), Array(visitor.formToken.utf8))
        else { return nil }
        return form
    }

    /// A form that one of the relay's own pages has sent, whoever is logged in.
    func form(of request: HTTPRequest) -> FormBody? {
        let type = request.header("content-type")?.prefix { $0 != ";" }.lowercased()
        guard isOwn(request), type == "application/x-www-form-urlencoded" else { return nil }
        return FormBody(request.body)
    }

    /// Whether a page of the relay sends this request.
    ///
    /// Browsers that know Fetch Metadata say so; all say the origin with a POST.
    private func isOwn(_ request: HTTPRequest) -> Bool {
        guard let address = door.address, request.soleHeader("origin") == address.origin else {
            return false
        }
        return ["same-origin", nil].contains(request.soleHeader("sec-fetch-site"))
    }

    func login(_ responder: HTTPResponder, backTo path: String) {
        guard let address = door.address else { return Page.absent(responder) }
        let back = path.isEmpty ? "" : "?to=\(PercentText.value(path))"
        Page.redirect(to: address.url("login" + back), responder)
    }

    private var isSecure: Bool { door.address?.isSecure ?? true }

    private static func hash(_ secret: String) -> [UInt8] { SHA256.hash(Array(secret.utf8)) }
}
