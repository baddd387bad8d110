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
            let found = await targets.list(call.query, agent: membership.name).filter {
                guard let name = $0.target?.address ?? (try? TargetName($0.info.target)) else {
                    return false
                }
                return visit.caller.reaches(name)
            }
            return ListTargets.json(call.probe ? await probed(found, probe) : found.map(\.info))
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
            case nil: info.reason = "its SSH configuration is not usable"
            }
            return info
        }
    }
}
