// The `target.*` calls: from arguments to targets, and from results to Wire's types.
import JSON
import Loop
import Wire

@IO struct TargetCalls {
    let targets: Targets
    let membership: Membership
    /// Whether a link to a target is open, which proves more than a greeting.
    let isOpen: @IO (SSHTarget) -> Bool

    func serve(on dispatcher: Dispatcher) {
        let probe = TargetProbe(isOpen: isOpen)
        dispatcher.serve(.listTargets) { (call: ListTargets, visit) in
            let page = await targets.list(call, agent: membership.name) {
                visit.caller.reaches($0)
            }
            return ListTargets.json(
                call.probe ? await probed(page.found, probe) : page.found.map(\.info),
                leftOut: page.leftOut)
        }
    }

    /// The targets with whether each can be reached.
    private func probed(
        _ found: [(info: TargetInfo, target: SSHTarget?)], _ probe: TargetProbe
    ) async -> [TargetInfo] {
        var answers = await probe.look(at: found.compactMap(\.target))[...]
        return found.map { info, target in
            var info = info
            switch target == nil ? nil : answers.popFirst() {
            case .reachable: info.isReachable = true
            case .unreachable(let why): (info.isReachable, info.reason) = (false, why)
            case .unknown(let why): info.reason = why
            case nil where info.source == "local": info.isReachable = true
            case nil: break
            }
            return info
        }
    }
}
