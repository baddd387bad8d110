// From an Authorization header to a principal: the first check of an MCP request over HTTP after
// Origin and Host. It does not use the database; the relay gives it the tokens that the store
// holds. Invariant: it holds exactly the live tokens; whoever changes one calls `replace` or
// `revoke`.

import Crypto
import Loop

/// Determines who a request comes from.
@IO final class Access {
    private let allowsLoopback: Bool
    /// Seconds since 1970.
    private let now: @Sendable () -> Int64
    private var tokens: [[UInt8]: (record: TokenRecord, principal: Principal)] = [:]
    /// When each token was used since the last `takeUses`: id to time.
    private var uses: [String: Int64] = [:]

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
        guard text.hasPrefix(TokenRecord.prefix), text.utf8.count <= 128 else {
            throw .invalidToken
        }
        let hash = TokenRecord.hash(of: String(text))
        guard let found = tokens[hash], ConstantTime.equal(found.record.hash, hash) else {
            throw .invalidToken
        }
        uses[found.record.id] = now()
        return found.principal
    }

    /// The principal with this id, as long as its token is live.
    func principal(id: String) -> Principal? {
        id == Principal.local.id
            ? .local : tokens.values.first { $0.principal.id == id }?.principal
    }

    /// When tokens were used since the last call, for the store: id to time.
    func takeUses() -> [String: Int64] {
        defer { uses = [:] }
        return uses
    }
}
