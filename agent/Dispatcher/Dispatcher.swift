// The single entry point: checks the site's policy, decodes a call, checks owner and reach as its
// row says, then lets its part serve it. Parts register themselves; none is named here.
// Invariant: every call is answered, by a result or by a fault whose sentence says what to do.
import JSON
import Loop
import Tunnel
import Wire

/// Routes the relay's calls.
@IO final class Dispatcher {
    /// Serves one call whose arguments have been parsed.
    private typealias Served = @IO (Visit) async throws(Fault) -> JSON

    /// A method that is served: its row, and the parser of its arguments.
    private struct Entry {
        let method: Method
        let row: MethodRow
        let read: @IO (Fields) throws(Fault) -> Served
    }

    /// The site's rules, checked before every call.
    var policy: @IO () -> Policy = { Policy() }
    /// The owner of the session with this id; nil if there is none.
    var ownerOfSession: @IO (String) -> Owner? = { _ in nil }
    /// The owner of the command with this id; nil if there is none.
    var ownerOfCommand: @IO (String) -> Owner? = { _ in nil }
    /// The owner of the forward with this id; nil if there is none.
    var ownerOfForward: @IO (String) -> Owner? = { _ in nil }
    /// The principals that are served no more.
    let revoked = RevokedPrincipals()
    /// Runs each call with a key once.
    let journal: Journal
    private let watch = CallWatch()
    private var entries: [String: Entry] = [:]

    init(journal: Journal = Journal()) {
        self.journal = journal
        serve(.progress) { [watch] (call: AskProgress, visit) in
            watch.progress(of: call.call, visit.caller).json
        }
    }

    /// Serves `method` with `part`, which gets the arguments as its row declares them.
    func serve<Call: CallArguments>(
        _ method: Method, _ part: @escaping @IO (Call, Visit) async throws(Fault) -> JSON
    ) {
        entries[method.rawValue] = Entry(method: method, row: method.row) {
            (fields) throws(Fault) in
            let call = try Call(fields)
            return { (visit) throws(Fault) in try await part(call, visit) }
        }
    }

    /// Ends the waits for output of the calls that are served, or of those that came over one
    /// tunnel: each is answered with what there is.
    func endWaits(over tunnel: Tunnel? = nil) { watch.endWaits(over: tunnel) }

    /// Answers one call.
    ///
    /// Once the tunnel that it came over has ended, the relay may ask again over the next one.
    func answer(_ bytes: [UInt8], over tunnel: Tunnel? = nil) async -> [UInt8] {
        CrashPoint.reach("agent.received")
        do throws(Fault) {
            var request = try Request(decoding: bytes)
            CrashPoint.reach("agent.decoded")
            let policy = policy()
            let asking = Asking(
                request.takeApproved(),
                for: Method(rawValue: request.method)?.tool ?? request.method,
                request.arguments, isAllowed: policy.asked.isAllowed)
            return try await answer(request, policy, asking, over: tunnel)
        } catch {
            return Reply.fault(error).encoded()
        }
    }

    private func answer(
        _ request: Request, _ policy: Policy, _ asking: Asking, over tunnel: Tunnel?
    ) async throws(Fault) -> [UInt8] {
        do throws(Fault) {
            guard let entry = entries[request.method] else {
                throw Fault(.unknownMethod, "this agent does not know \(request.method); update it")
            }
            try revoked.check(request.caller.id)
            if let rule = policy.refusal(of: entry.method) {
                throw .refused(entry.row.rules?.name ?? request.method, by: rule)
            }
            guard entry.row.runsOnce,
                let call = journal.call(request, isShortLived: !entry.row.changesTargets)
            else {
                let served = await (try service(of: entry, request, policy, asking, tunnel))()
                if !Task.isCancelled { served.delivered?() }
                return served.reply
            }
            // A caller that has lost a right gets no earlier reply either.
            try admit(
                request.caller, to: entry.row, try Fields(request.arguments), isRepeated: true)
            let isInCode = tunnel == nil
            let isLost: @IO @Sendable () -> Bool = { [weak tunnel] in
                tunnel?.isClosed ?? !isInCode
            }
            return try await journal.reply(to: call, isLost: isLost) { () throws(Fault) in
                try service(of: entry, request, policy, asking, tunnel)
            }
        } catch {
            throw asking.told(error)
        }
    }

    /// What serves a call, whose arguments are checked at once.
    private func service(
        of entry: Entry, _ request: Request, _ policy: Policy, _ asking: Asking, _ tunnel: Tunnel?
    ) throws(Fault) -> Journal.Service {
        let fields = try Self.limited(entry.row.limit, try Fields(request.arguments), policy)
        let served = try entry.read(fields)
        try admit(request.caller, to: entry.row, fields)
        try permit(entry, fields, policy, asking)
        let (visit, watch) = (Visit(request.caller, over: tunnel), watch)
        CrashPoint.reach("agent.admitted")
        return {
            defer { asking.end() }
            do throws(Fault) {
                let result = try await watch.during(visit) { () throws(Fault) in
                    try await Sharer.serving(visit.caller.id) { () throws(Fault) in
                        try await asking.during { () throws(Fault) in try await served(visit) }
                    }
                }
                // The relay makes calls without a key at any time.
                if request.key != nil { CrashPoint.reach("agent.served") }
                return Journal.Served(reply: Reply.result(RawJSON(result)).encoded()) {
                    visit.delivered()
                }
            } catch {
                let fault = asking.told(error)
                return Journal.Served(
                    reply: Reply.fault(fault).encoded(), isFree: fault.code.meansNothingBegun)
            }
        }
    }

    /// Has a person agree to the call, if a rule on its tool or its command demands that.
    private func permit(
        _ entry: Entry, _ fields: Fields, _ policy: Policy, _ asking: Asking
    ) throws(Fault) {
        guard let tool = entry.row.rules?.name else { return }
        var (session, target): (String?, String?)
        for route in entry.row.rules?.routes ?? [] {
            guard let name = route.argument.flatMap({ fields.object[$0]?.stringValue }) else {
                continue
            }
            switch route {
            case .session: (session, target) = (name, ownerOfSession(name).map { "\($0.host)" })
            case .target: target = try TargetName(name).description
            case .agent, .command, .forward, .each, .relay: break
            }
        }
        if let rule = policy.askRule(ofTool: tool) {
            try asking.permit(by: rule, target: target, session: session)
        }
        guard let name = entry.method.commandArgument,
            let command = fields.object[name]?.stringValue,
            let rule = policy.askRule(ofCommand: command)
        else { return }
        try asking.permit(by: rule, command: name, target: target, session: session)
    }

    /// Checks that the caller may use what the arguments name.
    ///
    /// A session of another owner is reported as one that does not exist. Where the call may have
    /// come before (`isRepeated`), what it names may be gone since.
    private func admit(
        _ caller: Caller, to row: MethodRow, _ fields: Fields, isRepeated: Bool = false
    ) throws(Fault) {
        for route in row.rules?.routes ?? [] {
            guard let argument = route.argument, let name = fields.object[argument]?.stringValue
            else { continue }
            switch route {
            case .session:
                let owner = ownerOfSession(name)
                if owner == nil, isRepeated { continue }
                guard let owner, caller.mayUse(owner) else {
                    throw .noSession(name)
                }
            case .command:
                let owner = ownerOfCommand(name)
                if owner == nil, isRepeated { continue }
                guard let owner, caller.mayUse(owner) else {
                    throw .noCommand(name)
                }
            case .forward:
                let owner = ownerOfForward(name)
                if owner == nil, isRepeated { continue }
                guard let owner, caller.mayUse(owner) else {
                    throw .noForward(name)
                }
            case .target:
                // As written; where it leads is judged when it is resolved.
                guard caller.reaches(try TargetName(name)) else {
                    throw .targetNotAllowed(name)
                }
            case .agent, .each, .relay: break
            }
        }
    }

    /// The arguments, with the default output limit lowered to what the site allows in one answer.
    ///
    /// A larger limit that the caller gave is refused.
    private static func limited(
        _ limit: Field<Int>?, _ fields: Fields, _ policy: Policy
    ) throws(Fault) -> Fields {
        guard let limit else { return fields }
        let bytes = try fields[limit]
        guard let rule = policy.refusal(ofOutput: bytes) else { return fields }
        guard !fields.has(limit.name) else { throw .refused("\(limit.name) \(bytes)", by: rule) }
        return fields.with(limit.name, .integer(policy.outputLimit))
    }
}

extension Method {
    /// The argument that a shell or a program gets as what to do, if it has one.
    fileprivate var commandArgument: String? {
        let names: [Method: String] = [
            .execute: "command", .runCommand: "command", .sendInput: "text",
        ]
        return names[self]
    }
}

extension Fault.Code {
    /// Whether a call that failed so has begun nothing at its target, so that it may be made again.
    fileprivate var meansNothingBegun: Bool {
        switch self {
        case .unknownMethod, .invalidArgument, .unknownAgent, .agentOffline, .unknownSession,
            .unknownCommand, .unknownForward, .sessionEnded, .busy, .refusedByPolicy, .nameNotFound,
            .unreachable,
            .connectionRefused, .hostKeyUnknown, .hostKeyChanged, .hostKeyRevoked, .approvalNeeded,
            .algorithmsRefused, .authenticationFailed, .fileNotFound, .fileRefused, .fileChanged,
            .limitReached:
            true
        case .timedOut, .channelRefused, .linkLost, .fileFailed, .outcomeUnknown, .shellUnusable,
            .unavailable, .internal:
            false
        }
    }
}
