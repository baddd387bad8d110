// What `homeline://stats` holds: the tunnels as the relay sees them, and the links and pools as the
// agents tell of them. Invariant: an agent tells of its own links alone.
import JSON
import Loop
import Wire

extension FleetResources {
    /// The tunnels, links and pools of the agents that a principal sees.
    func statistics(for principal: Principal) async -> JSON.Object {
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
        return all
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
