// OAuth's tokens: made with a grant, and exchanged for the next ones. Invariant: the newest refresh
// token of a grant is good once; a used one repeats its answer for a while (`RefreshToken.grace`),
// and after that ends the grant, in the transaction that sees it. The texts of tokens are not here:
// a used refresh token has a salt as long as its answer may be repeated, and an hour at most more.

import Crypto
import SQLite
import Wire

/// The hashes of an access token and of the refresh token that comes with it.
struct TokenPair: Sendable {
    let access, refresh: [UInt8]
}

/// What became of a refresh token that a client has sent.
enum Refreshment: Sendable {
    /// It was exchanged, or its exchange is repeated: the grant, with all access tokens that are
    /// good now, and the salt of the pair that follows the token.
    case granted(GrantRecord, [AccessToken], salt: [UInt8])
    /// It was used before: its grant has ended.
    case reused(grant: String)
    /// It is unknown, has expired, or belongs to another client.
    case refused
}

extension Store {
    /// Stores what a person has allowed, with its first tokens; gives the ids of grants that end
    /// for it.
    ///
    /// A person has at most `grantShare` grants of one client: programs ask anew when they have
    /// lost their tokens, and the grant that has rested longest is one of these.
    func addGrant(
        _ grant: GrantRecord, _ pair: TokenPair
    ) async throws(StoreError) -> (tokens: [AccessToken], ended: [String]) {
        let moment = now()
        return try await change { connection in
            let former = try connection.rows(
                "SELECT id FROM oauth_grant WHERE person = ? AND client = ? AND revoked IS NULL "
                    + "ORDER BY coalesce(last_used, created) DESC", .text(grant.person),
                .text(grant.client)
            ).compactMap { $0.text("id") }
            let ended = Array(former.dropFirst(Self.grantShare - 1))
            for id in ended { try Self.revoke(grant: id, connection, moment) }
            try connection.execute(
                "INSERT INTO oauth_grant VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL)",
                .text(grant.id), .text(grant.person), .text(grant.client), .text(grant.clientName),
                .joined(grant.scopes.map(\.rawValue).sorted()), .text(grant.pattern.description),
                .text(grant.resource), .integer(grant.created))
            let tokens = try Self.add(pair, to: grant, connection, moment)
            return (tokens, ended)
        }
    }

    /// The most grants that a person has with one client.
    nonisolated static let grantShare = 20

    /// Exchanges a refresh token for the pair that follows it by a new salt.
    ///
    /// A repeated exchange gives the salt of the first one. Only the newest exchange of a grant can
    /// be repeated, so the salts of those before it are removed.
    func refresh(
        _ hash: [UInt8], client: String, next pair: TokenPair, salt: [UInt8]
    ) async throws(StoreError) -> Refreshment {
        let moment = now()
        return try await change { connection in
            guard
                let row = try connection.rows(
                    "SELECT * FROM oauth_token WHERE hash = ? AND kind = 'refresh'", .blob(hash)
                ).first, ConstantTime.equal(row.blob("hash") ?? [], hash),
                let grant = try Self.liveGrant(row.text("family") ?? "", connection),
                grant.client == client, row.integer("expires") ?? 0 > moment
            else { return .refused }
            guard let used = row.integer("used") else {
                try connection.execute(
                    "UPDATE oauth_token SET salt = NULL WHERE family = ? AND kind = 'refresh' "
                        + "AND salt IS NOT NULL", .text(grant.id))
                try connection.execute(
                    "UPDATE oauth_token SET used = ?, next = ?, salt = ? WHERE hash = ?",
                    .integer(moment), .blob(pair.refresh), .blob(salt), .blob(hash))
                let tokens = try Self.add(pair, to: grant, connection, moment)
                return .granted(grant, tokens, salt: salt)
            }
            let next = try connection.rows(
                "SELECT used FROM oauth_token WHERE hash = ?", .blob(row.blob("next") ?? [])
            ).first
            guard moment - used <= RefreshToken.grace, let next, next.integer("used") == nil,
                let former = row.blob("salt")
            else {
                try Self.revoke(grant: grant.id, connection, moment)
                return .reused(grant: grant.id)
            }
            let tokens = try Self.accessTokens(of: grant.id, connection, moment)
            return .granted(grant, tokens, salt: former)
        }
    }

    /// Ends a token of a client, as RFC 7009 has it: a refresh token with its grant, whose id is
    /// returned; an access token alone.
    func revokeOAuthToken(
        _ hash: [UInt8], client: String
    ) async throws(StoreError) -> (grant: String?, accessToken: Bool) {
        let moment = now()
        return try await change { connection in
            guard
                let row = try connection.rows(
                    "SELECT * FROM oauth_token WHERE hash = ?", .blob(hash)
                ).first,
                let grant = try Self.liveGrant(row.text("family") ?? "", connection),
                grant.client == client
            else { return (nil, false) }
            guard row.text("kind") == "refresh" else {
                try connection.execute("DELETE FROM oauth_token WHERE hash = ?", .blob(hash))
                return (nil, true)
            }
            try Self.revoke(grant: grant.id, connection, moment)
            return (grant.id, false)
        }
    }

    // MARK: Within a transaction

    private nonisolated static func liveGrant(
        _ id: String, _ connection: Connection
    ) throws -> GrantRecord? {
        try connection.rows(
            "SELECT * FROM oauth_grant WHERE id = ? AND revoked IS NULL", .text(id)
        ).first.flatMap(GrantRecord.init)
    }

    private nonisolated static func add(
        _ pair: TokenPair, to grant: GrantRecord, _ connection: Connection, _ moment: Int64
    ) throws -> [AccessToken] {
        for (hash, kind, lifetime) in [
            (pair.access, "access", AccessToken.lifetime),
            (pair.refresh, "refresh", RefreshToken.lifetime),
        ] {
            try connection.execute(
                "INSERT INTO oauth_token VALUES (?, ?, ?, ?, ?, NULL, NULL, NULL)", .blob(hash),
                .text(grant.id), .text(kind), .integer(moment), .integer(moment + lifetime))
        }
        let shares = [("access", Int64(AccessToken.share)), ("refresh", RefreshToken.kept)]
        for (kind, share) in shares {
            try connection.execute(
                "DELETE FROM oauth_token WHERE family = ?1 AND kind = ?2 AND rowid NOT IN "
                    + "(SELECT rowid FROM oauth_token WHERE family = ?1 AND kind = ?2 "
                    + "ORDER BY created DESC, rowid DESC LIMIT ?3)",
                .text(grant.id), .text(kind), .integer(share))
        }
        try connection.execute(
            "UPDATE oauth_client SET last_used = ? WHERE id = ?", .integer(moment),
            .text(grant.client))
        return try accessTokens(of: grant.id, connection, moment)
    }

    private nonisolated static func accessTokens(
        of grant: String, _ connection: Connection, _ moment: Int64
    ) throws -> [AccessToken] {
        try connection.rows(
            "SELECT * FROM oauth_token WHERE family = ? AND kind = 'access' AND expires > ?",
            .text(grant), .integer(moment)
        ).compactMap(AccessToken.init)
    }
}

extension AccessToken {
    init?(_ row: Row) {
        guard let hash = row.blob("hash"), let grant = row.text("family"),
            let expires = row.integer("expires")
        else { return nil }
        self.init(hash: hash, grant: grant, expires: expires)
    }
}
