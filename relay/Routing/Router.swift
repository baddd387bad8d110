// The one door to the agents: may this principal, which agent, within which time; then the bytes
// through. Flow: a tool or a resource → send → Fleet → the agent's line, and back.
// Invariant: nothing else calls an agent that was welcomed; arguments and results pass untouched.
import JSON
import Loop
import MCP
import Wire

/// Routes calls to agents.
@IO final class Router {
    let fleet: Fleet
    private var principals: [String: (own: Principal, shown: MCP.Principal)] = [:]
    /// The number in the last call's name, under which its progress is asked for.
    private var lastName = 0

    init(fleet: Fleet) { self.fleet = fleet }

    // MARK: Who asks

    /// The MCP library's view of a principal; the router remembers the whole of it by its id.
    ///
    /// MCP compares what a tool needs with what a principal holds as texts: each set of scopes that
    /// something needs is one text.
    func introduce(_ principal: Principal) -> MCP.Principal {
        if let known = principals[principal.id], known.own == principal { return known.shown }
        let held = Self.needs.filter(principal.holds).map(Scope.text)
        let shown = MCP.Principal(name: principal.id, scopes: Set(held))
        principals[principal.id] = (principal, shown)
        return shown
    }

    private static let needs = Set(
        Method.allCases.compactMap(\.row.tool?.scopes) + [ListAgents.tool.scopes])

    /// Forgets a principal that lost its rights: calls that still run for it start nothing more.
    func forget(_ id: String) { principals[id] = nil }

    /// Who a call is made for.
    func principal(of call: ToolCall) throws(Fault) -> Principal {
        guard let known = principal(known: call.principal) else {
            throw Fault(.refusedByPolicy, "this token is not known here any more")
        }
        return known
    }

    /// The whole of a principal that was introduced; nil: it was not.
    func principal(known shown: MCP.Principal) -> Principal? {
        shown.name == Principal.local.id ? .local : principals[shown.name]?.own
    }

    // MARK: Sending

    /// Makes a call at an agent and gives its result's bytes; `label` stands before its progress.
    func send(
        _ call: AgentCall, to member: Fleet.Member, label: String? = nil
    ) async throws(Fault) -> RawJSON {
        let row = call.method.row
        try admit(call, row, to: member)
        let deadline = try row.deadline.time(for: call.fields)
        var caller = caller(call.principal, at: member)
        guard let watch = call.progress, row.hasProgress else {
            return try await fleet.call(
                member, call.method, caller: caller, arguments: call.arguments, deadline: deadline)
        }
        lastName += 1
        let name = "p\(lastName)"
        caller.progress = name
        let question = AgentCall(
            .progress, AskProgress(of: name).json.objectValue ?? [:], for: call.principal)
        return try await watch.during(
            label, ask: { () throws(Fault) in try await self.send(question, to: member) }
        ) { () throws(Fault) in
            try await fleet.call(
                member, call.method, caller: caller, arguments: call.arguments, deadline: deadline)
        }
    }

    /// Makes a call at several agents side by side; one that fails gives its fault instead.
    func send(
        _ call: AgentCall, to members: [Fleet.Member]
    ) async -> [(name: String, answer: Result<RawJSON, Fault>)] {
        let calls = members.map { member in
            IO.task { () -> Result<RawJSON, Fault> in
                do throws(Fault) {
                    return .success(try await self.send(call, to: member))
                } catch {
                    return .failure(error)
                }
            }
        }
        var answers: [(name: String, answer: Result<RawJSON, Fault>)] = []
        for (member, call) in zip(members, calls) {
            answers.append((member.record.name, await call.value))
        }
        return answers
    }

    /// Scope and pattern, from the call's row: whoever made the call, they are asked here.
    private func admit(
        _ call: AgentCall, _ row: MethodRow, to member: Fleet.Member
    ) throws(Fault) {
        let principal = call.principal
        if let tool = row.tool, !principal.holds(tool.scopes) {
            throw Fault(
                .refusedByPolicy,
                "this token lacks a scope of: \(Scope.text(tool.scopes)); its operator can allow it"
            )
        }
        guard principal.sees(member.record) else {
            throw unknownAgent(member.record.name, principal)
        }
        for case .target(let argument) in row.tool?.routes ?? [] {
            guard let target = call.fields.object[argument]?.stringValue else { continue }
            guard try self.member(forTarget: target, principal).record.id == member.record.id else {
                throw Fault(.invalidArgument, "\"\(target)\" is a target of another agent")
            }
        }
    }

    /// The principal as an agent sees it.
    ///
    /// Its reach goes with every call: what a handle leads to only the agent knows.
    private func caller(_ principal: Principal, at member: Fleet.Member) -> Caller {
        Caller(
            id: principal.id, label: principal.name, isAdmin: principal.holds([.admin]),
            reach: principal.pattern.reach(agent: member.record.name, tags: member.record.tags))
    }
}

extension Principal {
    /// Whether it may see the agent at all; one it may not is as unknown to it as none.
    func sees(_ record: AgentRecord) -> Bool {
        pattern.allows(agent: record.name, tags: record.tags)
    }
}
