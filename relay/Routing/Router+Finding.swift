// Which agent a call is for: by the routes of its row, among the agents that the principal may see.
// Invariant: an agent or handle that the principal may not use is answered as if it did not exist.
import Configuration
import JSON
import Loop
import Spelling
import Wire

/// Where a call goes.
enum Destination {
    /// To one agent, whose result is passed on unchanged.
    case one(Fleet.Member)
    /// To each of these, whose lists under this member are joined.
    case each([Fleet.Member], joining: String)
}

extension Router {
    /// Where a call with these arguments goes: the first route whose argument is given.
    func destination(
        _ routes: [Route], _ fields: Fields, _ principal: Principal
    ) throws(Fault) -> Destination {
        var missing = ""
        for route in routes {
            var value = ""
            if let argument = route.argument {
                guard let text = fields.object[argument]?.stringValue else {
                    missing = argument
                    continue
                }
                value = text
            }
            switch route {
            case .session:
                guard let member = member(forHandle: value, principal) else {
                    throw .noSession(value)
                }
                return .one(member)
            case .command:
                guard let member = member(forHandle: value, principal) else {
                    throw .noCommand(value)
                }
                return .one(member)
            case .forward:
                guard let member = member(forHandle: value, principal) else {
                    throw .noForward(value)
                }
                return .one(member)
            case .target: return .one(try member(forTarget: value, fields, principal))
            case .agent: return .one(try member(named: value, principal))
            case .each(let list):
                return .each(
                    visible(to: principal).filter { $0.connection != nil }, joining: list)
            case .relay: break
            }
        }
        throw Fault(.invalidArgument, "\"\(missing)\" is missing")
    }

    /// The agents a principal may see.
    func visible(to principal: Principal) -> [Fleet.Member] {
        fleet.all.filter { principal.sees($0.record) }
    }

    /// The agent of this name, if the principal may see it.
    func member(named name: String, _ principal: Principal) throws(Fault) -> Fleet.Member {
        guard let member = fleet.agent(named: name), principal.sees(member.record) else {
            throw unknownAgent(name, principal)
        }
        return member
    }

    /// Throws if the agent is not connected.
    func checkOnline(_ member: Fleet.Member) throws(Fault) {
        guard member.connection != nil else { throw fleet.offline(member) }
    }

    /// The fault for an agent that does not exist, or that the principal may not see.
    func unknownAgent(_ name: String, _ principal: Principal) -> Fault {
        let names = visible(to: principal).map(\.record.name)
        let nearest = Nearest.match(name, in: names).map { "; did you mean \"\($0)\"?" } ?? "."
        return Fault(
            .unknownAgent, "There is no agent \"\(name)\"\(nearest) agent_list shows the agents.")
    }

    /// The agent of a target `agent/host`, if the principal may use both.
    ///
    /// The target is judged with the user, the port and the jump hosts of the call's arguments.
    func member(
        forTarget target: String, _ fields: Fields, _ principal: Principal
    ) throws(Fault) -> Fleet.Member {
        guard let slash = target.firstIndex(of: "/"), slash != target.startIndex,
            target.index(after: slash) != target.endIndex
        else {
            throw Fault(
                .invalidArgument,
                "\"\(target)\" is not a target: write agent/host, as target_list shows them "
                    + "(agent/local is the agent's own machine).")
        }
        let member = try member(named: String(target[..<slash]), principal)
        let place = try TargetName(target).with(TargetAccess(fields))
        let (name, tags) = (member.record.name, member.record.tags)
        guard principal.pattern.allows(agent: name, tags: tags, target: place) else {
            throw .targetNotAllowed(target)
        }
        return member
    }

    /// Whether a text is the id of something at an agent that the principal may see.
    func isHandle(_ text: String, _ principal: Principal) -> Bool {
        member(forHandle: text, principal) != nil
    }

    /// The agent of a session's or command's id; nil if there is none, or the principal may not see
    /// it.
    ///
    /// Only the agent knows the id's owner and host, and checks both.
    private func member(forHandle handle: String, _ principal: Principal) -> Fleet.Member? {
        fleet.agent(ofHandle: handle).flatMap { principal.sees($0.record) ? $0 : nil }
    }

    /// Makes a call at the one agent that its arguments name.
    ///
    /// `label` is the prefix of its progress.
    func send(_ call: AgentCall, label: String? = nil) async throws(Fault) -> AgentAnswer {
        let routes = call.method.row.tool?.routes ?? []
        guard case .one(let member) = try destination(routes, call.fields, call.principal) else {
            throw Fault(.internal, "the arguments of \(call.method.rawValue) name no agent")
        }
        return try await send(call, to: member, label: label)
    }

    /// Throws if the agent of the session that was last meant by this name is offline: another
    /// agent may have one of the same name, which is not meant.
    func checkPresence(
        ofSession name: String, _ principal: Principal
    ) throws(Fault) {
        guard let id = uses.session(named: name, of: principal.id),
            let member = fleet.agent(ofHandle: id), member.connection == nil,
            principal.sees(member.record)
        else { return }
        throw Fault(
            .agentOffline,
            "the session \"\(name.prefix(80))\" is at agent \"\(member.record.name)\", which is offline:"
                + " its session_id is \(id.prefix(80)), and works again once the agent is back")
    }
}
