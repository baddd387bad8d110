// The `agent.describe` call: what the machine is and what the agent has in use.
import JSON
import Loop
import Wire

/// What the agent has in use now.
struct Load {
    var sessions: Int
    var commands: Int
    /// The open links; their targets without the agent's name.
    var links: [LinkInfo]
    var pool: PoolInfo
}

@IO enum FactCalls {
    /// Serves the call; `load` is called once for each request.
    static func serve(
        on dispatcher: Dispatcher, _ membership: Membership, load: @escaping @IO () -> Load
    ) {
        dispatcher.serve(.describe) { (_: NoArguments, visit) in
            let load = load()
            var description = AgentDescription(facts: Machine.facts)
            (description.sessions, description.commands) = (load.sessions, load.commands)
            description.pool = load.pool
            description.links = load.links.filter { link in
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
