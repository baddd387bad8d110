// Bearer tokens of MCP clients.
// Invariant: a token's text is returned by `createToken` once and stored only as its hash; a row is
// never deleted, so that no id is reused (sessions at agents belong to it).

import Configuration
import Crypto
import SQLite
import Spelling
import Wire

extension TokenRecord {
    init?(_ row: Row) {
        guard let id = row.text("id"), let name = row.text("name"), let hash = row.blob("hash"),
            let pattern = AccessPattern(row.text("pattern") ?? ""),
            let created = row.integer("created")
        else { return nil }
        self.init(
            id: id, name: name, hash: hash,
            scopes: Set(row.words("scopes").compactMap(Scope.init)), pattern: pattern,
            created: created, lastUsed: row.integer("last_used"), revoked: row.integer("revoked"))
    }
}

extension Store {
    /// Makes a token; its text is returned here and never again.
    func createToken(
        name: String, scopes: Set<Scope>, pattern: String = "*"
    ) async throws(StoreError) -> (record: TokenRecord, token: String) {
        guard !Principal.reservedNames.contains(name.lowercased()) else {
            throw .nameReserved(name)
        }
        guard Contract.isAgentName(name) else { throw .nameInvalid(name) }
        guard let parsed = AccessPattern(pattern) else { throw .patternInvalid(pattern) }
        let token = TokenRecord.prefix + Base64.encodeURL(Random.bytes(32))
        let record = TokenRecord(
            id: Self.newID(), name: name, hash: TokenRecord.hash(of: token), scopes: scopes,
            pattern: parsed, created: now())
        try await change { connection in
            let taken = try connection.rows(
                "SELECT 1 FROM token WHERE name = ? AND revoked IS NULL", .text(name))
            guard taken.isEmpty else { throw StoreError.nameTaken(name) }
            try connection.execute(
                "INSERT INTO token VALUES (?, ?, ?, ?, ?, ?, NULL, NULL)",
                .text(record.id), .text(name), .blob(record.hash),
                .joined(scopes.map(\.rawValue).sorted()), .text(parsed.description),
                .integer(record.created))
        }
        return (record, token)
    }

    /// The live record of a token's text; nil if unknown or revoked.
    func token(_ text: String) async throws(StoreError) -> TokenRecord? {
        let hash = TokenRecord.hash(of: text)
        return try await run { connection in
            let record = try connection.rows(
                "SELECT * FROM token WHERE hash = ? AND revoked IS NULL", .blob(hash)
            ).first.flatMap(TokenRecord.init)
            guard let record, ConstantTime.equal(record.hash, hash) else { return nil }
            return record
        }
    }

    /// Every token that is not revoked, by name.
    func tokens() async throws(StoreError) -> [TokenRecord] {
        try await run { connection in
            try connection.rows("SELECT * FROM token WHERE revoked IS NULL ORDER BY name")
                .compactMap(TokenRecord.init)
        }
    }

    /// The ids among these whose token or person was revoked.
    func revokedPrincipals(among ids: [String]) async throws(StoreError) -> [String] {
        try await run { connection in
            var revoked: [String] = []
            for id in ids {
                let rows = try connection.rows(
                    "SELECT 1 FROM token WHERE id = ?1 AND revoked IS NOT NULL UNION ALL "
                        + "SELECT 1 FROM person WHERE id = ?1 AND revoked IS NOT NULL", .text(id))
                if !rows.isEmpty { revoked.append(id) }
            }
            return revoked
        }
    }

    /// Ends a token by its name or id.
    func revokeToken(_ nameOrID: String) async throws(StoreError) -> TokenRecord {
        let moment = now()
        return try await change { connection in
            let live = try connection.rows("SELECT * FROM token WHERE revoked IS NULL")
                .compactMap(TokenRecord.init)
            guard
                var record = live.first(where: { $0.name == nameOrID })
                    ?? live.first(where: { $0.id == nameOrID })
            else {
                throw StoreError.unknownToken(
                    nameOrID, nearest: Nearest.match(nameOrID, in: live.map(\.name)))
            }
            record.revoked = moment
            try connection.execute(
                "UPDATE token SET revoked = ? WHERE id = ?", .integer(moment), .text(record.id))
            return record
        }
    }

    /// Stores when these tokens were last used: id to time.
    func touchTokens(_ uses: [String: Int64]) async throws(StoreError) {
        guard !uses.isEmpty else { return }
        try await change { connection in
            for (id, moment) in uses {
                try connection.execute(
                    "UPDATE token SET last_used = ? WHERE id = ?", .integer(moment), .text(id))
            }
        }
    }
}
