// The authorization server without HTTP: clients, grants and tokens, in the store and in force.
// Flow: doors → here → Store, Access. Invariant: what a grant allows is what its person holds now;
// a grant that ends ends everywhere, first here and then in the store.
import Crypto
import Loop
import Wire

/// Issues and ends what clients hold.
@IO final class OAuthService {
    let store: Store
    private let access: Access
    /// Clients with metadata documents; nil: switched off.
    private let documents: ClientDocuments?
    /// The people of the relay.
    private let people: @IO () async throws(StoreError) -> [Person]
    /// Ends the calls and streams of a grant.
    private let end: @IO (_ grant: String, _ sentence: String) -> Void
    /// Where OAuth is; nil: it is switched off, or the relay does not listen yet.
    private(set) var address: OAuthAddress?
    private var codes = CodeBook()
    private var live: [String: Person] = [:]
    /// What people have granted, by its id.
    private var grants: [String: GrantRecord] = [:]
    /// What `reload` has read, until it is put in force.
    private var loaded: [AccessToken] = []
    /// Changes so far: what was read from the store before one is not what it holds now.
    private var changes = 0

    init(
        _ store: Store, _ access: Access, documents: ClientDocuments?,
        people: @escaping @IO () async throws(StoreError) -> [Person],
        end: @escaping @IO (_ grant: String, _ sentence: String) -> Void
    ) {
        (self.store, self.access, self.documents) = (store, access, documents)
        (self.people, self.end) = (people, end)
    }

    private var now: Int64 { store.now() }

    /// Whether clients find OAuth here: it has an address that browsers take for logins, and
    /// somebody could log in.
    ///
    /// Without anybody, a client that finds it would not use its static
    /// token (Cursor).
    var isOpen: Bool { address?.isUsable == true && !live.isEmpty }

    /// Whether clients may have ids that are URLs.
    var readsDocuments: Bool { documents != nil }

    // MARK: What is in force

    /// Reads people, grants and access tokens from the store and puts them in force; ends what is
    /// gone or has other rights.
    func reload() async throws(StoreError) {
        let (people, records, tokens) = try await read()
        live = Dictionary(people.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        grants = [:]
        for record in records { grants[record.id] = record }
        loaded = tokens
        apply()
        let orphans = records.filter { live[$0.person] == nil }.map(\.id)
        if !orphans.isEmpty {
            try await revoke(orphans, saying: "this person may not use the relay any more")
        }
    }

    /// What the store holds, with no change here between its parts.
    private func read() async throws(StoreError) -> ([Person], [GrantRecord], [AccessToken]) {
        while true {
            let before = changes
            let read = (
                try await people(), try await store.grants(), try await store.accessTokens()
            )
            if before == changes { return read }
        }
    }

    /// Has clients find OAuth at `address`; what was read before is in force from then on.
    func open(at address: OAuthAddress) {
        self.address = address
        apply()
    }

    private func apply() {
        let changed = access.replace(
            people: Array(live.values), grants: grants.values.compactMap(principal), tokens: loaded)
        if address != nil { loaded = [] }
        for principal in changed {
            end(principal.grant, "the rights of this login have changed: connect again")
        }
    }

    /// The rights of a grant now; nil: its person is gone, or it is for another relay's URL.
    private func principal(_ grant: GrantRecord) -> Principal? {
        guard let person = live[grant.person], address?.accepts(resource: grant.resource) == true
        else { return nil }
        return grant.principal(of: person)
    }

    /// The live grants of a person, or of all people.
    func liveGrants(of person: String? = nil) -> [GrantRecord] {
        grants.values.filter { person == nil || $0.person == person }
            .sorted { ($0.created, $0.id) < ($1.created, $1.id) }
    }

    /// Ends grants, in force at once and then in the store.
    func revoke(_ ids: [String], saying sentence: String) async throws(StoreError) {
        for id in ids { ended(id, saying: sentence) }
        _ = try await store.revokeGrants(ids)
    }

    /// Ends what clients do for a person who was revoked.
    func forget(person id: String) async {
        live[id] = nil
        let ids = liveGrants(of: id).map(\.id)
        do throws(StoreError) {
            try await revoke(ids, saying: "this person may not use the relay any more")
        } catch {
            Process.log("the store failed: \(error)")
        }
    }

    private func ended(_ id: String, saying sentence: String) {
        changes += 1
        grants[id] = nil
        access.revoke(grant: id)
        end(id, sentence)
    }

    /// Ends what time has ended.
    func sweep() async throws(StoreError) {
        for id in try await store.sweepOAuth() {
            ended(id, saying: "this login has expired: connect again")
        }
    }

    // MARK: Clients

    /// The client with an id, for a person who is to be asked about it; throws why there is none.
    func client(_ id: String, for person: String) async throws(OAuthError) -> OAuthClient {
        if DocumentFetch.isURL(id), let documents {
            return try await documents.client(id, for: person)
        }
        return try await storedClient(id)
    }

    /// Whether the id is one of a client that a person could have been asked about.
    func knows(client id: String) async throws(OAuthError) {
        if DocumentFetch.isURL(id), readsDocuments { return }
        _ = try await storedClient(id)
    }

    private func storedClient(_ id: String) async throws(OAuthError) -> OAuthClient {
        let found: OAuthClient?
        do throws(StoreError) { found = try await store.client(id) } catch {
            throw Self.failure(error)
        }
        guard let found else {
            throw OAuthError(.invalidClient, "this client is not known here: register again")
        }
        return found
    }

    /// Registers a client by what it says of itself.
    func register(_ body: [UInt8]) async throws(OAuthError) -> (ClientDocument, OAuthClient) {
        let document = try ClientDocument(body)
        let client = document.registered(
            id: OAuthClient.prefix + Base64.encodeURL(Random.bytes(16)), at: now)
        do throws(StoreError) { try await store.addClient(client) } catch {
            throw Self.failure(error)
        }
        return (document, client)
    }

    // MARK: Codes and tokens

    /// A code for what a person has allowed.
    func issue(
        _ request: AuthorizationRequest, _ client: OAuthClient, challenge: String,
        by person: Person,
        scopes: Set<Scope>, pattern: AccessPattern, at address: OAuthAddress
    ) -> String {
        let grant = GrantRecord(
            id: Store.newID(), person: person.id, client: client.id, clientName: client.name,
            scopes: scopes, pattern: pattern, resource: address.resource, created: now)
        let ticket = CodeTicket(
            client: client, redirect: request.redirect.description, challenge: challenge,
            grant: grant)
        return codes.issue(ticket, at: now)
    }

    /// Tokens as their client gets them.
    struct Issue: Sendable {
        let text: TokenText
        let scopes: Set<Scope>
        /// The seconds for which the access token is good.
        let lifetime: Int64
    }

    /// Exchanges a code.
    func redeem(
        _ code: String, client: String, redirect: String?, verifier: String
    ) async throws(OAuthError) -> Issue {
        let refusal = OAuthError(.invalidGrant, "the code is not valid")
        let ticket: CodeTicket
        switch codes.redeem(code, at: now) {
        case .good(let found): ticket = found
        case .unknown: throw refusal
        case .again(let grant):
            Process.log("OAuth: a code came twice: what came of it has ended")
            await revokeQuietly(grant)
            throw refusal
        }
        guard ticket.client.id == client, redirect == nil || redirect == ticket.redirect,
            PKCE.proves(verifier, ticket.challenge)
        else { throw refusal }
        let (text, grant) = (TokenText(), ticket.grant)
        do throws(StoreError) {
            let (tokens, ended) = try await store.addGrant(grant, text.hashes)
            for id in ended {
                self.ended(id, saying: "this program has connected anew, too often")
            }
            return try put(grant, tokens, text)
        } catch {
            throw Self.failure(error)
        }
    }

    /// Exchanges a refresh token.
    func refresh(_ token: String, client: String) async throws(OAuthError) -> Issue {
        let refusal = OAuthError(.invalidGrant, "the refresh token is not valid: ask the person")
        guard token.hasPrefix(RefreshToken.prefix), token.utf8.count <= 128 else { throw refusal }
        do throws(StoreError) {
            let text = TokenText(after: token, key: try await store.refreshKey())
            let next = try await store.refresh(
                TokenRecord.hash(of: token), client: client, next: text.hashes)
            switch next {
            case .granted(let grant, let tokens): return try put(grant, tokens, text)
            case .refused: throw StoreError.unknownGrant("")
            case .reused(let id):
                let name = grants[id]?.clientName ?? "a client"
                Process.log(
                    "OAuth: an old refresh token of \(name.plain(keepsLines: false)) came again: "
                        + "its access has ended (grant \(id))")
                ended(id, saying: "this login was ended, as an old token came again: connect anew")
                throw StoreError.unknownGrant(id)
            }
        } catch .unknownGrant {
            throw refusal
        } catch {
            throw Self.failure(error)
        }
    }

    /// Puts tokens in force; throws `unknownGrant` if their person is gone.
    private func put(
        _ grant: GrantRecord, _ tokens: [AccessToken], _ text: TokenText
    ) throws(StoreError) -> Issue {
        guard let principal = principal(grant) else { throw .unknownGrant(grant.id) }
        changes += 1
        grants[grant.id] = grant
        access.put(principal, tokens)
        let hash = text.hashes.access
        let expires = tokens.first { $0.hash == hash }?.expires ?? now
        return Issue(text: text, scopes: principal.scopes, lifetime: max(0, expires - now))
    }

    /// Ends a token that its client does not need any more.
    func revoke(_ token: String, client: String) async throws(OAuthError) {
        let hash = TokenRecord.hash(of: token)
        do throws(StoreError) {
            let (grant, isAccess) = try await store.revokeToken(hash, client: client)
            if isAccess {
                changes += 1
                access.revoke(accessToken: hash)
            }
            if let grant { ended(grant, saying: "the program has logged out: connect again") }
        } catch {
            throw Self.failure(error)
        }
    }

    private func revokeQuietly(_ grant: String) async {
        do throws(StoreError) {
            try await revoke([grant], saying: "this login was ended: connect anew")
        } catch {
            Process.log("the store failed: \(error)")
        }
    }

    private static func failure(_ error: StoreError) -> OAuthError {
        switch error {
        case .tooManyClients: OAuthError(.temporarilyUnavailable, error.description)
        case .unknownGrant: OAuthError(.invalidGrant, "the person may not use this relay any more")
        default:
            OAuthError(.serverError, "the store failed: the relay's log says why")
        }
    }
}

extension OAuthService: ConnectedClients {
    func grants(of person: String) -> [GrantRecord] { liveGrants(of: person) }

    func revoke(_ id: String, of person: String) async throws(StoreError) -> Bool {
        guard grants[id]?.person == person else { return false }
        try await revoke([id], saying: "your access was ended on the relay's page: connect again")
        return true
    }
}
