// The only way to call agents: it decides whether a principal may call an agent and for how long,
// then passes the bytes. Flow: a tool or a resource → send → Fleet → the agent's line, and back.
// Invariant: nothing else calls an agent that was welcomed; arguments and results are passed on
// unchanged.
import Crypto
import JSON
import Loop
import MCP
import Tunnel
import Wire

/// Routes calls to agents.
@IO final class Router {
    let fleet: Fleet
    /// What happens at the agents.
    let events: EventWatch
    /// The raw streams that are open at agents.
    let streams: AgentStreams
    /// Asks persons what agents ask.
    let approvals: Approvals
    /// What callers have used and changed last.
    private(set) var uses = Uses()
    /// Called for what happens at agents beside new facts, where somebody listens for it.
    var onEvent: (@IO (_ id: String, AgentEvent.Matter) -> Void)?
    private var principals: [String: (own: Principal, shown: MCP.Principal)] = [:]
    /// The number in the name of the last call whose progress was asked for.
    private var lastName = 0

    init(fleet: Fleet, approvals: Approvals = Approvals()) {
        self.fleet = fleet
        self.approvals = approvals
        events = EventWatch(fleet: fleet)
        streams = AgentStreams(fleet: fleet)
    }

    // MARK: Callers

    /// The MCP library's view of a principal; the router keeps the full principal under the id of
    /// its grant.
    ///
    /// MCP compares scopes as single strings, so each set of scopes that a tool needs becomes one
    /// string.
    func introduce(_ principal: Principal) -> MCP.Principal {
        if let known = principals[principal.grant], known.own == principal { return known.shown }
        let held = Self.needs.filter(principal.holds).map(Scope.text)
        let shown = MCP.Principal(name: principal.grant, scopes: Set(held))
        principals[principal.grant] = (principal, shown)
        return shown
    }

    private static let needs = Set(ToolRow.all.map(\.scopes))

    /// Forgets the rights of a token, a grant or a person; calls that run with them can start no
    /// further calls, and their streams end.
    func forget(_ id: String) {
        let lost = principals.values.map(\.own).filter { $0.hangs(on: id) }
        for principal in lost { principals[principal.grant] = nil }
        streams.end(of: id)
        // What a person has used, and was asked, stays as long as one of the person's grants does.
        let left = Set(principals.values.map(\.own.id))
        for owner in Set(lost.map(\.id) + [id]).subtracting(left) {
            uses.forget(owner)
            approvals.forget(owner)
        }
    }

    /// Whether a principal has the rights that it was introduced with.
    func isCurrent(_ principal: Principal) -> Bool {
        principal.id == Principal.local.id || principals[principal.grant]?.own == principal
    }

    /// Throws if a principal lacks the scopes for a call.
    func checkScopes(of row: MethodRow, _ principal: Principal) throws(Fault) {
        guard let tool = row.rules, !principal.holds(tool.scopes) else { return }
        throw Fault(
            .refusedByPolicy,
            "this token needs the scope \(Scope.text(tool.scopes)); its operator can allow it")
    }

    /// Who a call is made for.
    func principal(of call: ToolCall) throws(Fault) -> Principal {
        guard let known = principal(known: call.principal) else {
            throw Fault(
                .refusedByPolicy,
                "this token was revoked or changed during the call: send the call again")
        }
        return known
    }

    /// The full principal that was introduced; nil if it was not.
    func principal(known shown: MCP.Principal) -> Principal? {
        shown.name == Principal.local.id ? .local : principals[shown.name]?.own
    }

    /// Notes which session a principal means by a name.
    func note(_ id: String, named name: String, of principal: Principal) {
        uses.note(id, named: name, of: principal.id)
    }

    // MARK: Sending

    /// Bytes of a call's random key: no two calls of a principal ever have the same.
    private static let keyBytes = 12

    /// Makes a call at an agent and returns its result's bytes; `label` is the prefix of its
    /// progress.
    func send(
        _ call: AgentCall, to member: Fleet.Member, label: String? = nil
    ) async throws(Fault) -> AgentAnswer {
        let row = call.method.row
        try admit(call, row, to: member)
        // Also where it fails: what it has done then is not known.
        defer {
            if row.tool?.hints.readOnly == false { uses.noteChange(by: call.principal.id) }
        }
        CrashPoint.reach("relay.admitted")
        return try await asking(call, to: member) { (grants) throws(Fault) in
            try await self.make(call, row, at: member, label, grants)
        }
    }

    /// Makes a call with what persons have granted for it; nil: none can be asked.
    private func make(
        _ call: AgentCall, _ row: MethodRow, at member: Fleet.Member, _ label: String?,
        _ grants: [Grant]?
    ) async throws(Fault) -> AgentAnswer {
        let deadline = try row.deadline.time(for: call.fields)
        var caller = caller(call.principal, at: member)
        let key = row.runsOnce ? call.key ?? Base64.encodeURL(Random.bytes(Self.keyBytes)) : nil
        guard let watch = call.progress, row.hasProgress else {
            let answer = try await fleet.call(
                member, call.method, caller: caller, key: key, isClients: call.key != nil,
                approved: grants, arguments: call.arguments, deadline: deadline)
            try await claims(of: member).check(answer.result)
            return answer
        }
        lastName += 1
        let name = "p\(lastName)"
        caller.progress = name
        let question = AgentCall(
            .progress, AskProgress(of: name).json.objectValue ?? [:], for: call.principal)
        let answer = try await watch.during(
            label, ask: { () throws(Fault) in try await self.send(question, to: member).result }
        ) { () throws(Fault) in
            try await fleet.call(
                member, call.method, caller: caller, key: key, isClients: call.key != nil,
                approved: grants, arguments: call.arguments, deadline: deadline)
        }
        try await claims(of: member).check(answer.result)
        return answer
    }

    /// Makes a call that answers with a ticket, and opens the stream that it is for.
    ///
    /// The answer has been judged as any other; the stream's bytes are not looked at.
    func stream(
        _ call: AgentCall, to member: Fleet.Member
    ) async throws(Fault) -> (answer: AgentAnswer, stream: LastingStream) {
        let answer = try await send(call, to: member)
        let ticket = try StreamTicket(Fields(answer.result))
        return (answer, try streams.open(ticket, at: member, for: call.principal))
    }

    /// What an agent may say in an answer that has arrived just now.
    func claims(of member: Fleet.Member) -> Claims {
        let id = member.record.id
        return Claims(
            agent: member.record, names: fleet.names(of: id),
            handlePrefix: fleet.handlePrefix(of: id))
    }

    /// Makes a call at several agents concurrently; one that fails gives its fault instead.
    func send(
        _ call: AgentCall, to members: [Fleet.Member]
    ) async -> [(member: Fleet.Member, answer: Result<AgentAnswer, Fault>)] {
        let calls = members.map { member in
            IO.task { () -> Result<AgentAnswer, Fault> in
                do throws(Fault) {
                    return .success(try await self.send(call, to: member))
                } catch {
                    return .failure(error)
                }
            }
        }
        return zip(members, await IO.values(of: calls)).map { ($0, $1) }
    }

    /// Checks the scope and the pattern by the call's row, whatever made the call.
    func admit(
        _ call: AgentCall, _ row: MethodRow, to member: Fleet.Member
    ) throws(Fault) {
        let principal = call.principal
        try checkScopes(of: row, principal)
        guard principal.sees(member.record) else {
            throw unknownAgent(member.record.name, principal)
        }
        for case .target(let argument) in row.rules?.routes ?? [] {
            guard let target = call.fields.object[argument]?.stringValue else { continue }
            guard
                try self.member(forTarget: target, call.fields, principal).record.id
                    == member.record.id
            else {
                throw Fault(.invalidArgument, "\"\(target)\" is a target of another agent")
            }
            uses.note(target, by: principal.id)
        }
    }

    /// The principal as an agent sees it.
    ///
    /// Its reach goes with every call, as only the agent knows which host a handle leads to.
    private func caller(_ principal: Principal, at member: Fleet.Member) -> Caller {
        Caller(
            id: principal.id, label: principal.name, isAdmin: principal.holds([.admin]),
            reach: principal.pattern.reach(agent: member.record.name, tags: member.record.tags))
    }
}

extension Principal {
    /// Whether it may see the agent; an agent it may not see is treated as one that does not exist.
    func sees(_ record: AgentRecord) -> Bool {
        pattern.allows(agent: record.name, tags: record.tags)
    }
}
