// What an agent's answers claim: an agent is believed about itself alone. Its targets begin with
// its name, its sessions and commands with its id; what does not is dropped and logged.
// Invariant: no answer of one agent is shown as a target, session or command of another.
import JSON
import Loop
import Wire

/// Checks the answers of one agent.
struct Claims: Sendable {
    let agent: AgentRecord
    /// The names under which it may answer, if it was renamed during the call.
    var names: Set<String> = []
    /// What its handles begin with; an agent of an earlier release writes its whole id.
    var handlePrefix: String?
    var log = AgentLog.shared

    /// Throws if a result names another agent's session, command or target.
    @IO func check(_ result: RawJSON) async throws(Fault) {
        switch await Blocking.run(ifLong: result.bytes.count, { verdict(on: result) }) {
        case .own: return
        case .foreign:
            log.note(agent.name, "answered about another agent: the answer was dropped")
            throw Fault(
                .internal,
                "agent \"\(agent.name)\" answered about another agent: its answer was dropped. Tell"
                    + " its operator: the agent may have been taken over.")
        case .unreadable(let why):
            throw Fault(
                .internal,
                "agent \"\(agent.name)\": its answer was dropped: \(why). Ask for less, such as one"
                    + " target or a shorter list; if that does not help, tell the agent's operator."
            )
        }
    }

    /// What a result claims.
    private enum Verdict: Sendable {
        case own
        case foreign
        /// It is not an object, or has more values than any result has.
        case unreadable(String)
    }

    /// The entries of a list that are the agent's own.
    func own(_ entries: [JSON]) -> [JSON] {
        let marks = marks
        let own = entries.filter { entry in
            !marks.contains { name, isOwn in
                entry[name]?.stringValue.map { !isOwn($0) } ?? false
            }
        }
        if own.count < entries.count {
            log.note(
                agent.name,
                "listed \(entries.count - own.count) entries of other agents: they were dropped")
        }
        return own
    }

    /// Whether what has happened is the agent's own; if not, that is logged.
    func isOwn(_ matter: AgentEvent.Matter) -> Bool {
        switch matter {
        case .session(let id, _, _), .command(let id, _, _):
            if isOwn(handle: id) { return true }
            log.note(agent.name, "reported what happened at another agent: it was dropped")
            return false
        case .link, .facts: return true
        }
    }

    /// A description with the links that are the agent's own.
    func ownLinks(in description: JSON.Object) -> JSON.Object {
        guard let links = description["links"]?.arrayValue else { return description }
        var own = description
        own["links"] = .array(self.own(links))
        return own
    }

    /// What a list of the agent lacks, as the agent says it and under its name.
    func leftOut(of result: RawJSON) -> String? {
        let said = (try? result.parsed(limits: .answer))?[Shared.leftOut.name]?.stringValue
        return said.map { "\(agent.name): \($0.shown(atMost: 300))" }
    }

    /// Whether a handle is the agent's own: it begins with the agent's id, or with a beginning of
    /// that which no other agent's id has.
    private func isOwn(handle: String) -> Bool {
        guard let part = Contract.agentPart(of: handle) else { return false }
        let least = handlePrefix ?? String(agent.id.prefix(Contract.handlePrefix))
        return part.count >= least.count && agent.id.hasPrefix(part)
    }

    /// The members that name what belongs to an agent, and whether one is the agent's own.
    private var marks: KeyValuePairs<String, (String) -> Bool> {
        let names = names.union([agent.name]).map { "\($0)/" }
        return [
            "session_id": isOwn(handle:), "command_id": isOwn(handle:),
            "forward_id": isOwn(handle:),
            "target": { target in names.contains(where: target.hasPrefix) },
        ]
    }

    private func verdict(on result: RawJSON) -> Verdict {
        let marks = marks
        let members: [JSONMember]
        do throws(JSONError) {
            members = try JSON.members(of: result.bytes, limits: .answer)
        } catch {
            return .unreadable(error.description)
        }
        let isForeign = members.contains { member in
            guard let (_, isOwn) = marks.first(where: { $0.key == member.name }),
                let text = try? JSON(parsing: Array(result.bytes[member.value])).stringValue
            else { return false }
            return !isOwn(text)
        }
        return isForeign ? .foreign : .own
    }
}

extension JSONLimits {
    /// The most values of an agent's answer.
    ///
    /// A list of 1,000 entries has about 10,000 values. 100,000 values take about 7 MB as a tree,
    /// and some milliseconds to free.
    static let answer = JSONLimits(values: 100_000)
}

extension RawJSON {
    /// The members of an object, none if it is not one or has too many values; a long one is read
    /// beside the loop.
    @IO func parsedBesideLoop() async -> JSON.Object {
        await Blocking.run(ifLong: bytes.count) {
            (try? parsed(limits: .answer))?.objectValue ?? [:]
        }
    }
}

extension JSON {
    /// A value that is made from `bytes` bytes of answers; above `Blocking.long` it is made,
    /// written and freed beside the loop.
    @IO static func made(
        from bytes: Int, _ make: @escaping @Sendable () -> JSON
    ) async -> JSON {
        await Blocking.run(ifLong: bytes) {
            bytes > Blocking.long ? .raw(RawJSON(make())) : make()
        }
    }
}
