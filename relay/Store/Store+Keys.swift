// The keys of agents over time. Invariant: a key that the relay has given up never counts again;
// the one before the newest counts until the agent has shown that it uses the newest.
import Crypto
import SQLite

extension AgentRecord {
    /// Whether the agent may come with this key.
    func knows(_ key: [UInt8]) -> Bool {
        ConstantTime.equal(publicKey, key) || formerKey.map { ConstantTime.equal($0, key) } ?? false
    }
}

extension Store {
    /// Stores an agent's next key; `present`, the one that its connection has shown, still counts.
    ///
    /// Until the agent has shown that it uses the next key, it can offer no other: it may have put
    /// that one on its disk already.
    func offer(
        _ key: [UInt8], of id: String, present: [UInt8]
    ) async throws(StoreError) -> AgentRecord {
        guard key.count == 32 else { throw .keyInvalid }
        let moment = now()
        return try await change { connection in
            let agent = try Self.liveAgent(id: id, connection)
            guard agent.knows(present), key != present,
                agent.formerKey == nil || agent.publicKey == key
            else { throw StoreError.keyOutOfDate }
            // The key of another agent would let either pass as the other.
            guard
                try connection.rows(
                    "SELECT 1 FROM agent WHERE (public_key = ?1 OR former_key = ?1) AND id != ?2 "
                        + "AND revoked IS NULL", .blob(key), .text(agent.id)
                ).isEmpty
            else { throw StoreError.keyInUse }
            try connection.execute(
                "UPDATE agent SET public_key = ?, former_key = ?, key_made = ? WHERE id = ?",
                .blob(key), .blob(present), .integer(moment), .text(agent.id))
            return try Self.liveAgent(id: agent.id, connection)
        }
    }

    /// Gives up the key before the newest, if `key`, which the agent uses, is the newest.
    func settle(_ key: [UInt8], of id: String) async throws(StoreError) -> AgentRecord {
        try await change { connection in
            try connection.execute(
                "UPDATE agent SET former_key = NULL WHERE id = ? AND public_key = ?",
                .text(id), .blob(key))
            return try Self.liveAgent(id: id, connection)
        }
    }

    /// Asks for another key of an agent as soon as it is connected.
    func expireKey(_ nameOrID: String) async throws(StoreError) -> AgentRecord {
        try await change { connection in
            let agent = try Self.liveAgent(nameOrID, connection)
            try connection.execute(
                "UPDATE agent SET key_made = 0 WHERE id = ?", .text(agent.id))
            return try Self.liveAgent(id: agent.id, connection)
        }
    }

    /// Gives an agent the key of the machine that joins in its place; no earlier key counts.
    nonisolated static func rekey(
        _ id: String, _ key: [UInt8], at moment: Int64, _ connection: Connection
    ) throws -> AgentRecord {
        let agent = try liveAgent(id: id, connection)
        try connection.execute(
            "UPDATE agent SET public_key = ?, former_key = NULL, key_made = ? WHERE id = ?",
            .blob(key), .integer(moment), .text(agent.id))
        return try liveAgent(id: id, connection)
    }
}
