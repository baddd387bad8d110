// The passkeys of people, and where they are logged in. Invariant: of a session of the page only
// the hash of its cookie is stored; a person who has a passkey keeps one.

import Crypto
import Passkeys
import SQLite

extension PasskeyRecord {
    fileprivate init?(_ row: Row) {
        guard let id = row.blob("id"), let person = row.text("person"),
            let algorithm = row.integer("algorithm").flatMap(Int32.init(exactly:))
                .flatMap(PasskeyAlgorithm.init), let key = row.blob("key"),
            let created = row.integer("created")
        else { return nil }
        self.init(
            id: id, person: person, name: row.text("name") ?? "",
            key: PasskeyKey(algorithm: algorithm, bytes: key),
            counter: row.integer("counter").flatMap(UInt32.init(exactly:)) ?? 0,
            isBackedUp: row.integer("backed_up") == 1, created: created,
            lastUsed: row.integer("last_used"))
    }
}

extension PageSessionRecord {
    fileprivate init?(_ row: Row) {
        guard let id = row.text("id"), let hash = row.blob("hash"), let person = row.text("person"),
            let created = row.integer("created")
        else { return nil }
        self.init(
            id: id, hash: hash, person: person, passkey: row.blob("passkey") ?? [],
            browser: row.text("browser") ?? "", peer: row.text("peer") ?? "", created: created,
            lastUsed: row.integer("last_used") ?? created)
    }
}

extension Store {
    // MARK: Passkeys

    /// The passkeys of a person, the oldest first; of everybody without one.
    func passkeys(of person: String? = nil) async throws(StoreError) -> [PasskeyRecord] {
        try await run { connection in
            try connection.rows(
                "SELECT * FROM passkey WHERE ?1 IS NULL OR person = ?1 ORDER BY created, id",
                .optional(person)
            ).compactMap(PasskeyRecord.init)
        }
    }

    /// The passkey of this id; nil if there is none.
    func passkey(_ id: [UInt8]) async throws(StoreError) -> PasskeyRecord? {
        try await run { connection in
            try connection.rows("SELECT * FROM passkey WHERE id = ?", .blob(id)).first
                .flatMap(PasskeyRecord.init)
        }
    }

    /// Adds a passkey to those of a person.
    func addPasskey(_ passkey: PasskeyRecord) async throws(StoreError) {
        try await change { connection in
            let isThere = try connection.rows(
                "SELECT 1 FROM person WHERE id = ? AND revoked IS NULL", .text(passkey.person))
            guard !isThere.isEmpty else { throw StoreError.unknownPasskey }
            try Self.insert(passkey, connection)
        }
    }

    /// Stores that a passkey was used; false if another login by it came in between.
    func usePasskey(_ passkey: PasskeyRecord, counter: UInt32) async throws(StoreError) -> Bool {
        let moment = now()
        return try await change { connection in
            try connection.execute(
                "UPDATE passkey SET counter = ?, last_used = ? WHERE id = ? AND counter = ?",
                .integer(Int64(counter)), .integer(moment), .blob(passkey.id),
                .integer(Int64(passkey.counter))) == 1
        }
    }

    /// Gives a passkey of a person another name.
    func renamePasskey(
        _ id: [UInt8], of person: String, to name: String
    ) async throws(StoreError) {
        try await change { connection in
            let count = try connection.execute(
                "UPDATE passkey SET name = ? WHERE id = ? AND person = ?", .text(name), .blob(id),
                .text(person))
            guard count == 1 else { throw StoreError.unknownPasskey }
        }
    }

    /// Removes a passkey of a person, and ends the page sessions that it has opened but `kept`.
    func removePasskey(
        _ id: [UInt8], of person: String, keeping kept: String
    ) async throws(StoreError) {
        try await change { connection in
            let own = try connection.rows(
                "SELECT id FROM passkey WHERE person = ?", .text(person)
            ).compactMap { $0.blob("id") }
            guard own.contains(id) else { throw StoreError.unknownPasskey }
            guard own.count > 1 else { throw StoreError.lastPasskey }
            try connection.execute("DELETE FROM passkey WHERE id = ?", .blob(id))
            try connection.execute(
                "DELETE FROM page_session WHERE passkey = ? AND id != ?", .blob(id), .text(kept))
        }
    }

    /// Adds a passkey within a transaction.
    nonisolated static func insert(_ passkey: PasskeyRecord, _ connection: Connection) throws {
        guard try connection.rows("SELECT 1 FROM passkey WHERE id = ?", .blob(passkey.id)).isEmpty
        else { throw StoreError.passkeyKnown }
        let count = try connection.rows(
            "SELECT COUNT(*) AS n FROM passkey WHERE person = ?", .text(passkey.person)
        ).first?.integer("n")
        guard count ?? 0 < PasskeyRecord.limit else {
            throw StoreError.tooManyPasskeys(limit: PasskeyRecord.limit)
        }
        try connection.execute(
            "INSERT INTO passkey VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)", .blob(passkey.id),
            .text(passkey.person), .text(passkey.name),
            .integer(Int64(passkey.key.algorithm.rawValue)), .blob(passkey.key.bytes),
            .integer(Int64(passkey.counter)), .integer(passkey.isBackedUp ? 1 : 0),
            .integer(passkey.created))
    }

    // MARK: Page sessions

    /// The page sessions that count now, the newest first; those that are over are removed.
    func pageSessions() async throws(StoreError) -> [PageSessionRecord] {
        let moment = now()
        return try await change { connection in
            try connection.execute(
                "DELETE FROM page_session WHERE created <= ? OR last_used <= ?",
                .integer(moment - PageSessionRecord.lifetime),
                .integer(moment - PageSessionRecord.idle))
            return try connection.rows("SELECT * FROM page_session ORDER BY created DESC, id")
                .compactMap(PageSessionRecord.init)
        }
    }

    /// Stores a login; beyond a person's share the session that has rested longest ends.
    func addPageSession(_ session: PageSessionRecord) async throws(StoreError) {
        try await change { connection in
            // The passkey or its person may have gone since the login was checked.
            let isThere = try connection.rows(
                "SELECT 1 FROM passkey WHERE id = ? AND person = ?", .blob(session.passkey),
                .text(session.person))
            guard !isThere.isEmpty else { throw StoreError.unknownPasskey }
            try connection.execute(
                "INSERT INTO page_session VALUES (?, ?, ?, ?, ?, ?, ?, ?)", .text(session.id),
                .blob(session.hash), .text(session.person), .blob(session.passkey),
                .text(session.browser), .text(session.peer), .integer(session.created),
                .integer(session.lastUsed))
            try connection.execute(
                "DELETE FROM page_session WHERE person = ?1 AND id NOT IN (SELECT id FROM "
                    + "page_session WHERE person = ?1 ORDER BY last_used DESC, created DESC LIMIT ?2)",
                .text(session.person), .integer(Int64(PageSessionRecord.limit)))
        }
    }

    /// Ends page sessions: the one of this id, of a person if one is given.
    func endPageSession(_ id: String, of person: String? = nil) async throws(StoreError) {
        try await change { connection in
            let count = try connection.execute(
                "DELETE FROM page_session WHERE id = ?1 AND (?2 IS NULL OR person = ?2)",
                .text(id), .optional(person))
            guard count == 1 else { throw StoreError.unknownPageSession(id) }
        }
    }

    /// Ends all page sessions of a person.
    func endPageSessions(of person: String) async throws(StoreError) {
        try await change { connection in
            _ = try connection.execute("DELETE FROM page_session WHERE person = ?", .text(person))
        }
    }

    /// Stores when these sessions were last used: id to time.
    func touchPageSessions(_ uses: [String: Int64]) async throws(StoreError) {
        guard !uses.isEmpty else { return }
        try await change { connection in
            for (id, moment) in uses {
                try connection.execute(
                    "UPDATE page_session SET last_used = ? WHERE id = ?", .integer(moment),
                    .text(id))
            }
        }
    }
}
