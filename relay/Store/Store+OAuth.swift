// OAuth's clients and grants: who may ask people for access, and who has got it.
// Invariant: a revoked grant has no token; a grant's row stays for 90 days, and its id is never
// used again.

import Crypto
import SQLite
import Wire

extension OAuthClient {
    init?(_ row: Row) {
        guard let id = row.text("id"), let name = row.text("name"),
            let origin = row.text("origin").flatMap(Origin.init),
            let created = row.integer("created")
        else { return nil }
        let redirects = (row.text("redirects") ?? "").split(separator: " ").map(String.init)
        self.init(
            id: id, name: name, redirects: redirects.compactMap(RedirectURI.init), origin: origin,
            created: created, lastUsed: row.integer("last_used"))
    }
}

extension GrantRecord {
    init?(_ row: Row) {
        guard let id = row.text("id"), let person = row.text("person"),
            let client = row.text("client"), let name = row.text("client_name"),
            let pattern = AccessPattern(row.text("pattern") ?? ""),
            let resource = row.text("resource"), let created = row.integer("created")
        else { return nil }
        self.init(
            id: id, person: person, client: client, clientName: name,
            scopes: Set(row.words("scopes").compactMap(Scope.init)), pattern: pattern,
            resource: resource, created: created, lastUsed: row.integer("last_used"),
            revoked: row.integer("revoked"))
    }
}

extension Store {
    /// The most clients that have registered themselves: each has some hundred bytes.
    nonisolated static let clientLimit = 1000
    /// How long a client that has registered itself and got no token is kept when there is no room
    /// for another: a person who is at the consent page needs minutes.
    nonisolated static let clientPatience: Int64 = 600
    /// How long such a client is kept where there is room.
    nonisolated static let unusedClientLifetime: Int64 = 86_400
    /// How long a client that registered itself is kept after its last token, and a grant after its
    /// end.
    nonisolated static let oauthMemory: Int64 = 90 * 86_400

    // MARK: Clients

    /// Stores a client; throws `tooManyClients` if too many have registered themselves of late.
    func addClient(_ client: OAuthClient) async throws(StoreError) {
        let moment = now()
        try await change { connection in
            if client.origin == .registered { try Self.makeRoom(connection, moment) }
            try connection.execute(
                "INSERT INTO oauth_client VALUES (?, ?, ?, ?, ?, NULL)", .text(client.id),
                .text(client.name),
                .text(client.redirects.map(\.description).joined(separator: " ")),
                .text(client.origin.rawValue), .integer(client.created))
        }
    }

    private nonisolated static func makeRoom(_ connection: Connection, _ moment: Int64) throws {
        let count = try connection.rows(
            "SELECT count(*) AS n FROM oauth_client WHERE origin = 'registered'"
        ).first?.integer("n")
        guard count ?? 0 >= clientLimit else { return }
        let freed = try connection.execute(
            "DELETE FROM oauth_client WHERE id = (SELECT id FROM oauth_client WHERE "
                + "origin = 'registered' AND last_used IS NULL AND created <= ? "
                + "ORDER BY created LIMIT 1)", .integer(moment - clientPatience))
        guard freed > 0 else { throw StoreError.tooManyClients(limit: clientLimit) }
    }

    /// A client that registered itself or was added; nil if there is none.
    func client(_ id: String) async throws(StoreError) -> OAuthClient? {
        try await run { connection in
            try connection.rows("SELECT * FROM oauth_client WHERE id = ?", .text(id)).first
                .flatMap(OAuthClient.init)
        }
    }

    /// The clients that registered themselves or were added, by name.
    func clients() async throws(StoreError) -> [OAuthClient] {
        try await run { connection in
            try connection.rows("SELECT * FROM oauth_client ORDER BY name, created")
                .compactMap(OAuthClient.init)
        }
    }

    /// Removes a client and ends what people have granted it; gives the ids of these grants.
    ///
    /// `id` may also be that of a client with a metadata document, which has grants alone.
    func removeClient(_ id: String) async throws(StoreError) -> [String] {
        let moment = now()
        return try await change { connection in
            let grants = try connection.rows(
                "SELECT id FROM oauth_grant WHERE client = ? AND revoked IS NULL", .text(id)
            ).compactMap { $0.text("id") }
            let removed = try connection.execute(
                "DELETE FROM oauth_client WHERE id = ?", .text(id))
            guard removed > 0 || !grants.isEmpty else { throw StoreError.unknownClient(id) }
            for grant in grants { try Self.revoke(grant: grant, connection, moment) }
            return grants
        }
    }

    // MARK: Grants

    /// Every grant that is not revoked, the oldest first.
    func grants() async throws(StoreError) -> [GrantRecord] {
        try await run { connection in try Self.liveGrants(connection) }
    }

    /// Every grant that is not revoked, the oldest first, and every access token that is good now,
    /// both of one moment.
    func grantsWithTokens() async throws(StoreError) -> (
        grants: [GrantRecord], tokens: [AccessToken]
    ) {
        let moment = now()
        return try await change { connection in
            let tokens = try connection.rows(
                "SELECT * FROM oauth_token WHERE kind = 'access' AND expires > ?",
                .integer(moment)
            ).compactMap(AccessToken.init)
            return (try Self.liveGrants(connection), tokens)
        }
    }

    private nonisolated static func liveGrants(
        _ connection: Connection
    ) throws -> [GrantRecord] {
        try connection.rows(
            "SELECT * FROM oauth_grant WHERE revoked IS NULL ORDER BY created, id"
        ).compactMap(GrantRecord.init)
    }

    /// Ends grants by their ids; gives those that were live.
    func revokeGrants(_ ids: [String]) async throws(StoreError) -> [String] {
        let moment = now()
        return try await change { connection in
            var ended: [String] = []
            for id in ids where try Self.revoke(grant: id, connection, moment) { ended.append(id) }
            return ended
        }
    }

    @discardableResult
    nonisolated static func revoke(
        grant id: String, _ connection: Connection, _ moment: Int64
    ) throws -> Bool {
        try connection.execute("DELETE FROM oauth_token WHERE family = ?", .text(id))
        return try connection.execute(
            "UPDATE oauth_grant SET revoked = ? WHERE id = ? AND revoked IS NULL",
            .integer(moment), .text(id)) > 0
    }

    /// Stores when these grants were last used: id to time.
    func touchGrants(_ uses: [String: Int64]) async throws(StoreError) {
        guard !uses.isEmpty else { return }
        try await change { connection in
            for (id, moment) in uses {
                try connection.execute(
                    "UPDATE oauth_grant SET last_used = ? WHERE id = ?", .integer(moment),
                    .text(id))
            }
        }
    }

    /// Removes what time has ended; gives the ids of grants that ended by it.
    func sweepOAuth() async throws(StoreError) -> [String] {
        let moment = now()
        return try await change { connection in
            try connection.execute(
                "DELETE FROM oauth_token WHERE expires <= ?", .integer(moment))
            try connection.execute(
                "UPDATE oauth_token SET salt = NULL WHERE salt IS NOT NULL AND used < ?",
                .integer(moment - RefreshToken.grace))
            let ended = try connection.rows(
                "SELECT id FROM oauth_grant WHERE revoked IS NULL AND NOT EXISTS "
                    + "(SELECT 1 FROM oauth_token WHERE family = oauth_grant.id)"
            ).compactMap { $0.text("id") }
            for id in ended { try Self.revoke(grant: id, connection, moment) }
            try connection.execute(
                "DELETE FROM oauth_grant WHERE revoked <= ?", .integer(moment - Self.oauthMemory))
            try connection.execute(
                "DELETE FROM oauth_client WHERE origin = 'registered' AND "
                    + "coalesce(last_used + ?, created + ?) <= ? AND NOT EXISTS (SELECT 1 FROM "
                    + "oauth_grant WHERE client = oauth_client.id AND revoked IS NULL)",
                .integer(Self.oauthMemory), .integer(Self.unusedClientLifetime), .integer(moment))
            return ended
        }
    }
}
