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
    func describe(_ call: ToolCall) async throws(Fault) -> ToolResult {
        let fields = Fields(object: call.arguments)
        let principal = try router.principal(of: call)
        guard
            case .one(let member) = try router.destination(
                Wire.Method.describe.row.tool?.routes ?? [], fields, principal),
            case .object(let object) = member.entry.json
        else { return ToolResult(structured: .null) }
        guard member.connection != nil else { return ToolResult(structured: .object(object)) }
        let answer = try await router.send(AgentCall(.describe, for: principal), to: member)
        // What the agent says of itself never replaces what the relay knows of it.
        let (claims, result, known) = (Claims(agent: member.record), answer.result, object)
        let made = await JSON.made(from: result.bytes.count) {
            var object = known
            let own = claims.ownLinks(in: (try? result.parsed(limits: .answer))?.objectValue ?? [:])
            for name in AgentDescription.names where object[name] == nil {
                object[name] = own[name]
            }
            return .object(object)
        }
        return ToolResult(structured: made, holding: answer)
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
