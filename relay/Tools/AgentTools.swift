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
            let facts = record.facts ?? AgentFacts()
            let words =
                [record.name, record.purpose, facts.hostname, facts.release, facts.architecture]
                + record.tags + facts.capabilities
            return (query.map { q in words.contains { $0.lowercased().contains(q) } } ?? true)
                && wanted.tags.allSatisfy(record.tags.contains)
                && (wanted.capability.map { facts.capabilities.contains($0.lowercased()) } ?? true)
                && (wanted.isOnline.map { $0 == (member.connection != nil) } ?? true)
        }
        return ListAgents.json(members.map { entry(of: $0) })
    }

    /// The agent as lists show it.
    private func entry(of member: Fleet.Member) -> AgentEntry {
        var entry = member.entry
        entry.warning = router.fleet.warning(about: member.record.id)
        return entry
    }

    /// Changes an agent's record, and returns it as it is then.
    func updateAgent(_ call: ToolCall) async throws(Fault) -> JSON {
        let wanted = try UpdateAgent(Fields(object: call.arguments))
        let principal = try router.principal(of: call)
        let changed = try router.member(named: wanted.agent, principal).record
        // Tokens' patterns name agents and tags: a token that is limited to some agents must not
        // bring them under another token's pattern.
        guard principal.pattern == .all || wanted.name == nil && wanted.tags == nil else {
            throw Fault(
                .refusedByPolicy,
                "a token whose pattern is not * changes the purpose alone: nothing was changed")
        }
        try await router.fleet.update(
            changed.id, name: wanted.name, tags: wanted.tags, purpose: wanted.purpose,
            by: "\(principal.name) (\(principal.id))")
        return router.fleet.member(changed.id).map { entry(of: $0).json } ?? .null
    }

    /// One agent: the relay's record, then the agent's own description while it is online.
    func describe(_ call: ToolCall) async throws(Fault) -> ToolResult {
        let fields = Fields(object: call.arguments)
        let principal = try router.principal(of: call)
        guard
            case .one(let member) = try router.destination(
                Wire.Method.describe.row.tool?.routes ?? [], fields, principal),
            case .object(let object) = entry(of: member).json
        else { return ToolResult(structured: .null) }
        guard member.connection != nil else {
            var known = object
            known[AgentDescription.factsName] = member.record.facts?.json
            return ToolResult(structured: .object(known))
        }
        let answer = try await router.send(
            AgentCall(.describe, call.rawArguments, fields, for: principal), to: member)
        // What the agent says of itself never replaces what the relay knows of it.
        let (claims, result, known) = (router.claims(of: member), answer.result, object)
        let made = await JSON.made(from: result.bytes.count) {
            var object = known
            let own = claims.ownLinks(in: (try? result.parsed(limits: .answer))?.objectValue ?? [:])
            for name in AgentDescription.names where object[name] == nil {
                object[name] = own[name]
            }
            return .object(object)
        }
        if let facts = await AgentDescription.facts(in: result) {
            router.fleet.learn(facts, of: member.record.id)
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
        entry.facts = record.facts
        entry.changed = record.changed.map { UTCTime($0).rfc3339 }
        entry.changedBy = record.changedBy
        entry.reconnects = max(0, comings - 1)
        if let connection {
            entry.since = UTCTime(connection.since).rfc3339
            entry.address = connection.address
            entry.roundTripMS = connection.line.roundTrip.map {
                Double($0 / .microseconds(1)) / 1000
            }
        } else {
            entry.lastSeen = record.lastSeen.map { UTCTime($0).rfc3339 }
        }
        return entry
    }
}
