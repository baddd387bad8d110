// What people have let clients do, in force: the people, grants and access tokens of the store, as
// Access has them. Flow: the store, or an exchange of OAuthService → here → Access, and the end of
// calls. Invariant: what a grant allows is what its person holds now; a grant that ends ends
// everywhere, first here and then in the store, and no answer of the store that was on its way then
// brings the grant back.
//
// The database's thread and the loop keep the order of their work: what a later transaction has
// done is put in force later. So each answer of the store is put in force as it comes; only what
// ends here before it ends in the store has to be remembered (`EndedGrants`).
import Loop

/// The grants in force.
@IO final class LiveGrants {
    private let store: Store
    private let access: Access
    private let readPeople: @IO () async throws(StoreError) -> [Person]
    private let endCalls: @IO (_ grant: String, _ sentence: String) -> Void
    /// Where OAuth is; nil: it is switched off, or the relay does not listen yet.
    private(set) var address: OAuthAddress?
    private var people: [String: Person] = [:]
    private var grants: [String: GrantRecord] = [:]
    private var ended = EndedGrants()
    /// The access tokens that `reload` has read, until there is an address.
    private var loaded: [AccessToken] = []

    /// `people` reads everybody who is not revoked; `endCalls` ends the calls and streams of a
    /// grant.
    init(
        _ store: Store, _ access: Access,
        people: @escaping @IO () async throws(StoreError) -> [Person],
        endCalls: @escaping @IO (_ grant: String, _ sentence: String) -> Void
    ) {
        (self.store, self.access) = (store, access)
        (self.readPeople, self.endCalls) = (people, endCalls)
    }

    /// Whether anybody has been invited.
    var hasPeople: Bool { !people.isEmpty }

    /// The grant with this id; nil: it is not in force.
    subscript(id: String) -> GrantRecord? { grants[id] }

    /// The grants of a person, the oldest first.
    func grants(of person: String) -> [GrantRecord] {
        grants.values.filter { $0.person == person }
            .sorted { ($0.created, $0.id) < ($1.created, $1.id) }
    }

    // MARK: Beginning

    /// Reads people, grants and access tokens from the store and puts them in force; ends what is
    /// gone or has other rights.
    func reload() async throws(StoreError) {
        let known = try await readPeople()
        people = Dictionary(known.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        let (records, tokens) = try await store.grantsWithTokens()
        grants = Dictionary(records.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        loaded = tokens
        // The store may have failed to end a grant that has ended here.
        let over = records.filter { ended.contains($0.id) || people[$0.person] == nil }.map(\.id)
        for id in over { end(id, saying: Self.personIsGone) }
        apply()
        if !over.isEmpty { _ = try await store.revokeGrants(over) }
    }

    /// Has clients find OAuth at `address`; what was read before is in force from then on.
    func open(at address: OAuthAddress) {
        self.address = address
        apply()
    }

    private func apply() {
        let changed = access.replace(
            people: Array(people.values), grants: grants.values.compactMap(principal),
            tokens: loaded)
        if address != nil { loaded = [] }
        for principal in changed {
            endCalls(principal.grant, "the rights of this login have changed: connect again")
        }
    }

    /// Puts a grant with its access tokens in force, and gives its rights.
    ///
    /// nil: it has ended meanwhile, its person is gone, or it is for another URL of the relay.
    func put(_ grant: GrantRecord, _ tokens: [AccessToken]) -> Principal? {
        guard !ended.contains(grant.id), let principal = principal(grant) else { return nil }
        grants[grant.id] = grant
        access.put(principal, tokens)
        return principal
    }

    /// The rights of a grant now; nil: its person is gone, or it is for another relay's URL.
    private func principal(_ grant: GrantRecord) -> Principal? {
        guard let person = people[grant.person], address?.accepts(resource: grant.resource) == true
        else { return nil }
        return grant.principal(of: person)
    }

    // MARK: Ending

    /// Whether the grant with this id has ended here.
    func hasEnded(_ id: String) -> Bool { ended.contains(id) }

    /// Ends a grant here; the store has ended it, or is told next.
    func end(_ id: String, saying sentence: String) {
        grants[id] = nil
        access.revoke(grant: id)
        if ended.insert(id) { endCalls(id, sentence) }
    }

    /// Ends grants, in force at once and then in the store; gives the ids of those that were live
    /// there.
    @discardableResult
    func revoke(_ ids: [String], saying sentence: String) async throws(StoreError) -> [String] {
        for id in ids { end(id, saying: sentence) }
        return try await store.revokeGrants(ids)
    }

    /// Ends one access token here, with the calls and streams of its grant, which may be the
    /// token's; the store has ended it.
    func revoke(accessToken hash: [UInt8]) {
        guard let grant = access.revoke(accessToken: hash) else { return }
        endCalls(grant, "an access token of this login was ended: ask for a new one")
    }

    /// Ends what clients do for a person who was revoked.
    func forget(person id: String) async throws(StoreError) {
        access.revoke(person: id)
        people[id] = nil
        try await revoke(grants(of: id).map(\.id), saying: Self.personIsGone)
    }

    /// Ends what time has ended.
    func sweep() async throws(StoreError) {
        for id in try await store.sweepOAuth() {
            end(id, saying: "this login has expired: connect again")
        }
    }

    private static let personIsGone = "this person may not use the relay any more"
}

/// The ids of the grants that ended last: an id that has ended is never used again.
struct EndedGrants {
    /// The most ids that are kept, some 100 bytes each.
    ///
    /// An id is needed until the store has answered all that it was asked before the end: for
    /// milliseconds, in which no relay's grants end by thousands.
    static let limit = 4096

    private var ids: Set<String> = []
    /// The same ids; from `limit` on, the next one takes the place of the oldest.
    private var ring: [String] = []
    private var oldest = 0

    /// Whether this grant is among them.
    func contains(_ id: String) -> Bool { ids.contains(id) }

    /// Adds a grant; false if it is there already.
    mutating func insert(_ id: String) -> Bool {
        guard ids.insert(id).inserted else { return false }
        guard ring.count == Self.limit else {
            ring.append(id)
            return true
        }
        ids.remove(ring[oldest])
        ring[oldest] = id
        oldest = (oldest + 1) % Self.limit
        return true
    }
}
