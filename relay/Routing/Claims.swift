// What an agent's answers claim: an agent is believed about itself alone. Its targets begin with its
// name, its sessions and commands with its id; what does not is dropped and logged.
// Invariant: no answer of one agent is shown as a target, session or command of another.
import JSON
import Loop
import Wire

/// Checks the answers of one agent.
@IO struct Claims {
    let agent: AgentRecord

    /// Throws if a result names another agent's session, command or target.
    func check(_ result: RawJSON) async throws(Fault) {
        let (id, name) = (agent.id, agent.name)
        let isForeign =
            result.bytes.count > Fleet.readBesideLoop
            ? await Blocking.run { Self.isForeign(result, id, name) }
            : Self.isForeign(result, id, name)
        guard isForeign else { return }
        Process.log("agent \(agent.name) answered about another agent: the answer was dropped")
        throw Fault(
            .internal,
            "agent \"\(agent.name)\" answered about another agent: its answer was dropped. Tell its"
                + " operator: the agent may have been taken over.")
    }

    /// The entries of a list that are the agent's own.
    func own(_ entries: [JSON]) -> [JSON] {
        let own = entries.filter { entry in
            !Self.handles.contains { name, isHandle in
                guard let text = entry[name]?.stringValue else { return false }
                return !Self.isOwn(text, isHandle: isHandle, agent.id, agent.name)
            }
        }
        if own.count < entries.count {
            Process.log(
                "agent \(agent.name) listed \(entries.count - own.count) entries of other agents:"
                    + " they were dropped")
        }
        return own
    }

    /// A description with the links that are the agent's own.
    func ownLinks(in description: JSON.Object) -> JSON.Object {
        guard let links = description["links"]?.arrayValue else { return description }
        var own = description
        own["links"] = .array(self.own(links))
        return own
    }

    /// The members that name what belongs to an agent, and whether they are ids.
    private nonisolated static let handles: KeyValuePairs = [
        "session_id": true, "command_id": true, "target": false,
    ]

    private nonisolated static func isOwn(
        _ text: String, isHandle: Bool, _ id: String, _ name: String
    ) -> Bool { text.hasPrefix(isHandle ? "\(id)." : "\(name)/") }

    private nonisolated static func isForeign(
        _ result: RawJSON, _ id: String, _ name: String
    ) -> Bool {
        let members = (try? JSON.members(of: result.bytes)) ?? []
        return members.contains { member in
            guard let handle = handles.first(where: { $0.key == member.name }),
                let text = try? JSON(parsing: Array(result.bytes[member.value])).stringValue
            else { return false }
            return !isOwn(text, isHandle: handle.value, id, name)
        }
    }
}

extension RawJSON {
    /// The members of an object, none if it is not one; a long one is read beside the loop.
    @IO func parsedBesideLoop() async -> JSON.Object {
        let json =
            bytes.count > Fleet.readBesideLoop
            ? await Blocking.run { try? parsed() } : try? parsed()
        return json?.objectValue ?? [:]
    }
}
