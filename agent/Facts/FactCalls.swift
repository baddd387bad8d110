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
    /// Serves the call; `load` looks at the parts at each.
    static func serve(
        on dispatcher: Dispatcher, _ membership: Membership, load: @escaping @IO () -> Load
    ) {
        dispatcher.serve(.describe) { _, _ in
            let load = load()
            let links = load.links.map { link -> JSON in
                var link = link
                link.target = "\(membership.name)/\(link.target)"
                return link.json
            }
            return [
                "facts": Machine.facts.json, "sessions": .integer(load.sessions),
                "commands": .integer(load.commands), "links": .array(links),
                "pool": load.pool.json,
            ]
        }
    }
}
