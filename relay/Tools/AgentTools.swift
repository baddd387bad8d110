// agent_list and agent_describe: what the relay knows about its agents, and what an agent reports
// about itself.
import JSON
import Loop
import MCP
import Wire

extension Tools {
    /// The agents that match, as the relay knows them.
    func listAgents(_ call: ToolCall) throws(Fault) -> JSON {
        let wanted = try ListAgents(Fields(object: call.arguments))
        let query = wanted.query?.lowercased()
        let members = router.visible(to: try router.principal(of: call)).filter { member in
            let record = member.record
            let words = [record.name, record.purpose] + record.tags
            return (query.map { q in words.contains { $0.lowercased().contains(q) } } ?? true)
                && wanted.tags.allSatisfy(record.tags.contains)
                && (wanted.isOnline.map { $0 == (member.connection != nil) } ?? true)
        }
        return ListAgents.json(members.map(\.entry))
    }

    /// One agent: the relay's record, then the agent's own description while it is online.
    func describe(_ call: ToolCall) async throws(Fault) -> JSON {
        let fields = Fields(object: call.arguments)
        let principal = try router.principal(of: call)
        guard
            case .one(let member) = try router.destination(
                Wire.Method.describe.row.tool?.routes ?? [], fields, principal),
            case .object(var object) = member.entry.json
        else { return .null }
        guard member.connection != nil else { return .object(object) }
        let answer = try await router.send(AgentCall(.describe, for: principal), to: member)
        // What the agent says of itself never replaces what the relay knows of it.
        let own = Claims(agent: member.record).ownLinks(in: await answer.parsedBesideLoop())
        for name in AgentDescription.names where object[name] == nil { object[name] = own[name] }
        return .object(object)
    }
}

extension Fleet.Member {
    /// The agent as lists show it.
    @IO fileprivate var entry: AgentEntry {
        var entry = AgentEntry(
            agent: record.name, id: record.id, isOnline: connection != nil,
            purpose: record.purpose, tags: record.tags)
        entry.ownTags = record.ownTags
        if let connection {
            entry.version = connection.facts.version
            entry.hostname = connection.facts.hostname
            entry.since = UTCTime(connection.since).rfc3339
            entry.roundTripMS = connection.line.roundTrip.map {
                Double($0 / .microseconds(1)) / 1000
            }
        } else {
            entry.lastSeen = record.lastSeen.map { UTCTime($0).rfc3339 }
        }
        return entry
    }
}
