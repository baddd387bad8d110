// The resources that MCP clients can read: who may see which, and what each holds.
// Where in the flow: beside the tools; agents answer through the same calls.
// Invariant: a principal reads only about its own agents and targets.
import JSON
import Loop
import MCP
import Wire

/// What MCP clients can read.
@IO struct FleetResources {
    let router: Router

    /// All resources.
    var all: Resources {
        Resources(
            list: { caller in
                Self.shown.filter { caller.holds($0.scope) }.map(\.resource)
            },
            read: { (call) throws(Interruption) in
                do throws(MCPError) {
                    return try await read(call.uri, for: call.principal)
                } catch {
                    throw .failed(error)
                }
            })
    }

    private func read(
        _ uri: String, for caller: MCP.Principal
    ) async throws(MCPError) -> Resources.Reading {
        guard let scope = Self.shown.first(where: { $0.resource.uri == uri })?.scope else {
            throw .resourceNotFound(uri: uri)
        }
        guard caller.holds(scope) else { throw .insufficientScope(scope) }
        let text = try await statistics(for: caller).description
        return Resources.Reading([
            ResourceContents(uri: uri, mimeType: "application/json", body: .text(text))
        ])
    }

    /// The resources and the scope each needs: that of the call it makes.
    private static let shown: [(resource: Resource, scope: String)] = [
        (
            Resource(
                uri: "homeline://stats", name: "stats", title: "Connections",
                description:
                    "The tunnels of the agents that are online, their SSH links and pools: "
                    + "ages, bytes, round trips, errors.",
                mimeType: "application/json"),
            Scope.text(Method.describe.row.tool?.scopes ?? [.admin])
        )
    ]

    /// What `homeline://stats` holds.
    private func statistics(for caller: MCP.Principal) async throws(MCPError) -> JSON {
        guard let principal = router.principal(known: caller) else { throw .internalError }
        let members = router.visible(to: principal).filter { $0.connection != nil }
        // The agents are asked and pinged concurrently; a ping is waited for at most 5 s, so that
        // one silent tunnel does not hold up the answer.
        let pings = members.map { member in
            IO.task { await IO.within(.seconds(5)) { await member.connection?.line.ping() } }
        }
        let answers = await router.send(AgentCall(.describe, for: principal), to: members)
        var agents: [JSON] = []
        var unanswered: [JSON] = []
        for ((member, ping), (_, answer)) in zip(zip(members, pings), answers) {
            _ = await ping.value
            let name = member.record.name
            var object: JSON.Object = ["agent": .string(name), "id": .string(member.record.id)]
            if let connection = member.connection { object["tunnel"] = connection.statistics }
            switch answer {
            case .success(let answer):
                let own = router.claims(of: member)
                    .ownLinks(in: await answer.result.parsedBesideLoop())
                object["pool"] = own["pool"]
                object["links"] = own["links"]
            case .failure(let fault): unanswered.append(.string("\(name): \(fault)"))
            }
            agents.append(.object(object))
        }
        var all: JSON.Object = ["agents": .array(agents)]
        if !unanswered.isEmpty { all["unanswered"] = .array(unanswered) }
        return .object(all)
    }
}

extension AgentConnection {
    /// The line's figures, from the relay's side.
    fileprivate var statistics: JSON {
        var object: JSON.Object = [
            "since": .string(UTCTime(since).rfc3339), "peer": .string(line.peer),
        ]
        if let trip = line.roundTrip {
            object["rtt_ms"] = .double(Double(trip / .microseconds(1)) / 1000)
        }
        object["bytes_in"] = .integer(line.bytesReceived)
        object["bytes_out"] = .integer(line.bytesSent)
        object["calls"] = .integer(line.openStreams)
        return .object(object)
    }
}
