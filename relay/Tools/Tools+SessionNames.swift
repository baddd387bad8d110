// A session's name in the place of its id. Flow: a tool's arguments → the sessions that the agents
// list for the caller → the same arguments with the id. Invariant: only a session of the caller's
// own is found, and never one of two.
import JSON
import Loop
import MCP
import Wire

extension Tools {
    /// The call with ids where its arguments have sessions' names.
    func withSessionIDs(_ call: ToolCall) async throws(Fault) -> ToolCall {
        var arguments: JSON.Object?
        for argument in Shared.sessionArguments {
            guard let text = call.arguments[argument]?.stringValue, !text.isEmpty else { continue }
            let principal = try router.principal(of: call)
            guard !router.isHandle(text, principal) else { continue }
            let isForEnded = argument == Shared.reopen
            let id = try await session(named: text, for: call, isEnded: isForEnded)
            if arguments == nil { arguments = call.arguments }
            arguments?[argument] = .string(id)
        }
        return arguments.map(call.with) ?? call
    }

    /// The id of the caller's session of this name; of one that `isEnded` where a new shell is to
    /// take its place.
    private func session(
        named name: String, for call: ToolCall, isEnded: Bool
    ) async throws(Fault) -> String {
        let principal = try router.principal(of: call)
        try router.checkPresence(ofSession: name, principal)
        let members = router.visible(to: principal).filter { $0.connection != nil }
        let question = AgentCall(.listSessions, [:], for: principal)
        var found: [(id: String, isEnded: Bool)] = []
        var silent: String?
        for (member, answer) in await router.send(question, to: members) {
            guard case .success(let answer) = answer else {
                silent = member.record.name
                continue
            }
            let listed = await answer.result.parsedBesideLoop()
            for entry in router.claims(of: member).own(ListSessions.entries(of: listed)) {
                // Others give their sessions names, too, and an admin sees these sessions.
                guard let session = SessionInfo.named(entry), session.isOwn, session.name == name
                else { continue }
                found.append((session.id, session.isEnded))
            }
        }
        if let silent {
            throw Fault(
                .unavailable,
                "agent \"\(silent)\" does not answer, and may have a session with the name"
                    + " \"\(name.prefix(80))\": give the session's id")
        }
        // A session that has ended keeps its name for a while, beside the one that followed it.
        let likely = found.filter { $0.isEnded == isEnded }
        if !likely.isEmpty { found = likely }
        guard let first = found.first else { throw .noSession(name) }
        guard found.count == 1 else {
            let ids = found.prefix(10).map(\.id).joined(separator: ", ")
            throw Fault(
                .invalidArgument,
                "\(found.count) sessions have the name \"\(name.prefix(80))\": say which by its id:"
                    + " \(ids)")
        }
        router.note(first.id, named: name, of: principal)
        return first.id
    }
}
