// The name of an agent that joins. Without a name in the invitation the agent, or its host,
// proposes one; tokens' patterns name agents, so a name may bring calls that were meant for
// another.
// Invariant: an agent never gets, by its own wish, a name that a pattern covers or another had
// before.

import SQLite

extension Store {
    /// The name for a new agent: the invitation's if it has one, then what the agent proposes, then
    /// a neutral one made of the agent's id.
    ///
    /// `number` is where the numbers of an invitation for several agents go on.
    nonisolated static func name(
        given: String?, number: Int? = nil, wish: String, id: String, _ connection: Connection
    ) throws -> String {
        if let given, let number {
            return try AgentName.numbered(given, from: number) { try wasTaken($0, connection) }
        }
        if let given, try !isTaken(given, connection) { return given }
        let patterns = try connection.rows("SELECT pattern FROM token WHERE revoked IS NULL")
            .compactMap { $0.text("pattern").flatMap(AccessPattern.init) }
        func isCovered(_ name: String) -> Bool { patterns.contains { $0.names(agent: name) } }
        let wish = try AgentName.free(given ?? wish) { try wasTaken($0, connection) }
        guard isCovered(wish) else { return wish }
        // A pattern such as `?*` covers these as well: then no name makes a difference.
        let neutral = neutralNames(of: id)
        return try AgentName.free(neutral.first { !isCovered($0) } ?? neutral[0]) {
            try wasTaken($0, connection)
        }
    }

    /// The names that an agent may get in place of the one it proposed.
    private nonisolated static func neutralNames(of id: String) -> [String] {
        ["agent-\(id.prefix(8))", "new-\(id.prefix(8))", id]
    }

    /// Whether an agent got a neutral name, because a pattern covers the one it proposed.
    nonisolated static func isNeutrallyNamed(_ agent: AgentRecord) -> Bool {
        neutralNames(of: agent.id).contains(agent.name)
    }

    /// Whether an agent has this name, or had it when it was revoked, or has it as its id.
    private nonisolated static func wasTaken(
        _ name: String, _ connection: Connection
    ) throws -> Bool {
        try !connection.rows("SELECT 1 FROM agent WHERE name = ?1 OR id = ?1", .text(name)).isEmpty
    }
}
