// How agents are found: by their names, and by what the ids of their sessions and commands begin
// with, which is the shortest beginning of the agent's id, of at least four characters, that no
// other agent's id has. Fleet keeps it.
// Invariant: what it finds for a beginning is the only agent that has it.
import Wire

/// The names and the beginnings of ids of agents.
struct AgentIndex: Sendable {
    /// The ids, by the agents' names.
    var names: [String: String] = [:]
    /// The ids, by their first characters.
    private var ids: [Substring: Set<String>] = [:]

    private static func key(_ id: String) -> Substring { id.prefix(Contract.handlePrefix) }

    /// Takes in an agent's id.
    mutating func add(_ id: String) { ids[Self.key(id), default: []].insert(id) }

    /// Forgets an agent's id.
    mutating func remove(_ id: String) {
        ids[Self.key(id)]?.remove(id)
        if ids[Self.key(id)]?.isEmpty == true { ids[Self.key(id)] = nil }
    }

    /// What this agent's handles begin with.
    ///
    /// The relay gives no two agents ids with the same four first characters; where ids of earlier
    /// releases have them, more are needed.
    func prefix(of id: String) -> String {
        let others = (ids[Self.key(id)] ?? []).subtracting([id])
        var prefix = Self.key(id)
        while prefix.count < id.count, others.contains(where: { $0.hasPrefix(prefix) }) {
            prefix = id.prefix(prefix.count + 1)
        }
        return String(prefix)
    }

    /// The id that begins so; nil if none or several do, or if it is too short a beginning.
    func id(beginningWith part: String) -> String? {
        guard let near = ids[Self.key(part)] else { return nil }
        if near.contains(part) { return part }
        guard part.count >= Contract.handlePrefix else { return nil }
        let found = near.filter { $0.hasPrefix(part) }
        return found.count == 1 ? found.first : nil
    }
}
