// From an Authorization header to a principal, on the loop, without touching the database.
// Where in the flow: the first thing an MCP request over HTTP meets after Origin and Host.
// Invariant: the cache holds exactly the live tokens; whoever changes one calls `reload`.

import Crypto
import Glibc
import Loop

/// Tells who a request comes from.
@IO final class Access {
    private let store: Store
    private let allowsLoopback: Bool
    private var tokens: [[UInt8]: (record: TokenRecord, principal: Principal)] = [:]
    /// When each token was used since the last `saveUses`: id to time.
    private var uses: [String: Int64] = [:]

    /// With `allowsLoopback` a request from this machine needs no token; call `reload` next.
    init(store: Store, allowsLoopback: Bool = false) {
        self.store = store
        self.allowsLoopback = allowsLoopback
    }

    /// Reads the live tokens again; the principals that are gone or have other rights now.
    @discardableResult
    func reload() async throws(StoreError) -> [Principal] {
        let live = try await store.tokens()
        let before = tokens.values.map(\.principal)
        tokens = [:]
        for record in live {
            let principal = Principal(
                id: record.id, name: record.name, scopes: record.scopes, pattern: record.pattern)
            tokens[record.hash] = (record, principal)
        }
        let now = Set(tokens.values.map(\.principal))
        return before.filter { !now.contains($0) }
    }

    /// Forgets a token that was revoked, whatever becomes of the store.
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
        // A fixed cap keeps hashing cheap; no token of ours is near it.
        guard text.hasPrefix(TokenRecord.prefix), text.utf8.count <= 128 else {
            throw .invalidToken
        }
        let hash = TokenRecord.hash(of: String(text))
        guard let found = tokens[hash], ConstantTime.equal(found.record.hash, hash) else {
            throw .invalidToken
        }
        uses[found.record.id] = store.now()
        return found.principal
    }

    /// Writes down when tokens were last used; for a timer and the end of the program.
    func saveUses() async throws(StoreError) {
        let taken = uses
        uses = [:]
        try await store.touchTokens(taken)
    }
}
