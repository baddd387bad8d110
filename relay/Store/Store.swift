// The agents, invitations and tokens of a relay: one SQLite file in its data folder.
// Where in the flow: the gate asks it who an agent is, access asks it for tokens, admin changes
// both. Invariant: of a secret that somebody else holds there is only the hash; what awaits the
// store goes on where it was.
//
// One thing more is of use to somebody who has a copy of the file: the salt of a refresh token of
// OAuth that was used of late. Who also has the text of that token can tell from the salt the two
// tokens that replaced it (TokenText). The salt is removed by the next exchange, or by the hourly
// sweep once the answer is not repeated any more (`RefreshToken.grace`); SQLite may keep the salt's
// bytes in unused parts of the file until it writes over them.

import Crypto
import Glibc
import Loop
import SQLite

/// Agents, invitations and tokens, kept in `relay.db`.
///
/// All of it is @IO, so that each caller itself returns to the loop. Optimized by Swift 6.3.1, a
/// function without an actor of its own does not return from the database's thread
/// (swiftlang/swift#88687 and #89693), and its caller would go on there.
@IO struct Store: Sendable {
    private let database: Database
    /// Whole seconds since 1970; tests pass their own clock.
    let now: @Sendable () -> Int64

    /// Opens or makes `relay.db` in `folder`.
    static func open(
        folder: String, now: @escaping @Sendable () -> Int64 = { Int64(time(nil)) }
    ) async throws(StoreError) -> Store {
        do {
            let database = try await Database.open(
                path: folder + "/relay.db", migrations: Schema.migrations)
            return Store(database: database, now: now)
        } catch {
            throw .database(error)
        }
    }

    /// Closes the file; for tests and the end of the program.
    func close() async { await database.close() }

    /// Runs `body` as one transaction on the database's thread.
    func change<Result: Sendable>(
        _ body: @Sendable (Connection) throws -> Result
    ) async throws(StoreError) -> Result {
        try await run { connection in try connection.transaction { try body(connection) } }
    }

    /// Runs `body` on the database's thread.
    func run<Result: Sendable>(
        _ body: @Sendable (Connection) throws -> Result
    ) async throws(StoreError) -> Result {
        do {
            return try await database.run(body)
        } catch let error as StoreError {
            throw error
        } catch let error as SQLiteError {
            throw .database(error)
        } catch {
            throw .database(.failed(code: 0, detail: "\(error)"))
        }
    }

    /// A new id: 16 letters and digits, 80 random bits.
    nonisolated static func newID() -> String { Base32.encode(Random.bytes(10)).lowercased() }

    /// A number that changes when another process has changed the file.
    func foreignChange() async throws(StoreError) -> Int64 {
        try await number("data_version")
    }

    /// How many migrations have been made, by whichever program.
    func schemaVersion() async throws(StoreError) -> Int64 { try await number("user_version") }

    private func number(_ pragma: String) async throws(StoreError) -> Int64 {
        try await run { connection in
            try connection.rows("PRAGMA \(pragma)").first?.integer(pragma) ?? 0
        }
    }

    /// A stored fact about the relay itself, such as its tunnel URL; nil if never set.
    func fact(_ key: String) async throws(StoreError) -> String? {
        try await run { connection in
            try connection.rows("SELECT value FROM fact WHERE key = ?", .text(key)).first?
                .text("value")
        }
    }

    /// Stores a fact about the relay itself.
    func setFact(_ key: String, _ value: String) async throws(StoreError) {
        try await run { connection in
            _ = try connection.execute(
                "INSERT INTO fact VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                .text(key), .text(value))
        }
    }
}

extension SQLiteValue {
    /// Words stored in one column; none of them holds a comma.
    static func joined(_ words: some Sequence<String>) -> SQLiteValue {
        .text(words.joined(separator: ","))
    }
}

extension Row {
    /// The words of a column that `joined` wrote.
    func words(_ name: String) -> [String] {
        (text(name) ?? "").split(separator: ",").map(String.init)
    }
}
