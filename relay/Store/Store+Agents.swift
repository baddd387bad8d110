// Agents: who may hold a tunnel, and under which name.
// Invariant: a revoked agent never comes back under its id; its name becomes free for an
// invitation that names it.

import Configuration
import JSON
import SQLite
import Spelling
import Wire

extension AgentRecord {
    init?(_ row: Row) {
        guard let id = row.text("id"), let name = row.text("name"),
            let publicKey = row.blob("public_key"), let created = row.integer("created")
        else { return nil }
        self.init(
            id: id, name: name, publicKey: publicKey, formerKey: row.blob("former_key"),
            keyMade: row.integer("key_made") ?? created, tags: row.words("tags"),
            ownTags: row.words("own_tags"), purpose: row.text("purpose") ?? "", created: created,
            lastSeen: row.integer("last_seen"),
            facts: row.text("facts").flatMap { try? JSON(parsing: Array($0.utf8)) }
                .map(AgentFacts.init),
            changed: row.integer("changed"), changedBy: row.text("changed_by"),
            revoked: row.integer("revoked"))
    }
}

extension Store {
    /// The agent with this id, revoked or not; nil if there never was one.
    func agent(id: String) async throws(StoreError) -> AgentRecord? {
        try await run { connection in
            try connection.rows("SELECT * FROM agent WHERE id = ?", .text(id)).first
                .flatMap(AgentRecord.init)
        }
    }

    /// Every agent that is not revoked, by name.
    func agents() async throws(StoreError) -> [AgentRecord] {
        try await run { connection in
            try connection.rows("SELECT * FROM agent WHERE revoked IS NULL ORDER BY name")
                .compactMap(AgentRecord.init)
        }
    }

    /// Ends an agent's right to connect, and the invitation by which it joined; the caller closes
    /// its tunnel.
    func revokeAgent(_ nameOrID: String) async throws(StoreError) -> AgentRecord {
        let moment = now()
        return try await change { connection in
            var agent = try Self.liveAgent(nameOrID, connection)
            agent.revoked = moment
            try connection.execute(
                "UPDATE agent SET revoked = ? WHERE id = ?", .integer(moment), .text(agent.id))
            // Its machine still has the line by which it joined, which may be for several.
            try connection.execute(
                "UPDATE invitation SET cancelled = ?1 WHERE cancelled IS NULL AND id IN "
                    + "(SELECT invitation FROM redemption WHERE agent = ?2 "
                    + "UNION SELECT id FROM invitation WHERE rejoins = ?2)",
                .integer(moment), .text(agent.id))
            return agent
        }
    }

    /// Changes an agent's name, tags or purpose; nil leaves a field unchanged.
    ///
    /// `by` says for people who makes the change.
    func updateAgent(
        _ nameOrID: String, name: String? = nil, tags: [String]? = nil, purpose: String? = nil,
        by: String
    ) async throws(StoreError) -> AgentRecord {
        if let name, !Contract.isAgentName(name) { throw .nameInvalid(name) }
        let newTags: [String]? = if let tags { try AgentName.checked(tags: tags) } else { nil }
        if let purpose { _ = try AgentName.checked(purpose: purpose) }
        let moment = now()
        return try await change { connection in
            var agent = try Self.liveAgent(nameOrID, connection)
            if let name, name != agent.name {
                if try Self.isTaken(name, connection) { throw StoreError.nameTaken(name) }
                agent.name = name
            }
            agent.tags = newTags ?? agent.tags
            agent.purpose = purpose ?? agent.purpose
            (agent.changed, agent.changedBy) = (moment, by)
            try connection.execute(
                "UPDATE agent SET name = ?, tags = ?, purpose = ?, changed = ?, changed_by = ? "
                    + "WHERE id = ?",
                .text(agent.name), .joined(agent.tags), .text(agent.purpose), .integer(moment),
                .text(by), .text(agent.id))
            return agent
        }
    }

    /// Stores that these agents were connected just now, and what they said of their machines.
    func touchAgents(
        _ ids: [String], facts: [String: AgentFacts] = [:]
    ) async throws(StoreError) {
        let moment = now()
        let list = String(decoding: JSON.array(ids.map(JSON.string)).encoded(), as: UTF8.self)
        try await change { connection in
            // One statement: for 10,000 agents, as many of them take 0.2 s of a core.
            try connection.execute(
                "UPDATE agent SET last_seen = ? WHERE id IN (SELECT value FROM json_each(?))",
                .integer(moment), .text(list))
            for (id, facts) in facts {
                try connection.execute(
                    "UPDATE agent SET facts = ? WHERE id = ?",
                    .text(String(decoding: facts.json.encoded(), as: UTF8.self)), .text(id))
            }
        }
    }

    nonisolated static func insert(_ agent: AgentRecord, _ connection: Connection) throws {
        try connection.execute(
            "INSERT INTO agent (id, name, public_key, tags, purpose, created, last_seen, "
                + "revoked, own_tags) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            .text(agent.id), .text(agent.name), .blob(agent.publicKey), .joined(agent.tags),
            .text(agent.purpose), .integer(agent.created), .optional(agent.lastSeen),
            .optional(agent.revoked), .joined(agent.ownTags))
    }

    nonisolated static func isTaken(_ name: String, _ connection: Connection) throws -> Bool {
        try !connection.rows(
            "SELECT 1 FROM agent WHERE (name = ?1 OR id = ?1) AND revoked IS NULL", .text(name)
        ).isEmpty
    }

    /// The agent with this id, if it is not revoked: a name is not looked at.
    nonisolated static func liveAgent(
        id: String, _ connection: Connection
    ) throws -> AgentRecord {
        let found = try connection.rows(
            "SELECT * FROM agent WHERE id = ? AND revoked IS NULL", .text(id)
        ).first.flatMap(AgentRecord.init)
        guard let found else { throw StoreError.unknownAgent(id, nearest: nil) }
        return found
    }

    nonisolated static func liveAgent(
        _ nameOrID: String, _ connection: Connection
    ) throws -> AgentRecord {
        // A name of 16 letters may look like an id. An agent chooses its name, and nobody its id:
        // an agent that calls itself by another's id must not be taken for that one.
        let found = try connection.rows(
            "SELECT * FROM agent WHERE (name = ?1 OR id = ?1) AND revoked IS NULL "
                + "ORDER BY id = ?1 DESC", .text(nameOrID)
        ).first.flatMap(AgentRecord.init)
        if let found { return found }
        let names = try connection.rows("SELECT name FROM agent WHERE revoked IS NULL")
        throw StoreError.unknownAgent(
            nameOrID, nearest: Nearest.match(nameOrID, in: names.compactMap { $0.text("name") }))
    }

    /// A new id, whose first characters no other agent's id has, not even a revoked one's: by them
    /// the relay tells whose session or command a handle names.
    nonisolated static func newAgentID(_ connection: Connection) throws -> String {
        while true {
            let id = newID()
            let like = id.prefix(Contract.handlePrefix) + "%"
            // What begins so is the relay's own.
            guard !TransferFiles.relay.hasPrefix(id.prefix(Contract.handlePrefix)) else { continue }
            let same = try connection.rows(
                "SELECT 1 FROM agent WHERE id LIKE ? LIMIT 1", .text(String(like)))
            if same.isEmpty { return id }
        }
    }
}
