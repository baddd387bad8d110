// Invitations: made by an admin, redeemed by agents with their own keys, each once, by as many as
// the invitation allows. Invariant: redeeming and recording the agent are one transaction, so no
// more agents join by an invitation than it allows.

import Crypto
import SQLite
import Wire

extension InvitationRecord {
    fileprivate init?(_ row: Row) {
        guard let id = row.text("id"), let expires = row.integer("expires") else { return nil }
        self.init(
            id: id, name: row.text("name"), tags: row.words("tags"),
            purpose: row.text("purpose") ?? "", expires: expires,
            uses: Int(row.integer("uses") ?? 1), used: Int(row.integer("used") ?? 0),
            madeBy: row.text("made_by") ?? "", rejoins: row.text("rejoins"))
    }
}

extension Store {
    /// The most agents that one invitation lets in: as many as there may be open invitations.
    nonisolated static let useLimit = 10_000

    /// The invitations by which an agent can still join at a moment, the first to expire first.
    nonisolated static func openInvitations(
        at moment: Int64, _ connection: Connection
    ) throws -> [InvitationRecord] {
        try connection.rows(
            "SELECT invitation.*, count(agent) AS used FROM invitation "
                + "LEFT JOIN redemption ON invitation = id "
                + "WHERE expires >= ? AND cancelled IS NULL "
                + "GROUP BY id HAVING used < uses ORDER BY expires, id", .integer(moment)
        ).compactMap(InvitationRecord.init)
    }

    /// The invitations by which an agent can still join, the first to expire first.
    func invitations() async throws(StoreError) -> [InvitationRecord] {
        let moment = now()
        return try await run { connection in try Self.openInvitations(at: moment, connection) }
    }

    /// Ends an invitation: no further agent joins by it; those that have joined stay.
    func cancelInvitation(_ id: String) async throws(StoreError) -> InvitationRecord {
        let moment = now()
        return try await change { connection in
            let open = try Self.openInvitations(at: moment, connection)
            guard let found = open.first(where: { $0.id == id }) else {
                throw StoreError.unknownInvitation(id)
            }
            try connection.execute(
                "UPDATE invitation SET cancelled = ? WHERE id = ?", .integer(moment), .text(id))
            return found
        }
    }

    /// The most open invitations: more than any rollout needs at once.
    nonisolated static let openInvitationLimit = 10_000

    /// Makes an invitation; its secret is returned here and never again.
    ///
    /// With `rejoining`, the name or id of an agent, it is for the machine of that agent, which has
    /// lost its key.
    func createInvitation(
        name: String? = nil, tags: [String] = [], purpose: String = "", uses: Int = 1,
        rejoining: String? = nil, madeBy: String = "", lifetime: Duration
    ) async throws(StoreError) -> (invitation: InvitationRecord, secret: [UInt8]) {
        if let name, !Contract.isAgentName(name) { throw .nameInvalid(name) }
        guard (1...Self.useLimit).contains(uses) else { throw .usesInvalid }
        if rejoining != nil, name != nil || !tags.isEmpty || !purpose.isEmpty || uses != 1 {
            throw .rejoinChanges
        }
        let created = now()
        var invitation = InvitationRecord(
            id: Self.newID(), name: name, tags: try AgentName.checked(tags: tags),
            purpose: try AgentName.checked(purpose: purpose),
            expires: created + lifetime.components.seconds, uses: uses, madeBy: madeBy)
        let secret = Random.bytes(16)
        let rejoins: String? =
            if let rejoining { try await run { try Self.liveAgent(rejoining, $0).id } } else { nil }
        invitation.rejoins = rejoins
        try await change { [invitation] connection in
            // Used and expired ones are kept for a week, so that a late agent gets an exact answer.
            try connection.execute(
                "DELETE FROM invitation WHERE expires < ?", .integer(created - 604_800))
            try connection.execute(
                "DELETE FROM redemption WHERE invitation NOT IN (SELECT id FROM invitation)")
            guard try Self.openInvitations(at: created, connection).count < Self.openInvitationLimit
            else {
                throw StoreError.tooManyInvitations(limit: Self.openInvitationLimit)
            }
            if let name, uses == 1, try Self.isTaken(name, connection) {
                throw StoreError.nameTaken(name)
            }
            try connection.execute(
                "INSERT INTO invitation (id, secret_hash, name, tags, purpose, created, expires, "
                    + "uses, made_by, rejoins) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                .text(invitation.id), .blob(SHA256.hash(secret)), .optional(name),
                .joined(invitation.tags), .text(invitation.purpose), .integer(created),
                .integer(invitation.expires), .integer(Int64(uses)), .text(madeBy),
                .optional(rejoins))
        }
        return (invitation, secret)
    }

    /// Turns an invitation into an agent.
    ///
    /// The invitation's name comes first, then `name`, which the agent asks for, then `host`,
    /// unless a token's pattern covers these; a name that an agent has or had gets a number, and so
    /// does the name of an invitation for several agents. A
    /// repeated call with the same key returns the same record, so a lost answer costs nothing.
    func redeem(
        secret: [UInt8], publicKey: [UInt8], name: String? = nil, host: String = "",
        tags: [String] = []
    ) async throws(StoreError) -> AgentRecord {
        if let name, !Contract.isAgentName(name) { throw .nameInvalid(name) }
        let ownTags = try AgentName.checked(tags: tags)
        guard publicKey.count == 32 else { throw .keyInvalid }
        let moment = now()
        let hash = SHA256.hash(secret)
        return try await change { connection in
            guard
                let row = try connection.rows(
                    "SELECT * FROM invitation WHERE secret_hash = ?", .blob(hash)
                ).first, ConstantTime.equal(row.blob("secret_hash") ?? [], hash)
            else { throw StoreError.invitationUnknown }
            let known = try connection.rows(
                "SELECT * FROM agent WHERE (public_key = ?1 OR former_key = ?1) "
                    + "AND revoked IS NULL", .blob(publicKey)
            ).first.flatMap(AgentRecord.init)
            let joined = "FROM redemption WHERE invitation = ?"
            if let known,
                try connection.rows(
                    "SELECT agent \(joined) AND agent = ?", .optional(row.text("id")),
                    .text(known.id)
                ).first != nil
            {
                return known
            }
            let uses = Int(row.integer("uses") ?? 1)
            // Counted, not read: an invitation may be for thousands.
            let used = Int(
                try connection.rows("SELECT COUNT(*) AS used \(joined)", .optional(row.text("id")))
                    .first?.integer("used") ?? 0)
            guard used < uses else { throw StoreError.invitationUsed }
            guard row.integer("cancelled") == nil else { throw StoreError.invitationCancelled }
            guard row.integer("expires") ?? 0 >= moment else { throw StoreError.invitationExpired }

            let agent: AgentRecord
            if let id = row.text("rejoins") {
                guard known == nil || known?.id == id else { throw StoreError.keyInUse }
                agent = try Self.rekey(id, publicKey, at: moment, connection)
            } else if let known {
                agent = known
            } else {
                let id = try Self.newAgentID(connection)
                agent = AgentRecord(
                    id: id,
                    name: try Self.name(
                        given: row.text("name"), number: uses > 1 ? used + 1 : nil,
                        wish: AgentName.wish(name, host: host), id: id,
                        connection),
                    publicKey: publicKey, keyMade: moment,
                    tags: row.words("tags"), ownTags: ownTags,
                    purpose: row.text("purpose") ?? "", created: moment)
                try Self.insert(agent, connection)
            }
            try connection.execute(
                "INSERT INTO redemption VALUES (?, ?, ?)",
                .optional(row.text("id")), .text(agent.id), .integer(moment))
            return agent
        }
    }
}
