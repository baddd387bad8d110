// Invitations: made by an admin, redeemed once by an agent with its own key. Invariant: redeeming
// and recording the agent are one transaction, so two agents cannot share an invitation.

import Crypto
import SQLite
import Wire

extension Store {
    /// The most open invitations: more than any rollout needs at once.
    nonisolated static let openInvitationLimit = 10_000

    /// Makes an invitation; its secret is returned here and never again.
    func createInvitation(
        name: String? = nil, tags: [String] = [], purpose: String = "", lifetime: Duration
    ) async throws(StoreError) -> (invitation: InvitationRecord, secret: [UInt8]) {
        if let name, !Contract.isAgentName(name) { throw .nameInvalid(name) }
        let created = now()
        let invitation = InvitationRecord(
            id: Self.newID(), name: name, tags: try AgentName.checked(tags: tags),
            purpose: try AgentName.checked(purpose: purpose),
            expires: created + lifetime.components.seconds)
        let secret = Random.bytes(16)
        try await change { connection in
            // Used and expired ones are kept for a week, so that a late agent gets an exact answer.
            try connection.execute(
                "DELETE FROM invitation WHERE expires < ?", .integer(created - 604_800))
            let open = try connection.rows(
                "SELECT count(*) AS n FROM invitation WHERE used IS NULL AND expires >= ?",
                .integer(created)
            ).first?.integer("n")
            guard open ?? 0 < Self.openInvitationLimit else {
                throw StoreError.tooManyInvitations(limit: Self.openInvitationLimit)
            }
            if let name, try Self.isTaken(name, connection) { throw StoreError.nameTaken(name) }
            try connection.execute(
                "INSERT INTO invitation VALUES (?, ?, ?, ?, ?, ?, ?, NULL, NULL)",
                .text(invitation.id), .blob(SHA256.hash(secret)), .optional(name),
                .joined(invitation.tags), .text(invitation.purpose), .integer(created),
                .integer(invitation.expires))
        }
        return (invitation, secret)
    }

    /// Turns an invitation into an agent.
    ///
    /// The invitation's name comes first, then `name`, which the agent asks for, then `host`,
    /// unless a token's pattern covers these; a name that an agent has or had gets a number. A
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
                "SELECT * FROM agent WHERE public_key = ? AND revoked IS NULL", .blob(publicKey)
            ).first.flatMap(AgentRecord.init)
            if let user = row.text("used_by") {
                guard let known, known.id == user else { throw StoreError.invitationUsed }
                return known
            }
            guard row.integer("expires") ?? 0 >= moment else { throw StoreError.invitationExpired }

            let agent: AgentRecord
            if let known {
                agent = known
            } else {
                let id = Self.newID()
                agent = AgentRecord(
                    id: id,
                    name: try Self.name(
                        given: row.text("name"), wish: AgentName.wish(name, host: host), id: id,
                        connection),
                    publicKey: publicKey,
                    tags: row.words("tags"), ownTags: ownTags,
                    purpose: row.text("purpose") ?? "", created: moment)
                try Self.insert(agent, connection)
            }
            try connection.execute(
                "UPDATE invitation SET used = ?, used_by = ? WHERE id = ?",
                .integer(moment), .text(agent.id), .optional(row.text("id")))
            return agent
        }
    }
}
