// The `agent.describe` call: what the machine is and what the agent has in use.
import JSON
import Loop
import Wire

/// What the agent has in use now.
struct Use {
    var sessions: Int
    var commands: Int
    /// The open links; their targets without the agent's name.
    var links: [LinkInfo]
    var pool: PoolInfo
}

@IO enum FactCalls {
    /// Serves the call; `use` is called once for each request.
    static func serve(
        on dispatcher: Dispatcher, _ membership: Membership, _ survey: Survey,
        _ meter: LoadMeter = LoadMeter(),
        use: @escaping @IO () -> Use
    ) {
        dispatcher.serve(.describe) { (call: DescribeAgent, visit) in
            if call.refreshes { await survey.refresh() }
            let load = await meter.load()
            let use = use()
            var description = AgentDescription(facts: survey.facts)
            (description.sessions, description.commands) = (use.sessions, use.commands)
            description.pool = use.pool
            description.load = load
            description.links = use.links.filter { link in
                link.place.map(visit.caller.reaches) == true
            }.map { link in
                var link = link
                link.target = "\(membership.name)/\(link.target)"
                return link
            }
            return description.json
        }
    }
}

extension LinkInfo {
    /// Where it leads: the name, with the user and the port in use.
    fileprivate var place: TargetName? {
        guard let name = try? TargetName(place: target), let colon = host.lastIndex(of: ":") else {
            return nil
        }
        return TargetName(
            host: name.host, user: user, port: UInt16(host[host.index(after: colon)...]))
    }
}
