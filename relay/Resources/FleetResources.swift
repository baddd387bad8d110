// The resources that MCP clients can read: who may see which, and what each holds.
// Where in the flow: beside the tools; the answers come from agents by the same calls.
// Invariant: a principal reads of its own agents and targets alone.
import JSON
import Loop
import MCP
import Tunnel
import Wire

extension Router {
    /// All resources.
    func resources() -> Resources {
        Resources(
            list: { caller in Self.listed.filter { caller.holds(Self.scope(of: $0.uri)) } },
            read: { (uri, caller) throws(MCPError) in
                guard Self.listed.contains(where: { $0.uri == uri }) else {
                    throw .resourceNotFound(uri: uri)
                }
                let scope = Self.scope(of: uri)
                guard caller.holds(scope) else { throw .insufficientScope(scope) }
                let text = try await self.statistics(for: caller).description
                return Resources.Reading([
                    ResourceContents(uri: uri, mimeType: "application/json", body: .text(text))
                ])
            })
    }

    private static let listed = [
        Resource(
            uri: "homeline://stats", name: "stats", title: "Connections",
            description: "The tunnels of the agents that are online, their SSH links and pools: "
                + "ages, bytes, round trips, errors.",
            mimeType: "application/json")
    ]

    private static func scope(of uri: String) -> String {
        Scope.needed(forResource: uri).first?.rawValue ?? Scope.admin.rawValue
    }

    /// What `homeline://stats` holds.
    private func statistics(for caller: MCP.Principal) async throws(MCPError) -> JSON {
        guard let principal = principal(known: caller) else { throw .internalError }
        let members = visible(to: principal).filter { $0.connection != nil }
        // The agents are asked and pinged side by side.
        let pings = members.map { member in
            IO.task { await IO.within(.seconds(5)) { await member.connection?.tunnel.ping() } }
        }
        let answers = await ask(
            members, .describe, principal, arguments: RawJSON([:]),
            deadline: .seconds(10))
        var agents: [JSON] = []
        var unanswered: [JSON] = []
        for ((member, ping), (name, answer)) in zip(zip(members, pings), answers) {
            _ = await ping.value
            var object: JSON.Object = ["agent": .string(name), "id": .string(member.record.id)]
            if let connection = member.connection { object["tunnel"] = connection.statistics }
            switch answer {
            case .success(let raw):
                let told = (try? raw.parsed())?.objectValue ?? [:]
                object["pool"] = told["pool"]
                object["links"] = links(told["links"], principal)
            case .failure(let fault): unanswered.append(.string("\(name): \(fault)"))
            }
            agents.append(.object(object))
        }
        var all: JSON.Object = ["agents": .array(agents)]
        if !unanswered.isEmpty { all["unanswered"] = .array(unanswered) }
        return .object(all)
    }

    /// The links of an agent to the targets that a principal may use.
    func links(_ told: JSON?, _ principal: Principal) -> JSON {
        let links = told?.arrayValue ?? []
        return .array(
            links.filter { link in
                guard let target = link["target"]?.stringValue else { return true }
                return (try? member(forTarget: target, principal)) != nil
            })
    }
}

extension AgentConnection {
    /// The tunnel's figures, from the relay's side.
    fileprivate var statistics: JSON {
        var object: JSON.Object = [
            "since": .string(UTCTime(since).rfc3339), "peer": .string(tunnel.peer),
        ]
        if let trip = tunnel.roundTrip {
            object["rtt_ms"] = .double(Double(trip / .microseconds(1)) / 1000)
        }
        object["bytes_in"] = .integer(tunnel.bytesReceived)
        object["bytes_out"] = .integer(tunnel.bytesSent)
        object["calls"] = .integer(tunnel.openStreams)
        return .object(object)
    }
}
