// From a tool call to an agent's answer: which agent, may this principal, then the bytes through.
// Invariant: the arguments and the result pass untouched; only their handle or target is read.
import Configuration
import JSON
import Loop
import MCP
import Wire

/// Routes tool calls to agents.
@IO final class Router {
    let fleet: Fleet
    private var principals: [String: (own: Principal, shown: MCP.Principal)] = [:]

    init(fleet: Fleet) { self.fleet = fleet }

    /// The MCP library's view of a principal; the router remembers the whole of it by its id.
    func introduce(_ principal: Principal) -> MCP.Principal {
        if let known = principals[principal.id], known.own == principal { return known.shown }
        let held = Scope.allCases.filter { principal.holds([$0]) }
        let shown = MCP.Principal(name: principal.id, scopes: Set(held.map(\.rawValue)))
        principals[principal.id] = (principal, shown)
        return shown
    }

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

    /// The principal as an agent sees it.
    ///
    /// Its reach goes with every call: what a handle leads to only the agent knows.
    func caller(_ principal: Principal, at member: Fleet.Member) -> Caller {
        Caller(
            id: principal.id, label: principal.name, isAdmin: principal.holds([.admin]),
            reach: principal.pattern.reach(agent: member.record.name, tags: member.record.tags))
    }

    /// The agents a principal may see.
    func visible(to principal: Principal) -> [Fleet.Member] {
        fleet.all.filter { principal.sees($0.record) }
    }

    /// The agent of this name, if the principal may see it.
    func member(named name: String, _ principal: Principal) throws(Fault) -> Fleet.Member {
        try fleet.agent(named: name, where: principal.sees)
    }

    /// The agent of a target `agent/host`, if the principal may use both.
    func member(forTarget target: String, _ principal: Principal) throws(Fault) -> Fleet.Member {
        guard let slash = target.firstIndex(of: "/"), slash != target.startIndex,
            target.index(after: slash) != target.endIndex
        else {
            throw Fault(
                .invalidArgument,
                "\"\(target)\" is no target: it is written agent/host, as target_list shows them "
                    + "(agent/local is the agent's own machine).")
        }
        let member = try member(named: String(target[..<slash]), principal)
        let host = String(target[target.index(after: slash)...])
        let tags = member.record.tags
        guard principal.pattern.allows(agent: member.record.name, tags: tags, target: host) else {
            throw Fault(
                .refusedByPolicy, "this token may not use \(target); its operator can allow it")
        }
        return member
    }

    /// The agent of a session's or command's id, if the principal may use it.
    func member(
        forHandle handle: String, as what: String, _ principal: Principal
    ) throws(Fault) -> Fleet.Member {
        try fleet.agent(ofHandle: handle, as: what, where: principal.sees)
    }

    /// Passes a call to the agent its handle names, and the agent's result back, as bytes.
    func pass(
        _ call: ToolCall, handle: String, as what: String, to method: Wire.Method
    ) async -> ToolResult {
        await answering { () throws(Fault) in
            let fields = Fields(object: call.arguments)
            let principal = try self.principal(of: call)
            let member = try self.member(
                forHandle: try fields.string(handle), as: what, principal)
            // What the call says it may wait, and time for the way there and back.
            let wait = try fields.seconds("wait_s", in: 0...50) ?? .seconds(10)
            let caller = self.caller(principal, at: member)
            let make: @IO (Caller) async throws(Fault) -> RawJSON = { caller throws(Fault) in
                try await self.fleet.call(
                    member, method, caller: caller, arguments: call.rawArguments,
                    deadline: wait + Self.grace)
            }
            guard let watch = ProgressWatch(call) else { return .raw(try await make(caller)) }
            return .raw(try await watch.during(self.fleet, member, caller, make))
        }
    }

    /// The time a call may take beyond what it asks to wait.
    static let grace: Duration = .seconds(15)

    /// Asks several agents at once; an agent that fails gives its fault's sentence instead.
    func ask(
        _ members: [Fleet.Member], _ method: Method, _ principal: Principal, arguments: RawJSON,
        deadline: Duration
    ) async -> [(name: String, answer: Result<RawJSON, Fault>)] {
        let calls = members.map { member in
            IO.task { () -> Result<RawJSON, Fault> in
                do throws(Fault) {
                    return .success(
                        try await self.fleet.call(
                            member, method, caller: self.caller(principal, at: member),
                            arguments: arguments, deadline: deadline))
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
}

extension Principal {
    /// Whether it may see the agent at all; one it may not is as unknown to it as none.
    func sees(_ record: AgentRecord) -> Bool {
        pattern.allows(agent: record.name, tags: record.tags)
    }
}

/// A tool call that may fail with a fault, as the result clients see.
@IO func answering(_ body: @IO () async throws(Fault) -> JSON) async -> ToolResult {
    do throws(Fault) {
        return ToolResult(structured: try await body())
    } catch {
        return .failure(error.message)
    }
}
