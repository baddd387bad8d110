// The authorization server without HTTP: which clients there are, and the exchange of codes and
// refresh tokens. Flow: doors → here → Store, then LiveGrants. Invariant: a client gets tokens only
// if the store has them and they are in force; a code or token that comes twice ends what came of
// it.
import Crypto
import Loop
import Wire

/// Issues and ends what clients hold.
@IO final class OAuthService {
    private let store: Store
    /// Clients with metadata documents; nil: switched off.
    private let documents: ClientDocuments?
    private let live: LiveGrants
    private var codes = CodeBook()

    /// `people` reads everybody who is not revoked; `end` ends the calls and streams of a grant.
    init(
        _ store: Store, _ access: Access, documents: ClientDocuments?,
        people: @escaping @IO () async throws(StoreError) -> [Person],
        end: @escaping @IO (_ grant: String, _ sentence: String) -> Void
    ) {
        (self.store, self.documents) = (store, documents)
        live = LiveGrants(store, access, people: people, endCalls: end)
    }

    private var now: Int64 { store.now() }

    // MARK: What is in force

    /// Where OAuth is; nil: it is switched off, or the relay does not listen yet.
    var address: OAuthAddress? { live.address }

    /// Whether clients find OAuth here: it has an address that browsers take for logins, and
    /// somebody could log in.
    ///
    /// Without anybody, a client that finds it would not use its static
    /// token (Cursor).
    var isOpen: Bool { address?.isUsable == true && live.hasPeople }

    /// Reads people, grants and access tokens again; ends what is gone or has other rights.
    func reload() async throws(StoreError) { try await live.reload() }

    /// Has clients find OAuth at `address`; what was read before is in force from then on.
    func open(at address: OAuthAddress) { live.open(at: address) }

    /// Ends what time has ended.
    func sweep() async throws(StoreError) { try await live.sweep() }

    /// Ends what clients do for a person who was revoked, here even if the store fails.
    func forget(person id: String) async {
        do throws(StoreError) { try await live.forget(person: id) } catch {
            Process.log("the store failed: \(error)")
        }
    }

    // MARK: Clients

    /// Whether clients may have ids that are URLs.
    var readsDocuments: Bool { documents != nil }

    /// The client with an id, for a person who is to be asked about it; throws why there is none.
    func client(_ id: String, for person: String) async throws(OAuthError) -> OAuthClient {
        if DocumentFetch.isURL(id), let documents {
            return try await documents.client(id, for: person)
        }
        return try await storedClient(id)
    }

    /// Throws if no person could have been asked about this client.
    func checkKnown(client id: String) async throws(OAuthError) {
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
            if await end(grant) {
                Process.log("OAuth: a code came twice: what came of it has ended (grant \(grant))")
            }
            throw refusal
        }
        guard ticket.client.id == client, redirect == nil || redirect == ticket.redirect,
            PKCE.proves(verifier, ticket.challenge)
        else { throw refusal }
        let (text, grant) = (TokenText(), ticket.grant)
        let tokens: [AccessToken]
        do throws(StoreError) {
            let added = try await store.addGrant(grant, text.hashes)
            for id in added.ended {
                live.end(id, saying: "this program has connected anew, too often")
            }
            tokens = added.tokens
        } catch {
            throw Self.failure(error)
        }
        guard let issue = put(grant, tokens, text) else {
            // It has ended while it was stored: a copy of the code came, or its person was revoked.
            await end(grant.id)
            throw refusal
        }
        return issue
    }

    /// Exchanges a refresh token.
    func refresh(_ token: String, client: String) async throws(OAuthError) -> Issue {
        let refusal = OAuthError(.invalidGrant, "the refresh token is not valid: ask the person")
        guard token.hasPrefix(RefreshToken.prefix), token.utf8.count <= 128 else { throw refusal }
        let salt = Random.bytes(TokenText.saltSize)
        let next: Refreshment
        do throws(StoreError) {
            next = try await store.refresh(
                TokenRecord.hash(of: token), client: client,
                next: TokenText(after: token, salt: salt).hashes, salt: salt)
        } catch {
            throw Self.failure(error)
        }
        switch next {
        case .refused: break
        case .granted(let grant, let tokens, let salt):
            let text = TokenText(after: token, salt: salt)
            if let issue = put(grant, tokens, text) { return issue }
            // It has ended while its tokens were stored.
            if live.hasEnded(grant.id) { await end(grant.id) }
        case .reused(let id):
            let name = live[id]?.clientName ?? "a client"
            Process.log(
                "OAuth: an old refresh token of \(name.plain(keepsLines: false)) came again: "
                    + "its access has ended (grant \(id))")
            live.end(id, saying: "this login was ended, as an old token came again: connect anew")
        }
        throw refusal
    }

    /// Puts tokens in force; nil: the grant is not to be in force any more, or the access token of
    /// an answer that is repeated has ended meanwhile.
    private func put(
        _ grant: GrantRecord, _ tokens: [AccessToken], _ text: TokenText
    ) -> Issue? {
        let (hash, moment) = (text.hashes.access, now)
        guard let token = tokens.first(where: { $0.hash == hash }), moment < token.expires,
            let principal = live.put(grant, tokens)
        else { return nil }
        return Issue(text: text, scopes: principal.scopes, lifetime: token.expires - moment)
    }

    /// Ends a token that its client does not need any more.
    func revoke(_ token: String, client: String) async throws(OAuthError) {
        let hash = TokenRecord.hash(of: token)
        do throws(StoreError) {
            let (grant, isAccess) = try await store.revokeOAuthToken(hash, client: client)
            if isAccess { live.revoke(accessToken: hash) }
            if let grant {
                live.end(grant, saying: "the program has logged out: connect again")
            }
        } catch {
            throw Self.failure(error)
        }
    }

    /// Ends a grant, here even if the store fails; whether it was live in the store.
    @discardableResult
    private func end(_ grant: String) async -> Bool {
        do throws(StoreError) {
            let ended = try await live.revoke(
                [grant], saying: "this login was ended: connect anew")
            return !ended.isEmpty
        } catch {
            Process.log("the store failed: \(error)")
            return false
        }
    }

    private static func failure(_ error: StoreError) -> OAuthError {
        if case .tooManyClients = error {
            return OAuthError(.temporarilyUnavailable, error.description)
        }
        Process.log("OAuth: the store failed: \(error)")
        return OAuthError(.serverError, "the store failed: the relay's log says why")
    }
}

extension OAuthService: ConnectedClients {
    func grants(of person: String) -> [GrantRecord] { live.grants(of: person) }

    func revoke(_ id: String, of person: String) async throws(StoreError) -> Bool {
        guard live[id]?.person == person else { return false }
        try await live.revoke(
            [id], saying: "your access was ended on the relay's page: connect again")
        return true
    }
}
