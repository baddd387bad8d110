// People and the one-time links by which they make a passkey. Invariant: a link's secret is
// returned once and stored only as its hash; using it up and storing the passkey are one
// transaction, so no link makes two. A person's row is never deleted, so that no id is reused.

import Configuration
import Crypto
import SQLite
import Spelling
import Wire

extension Person {
    init?(_ row: Row) {
        guard let id = row.text("id"), let name = row.text("name"),
            let pattern = AccessPattern(row.text("pattern") ?? ""),
            let created = row.integer("created")
        else { return nil }
        self.init(
            id: id, name: name, scopes: Set(row.words("scopes").compactMap(Scope.init)),
            pattern: pattern, created: created, revoked: row.integer("revoked"))
    }
}

extension Store {
    /// How long a link can be used: a person gets it and opens it.
    nonisolated static let linkLifetime = Duration.seconds(15 * 60)

    /// Everybody who is not revoked, by name.
    func people() async throws(StoreError) -> [Person] {
        try await run { connection in try Self.live(connection) }
    }

    /// Makes a person, and the link by which this person makes the first passkey.
    func invitePerson(
        name: String, scopes: Set<Scope>, pattern: String = "*"
    ) async throws(StoreError) -> (person: Person, secret: String, expires: Int64) {
        guard !Principal.reservedNames.contains(name.lowercased()) else {
            throw .nameReserved(name)
        }
        guard Contract.isAgentName(name) else { throw .nameInvalid(name) }
        guard let parsed = AccessPattern(pattern) else { throw .patternInvalid(pattern) }
        let person = Person(
            id: Self.newID(), name: name, scopes: scopes, pattern: parsed, created: now())
        let secret = Self.newLinkSecret()
        let expires = person.created + Self.linkLifetime.components.seconds
        try await change { connection in
            let taken = try connection.rows(
                "SELECT 1 FROM person WHERE name = ? AND revoked IS NULL", .text(name))
            guard taken.isEmpty else { throw StoreError.nameTaken(name) }
            try connection.execute(
                "INSERT INTO person VALUES (?, ?, ?, ?, ?, NULL)", .text(person.id), .text(name),
                .joined(scopes.map(\.rawValue).sorted()), .text(parsed.description),
                .integer(person.created))
            try Self.setLink(of: person, secret, expires, connection)
        }
        return (person, secret, expires)
    }

    /// Makes a new link for a person, by name or id; an earlier one ends.
    func makeLink(
        for nameOrID: String
    ) async throws(StoreError) -> (person: Person, secret: String, expires: Int64) {
        let secret = Self.newLinkSecret()
        let expires = now() + Self.linkLifetime.components.seconds
        let person = try await change { connection in
            let person = try Self.person(nameOrID, connection)
            try Self.setLink(of: person, secret, expires, connection)
            return person
        }
        return (person, secret, expires)
    }

    /// When each open link ends, by person.
    func openLinks() async throws(StoreError) -> [String: Int64] {
        let moment = now()
        return try await run { connection in
            var links: [String: Int64] = [:]
            for row in try connection.rows(
                "SELECT person, expires FROM person_link WHERE expires >= ?", .integer(moment))
            {
                if let person = row.text("person") { links[person] = row.integer("expires") }
            }
            return links
        }
    }

    /// Whose link this is; throws `linkRefused` if there is none that can be used.
    func owner(ofLink secret: String) async throws(StoreError) -> Person {
        let moment = now()
        return try await run { connection in try Self.owner(secret, at: moment, connection) }
    }

    /// Uses a link up and stores the passkey that was made by it.
    func redeemLink(_ secret: String, _ passkey: PasskeyRecord) async throws(StoreError) -> Person {
        let moment = now()
        return try await change { connection in
            let person = try Self.owner(secret, at: moment, connection)
            guard person.id == passkey.person else { throw StoreError.linkRefused }
            try connection.execute("DELETE FROM person_link WHERE person = ?", .text(person.id))
            try Self.insert(passkey, connection)
            return person
        }
    }

    /// Ends a person by name or id, and with it the person's link, passkeys and page sessions.
    func revokePerson(_ nameOrID: String) async throws(StoreError) -> Person {
        let moment = now()
        return try await change { connection in
            var person = try Self.person(nameOrID, connection)
            person.revoked = moment
            for sql in [
                "DELETE FROM page_session WHERE person = ?", "DELETE FROM passkey WHERE person = ?",
                "DELETE FROM person_link WHERE person = ?",
            ] {
                try connection.execute(sql, .text(person.id))
            }
            try connection.execute(
                "UPDATE person SET revoked = ? WHERE id = ?", .integer(moment), .text(person.id))
            return person
        }
    }

    // MARK: Within a transaction

    /// Everybody who is not revoked, by name.
    nonisolated static func live(_ connection: Connection) throws -> [Person] {
        try connection.rows("SELECT * FROM person WHERE revoked IS NULL ORDER BY name")
            .compactMap(Person.init)
    }

    /// The live person of a name, or of an id.
    nonisolated static func person(_ nameOrID: String, _ connection: Connection) throws -> Person {
        let live = try live(connection)
        guard
            let person = live.first(where: { $0.name == nameOrID })
                ?? live.first(where: { $0.id == nameOrID })
        else {
            throw StoreError.unknownPerson(
                nameOrID, nearest: Nearest.match(nameOrID, in: live.map(\.name)))
        }
        return person
    }

    /// 256 random bits, which nobody guesses.
    private nonisolated static func newLinkSecret() -> String {
        Base64.encodeURL(Random.bytes(32))
    }

    private nonisolated static func hash(ofLink secret: String) -> [UInt8] {
        SHA256.hash(Array(secret.utf8))
    }

    private nonisolated static func setLink(
        of person: Person, _ secret: String, _ expires: Int64, _ connection: Connection
    ) throws {
        try connection.execute(
            "INSERT OR REPLACE INTO person_link VALUES (?, ?, ?)", .text(person.id),
            .blob(hash(ofLink: secret)), .integer(expires))
    }

    private nonisolated static func owner(
        _ secret: String, at moment: Int64, _ connection: Connection
    ) throws -> Person {
        let hash = hash(ofLink: secret)
        let row = try connection.rows("SELECT * FROM person_link WHERE hash = ?", .blob(hash)).first
        guard let row, ConstantTime.equal(row.blob("hash") ?? [], hash),
            row.integer("expires") ?? 0 >= moment, let id = row.text("person"),
            let person = try connection.rows(
                "SELECT * FROM person WHERE id = ? AND revoked IS NULL", .text(id)
            ).first.flatMap(Person.init)
        else { throw StoreError.linkRefused }
        return person
    }
}
