// From an Authorization header to a principal: the first check of an MCP request over HTTP after
// Origin and Host. It does not use the database; the relay gives it the tokens and grants that the
// store holds. Invariant: it holds exactly what is live; whoever changes something calls `replace`,
// `put` or `revoke`.

import Crypto
import Loop

/// Determines who a request comes from.
@IO final class Access {
    private let allowsLoopback: Bool
    /// Seconds since 1970.
    private let now: @Sendable () -> Int64
    private var tokens: [[UInt8]: (record: TokenRecord, principal: Principal)] = [:]
    private var grants = Grants()
    /// When each token and each grant was used since the last `takeUses`: id to time.
    private var uses: (tokens: [String: Int64], grants: [String: Int64]) = ([:], [:])

    /// What people have granted to clients.
    private struct Grants {
        var people: [String: Principal] = [:]
        /// The rights of each grant, by its id.
        var principals: [String: Principal] = [:]
        /// Access tokens by their hashes.
        var tokens: [[UInt8]: AccessToken] = [:]
    }

    /// With `allowsLoopback` a request from this machine needs no token.
    init(allowsLoopback: Bool = false, now: @escaping @Sendable () -> Int64) {
        self.allowsLoopback = allowsLoopback
        self.now = now
    }

    /// Replaces the live tokens; returns the principals that are gone or whose rights changed.
    @discardableResult
    func replace(with live: [TokenRecord]) -> [Principal] {
        let before = tokens.values.map(\.principal)
        tokens = [:]
        for record in live {
            let principal = Principal(
                id: record.id, name: record.name, scopes: record.scopes, pattern: record.pattern)
            tokens[record.hash] = (record, principal)
        }
        let after = Set(tokens.values.map(\.principal))
        return before.filter { !after.contains($0) }
    }

    /// Replaces the live people, grants and access tokens; returns the principals of grants that
    /// are gone or whose rights changed.
    @discardableResult
    func replace(
        people: [Person], grants live: [Principal], tokens: [AccessToken]
    ) -> [Principal] {
        let before = grants.principals.values
        grants.people = [:]
        for person in people { grants.people[person.id] = person.principal }
        grants.principals = [:]
        for principal in live { grants.principals[principal.grant] = principal }
        grants.tokens = [:]
        for token in tokens where grants.principals[token.grant] != nil {
            grants.tokens[token.hash] = token
        }
        return before.filter { grants.principals[$0.grant] != $0 }
    }

    /// Puts a grant with its access tokens in force.
    func put(_ principal: Principal, _ tokens: [AccessToken]) {
        grants.principals[principal.grant] = principal
        grants.tokens = grants.tokens.filter { $0.value.grant != principal.grant }
        for token in tokens { grants.tokens[token.hash] = token }
    }

    /// Forgets a revoked grant and its access tokens.
    func revoke(grant id: String) {
        grants.principals[id] = nil
        grants.tokens = grants.tokens.filter { $0.value.grant != id }
    }

    /// Forgets a revoked person, with all that this person has let clients do.
    func revoke(person id: String) {
        grants.people[id] = nil
        let granted = Set(grants.principals.values.filter { $0.id == id }.map(\.grant))
        grants.principals = grants.principals.filter { !granted.contains($0.key) }
        grants.tokens = grants.tokens.filter { !granted.contains($0.value.grant) }
    }

    /// Forgets one access token; gives the id of its grant.
    func revoke(accessToken hash: [UInt8]) -> String? {
        grants.tokens.removeValue(forKey: hash)?.grant
    }

    /// Forgets a revoked token, even if the store fails afterwards.
    func revoke(_ id: String) { tokens = tokens.filter { $0.value.record.id != id } }

    /// The principal of a request with this Authorization header.
    func principal(
        authorization: String?, fromLoopback: Bool
    ) throws(AccessError) -> Principal {
        guard let authorization, !authorization.isEmpty else {
            guard allowsLoopback, fromLoopback else { throw .missingToken }
            return .local
        }
        let bytes = authorization.utf8
        let scheme = authorization[..<(bytes.firstIndex(of: 32) ?? bytes.endIndex)]
        guard scheme == "Bearer" || scheme.lowercased() == "bearer" else { throw .missingToken }
        let text = Substring(bytes[scheme.endIndex...].drop { $0 == 32 })
        // The cap in bytes keeps hashing cheap; our tokens are much shorter.
        guard text.utf8.count <= 128 else { throw .invalidToken }
        if text.hasPrefix(AccessToken.prefix) { return try principal(accessToken: String(text)) }
        guard text.hasPrefix(TokenRecord.prefix) else { throw .invalidToken }
        let hash = TokenRecord.hash(of: String(text))
        guard let found = tokens[hash], ConstantTime.equal(found.record.hash, hash) else {
            throw .invalidToken
        }
        uses.tokens[found.record.id] = now()
        return found.principal
    }

    private func principal(accessToken text: String) throws(AccessError) -> Principal {
        let hash = TokenRecord.hash(of: text)
        let moment = now()
        guard let token = grants.tokens[hash], ConstantTime.equal(token.hash, hash),
            moment < token.expires, let principal = grants.principals[token.grant]
        else { throw .invalidAccessToken }
        uses.grants[token.grant] = moment
        return principal
    }

    /// The principal with this id, as long as its token or person is live.
    ///
    /// A person has all of the person's rights here: what is asked does not come from one client.
    func principal(id: String) -> Principal? {
        id == Principal.local.id
            ? .local
            : grants.people[id] ?? tokens.values.first { $0.principal.id == id }?.principal
    }

    /// When tokens and grants were used since the last call, for the store: id to time.
    func takeUses() -> (tokens: [String: Int64], grants: [String: Int64]) {
        defer { uses = ([:], [:]) }
        return uses
    }
}
