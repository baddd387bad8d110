// What the agent serves: every method joined to the part that does it. The parts do not know each
// other nor the wire; this folder is where they meet.
import Configuration
import Crypto
import Glibc
import JSON
import Loop
import Wire

/// The agent's parts and the dispatcher in front of them.
@IO final class AgentService {
    let dispatcher = Dispatcher()
    let watch = CallWatch()
    let targets: Targets
    let links = Links()
    private(set) var sessions: Sessions
    let commands: Commands
    let files: Files

    init(identity: Identity, settings: AgentSettings) {
        let dispatcher = self.dispatcher
        dispatcher.agentName = identity.name
        dispatcher.agentID = identity.agentID
        let newHandle: @IO () -> String = {
            // The relay routes by what stands before the dot.
            "\(dispatcher.agentID).\(Base32.encode(Random.bytes(10)).lowercased())"
        }
        let targets = Targets(settings: settings.targets, place: .current)
        self.targets = targets
        sessions = Sessions(makeID: newHandle)
        commands = Commands(targets: targets, links: links, makeID: newHandle)
        files = Files(targets: targets, links: links)
        dispatcher.serve(.describe) { [unowned self] _, _ in describe() }
        dispatcher.serve(.progress) { [unowned self] (caller, fields) throws(Fault) in
            watch.progress(of: try AskProgress(fields).call, caller).json
        }
        serveTargets()
        serveSessions()
        serveCommands()
        serveFiles()
        dispatcher.policy = { targets.policy }
        apply(settings)
    }

    /// Takes over settings: for every call from now on.
    func apply(_ settings: AgentSettings) {
        targets.settings = settings.targets
        targets.policy = settings.policy
        links.secrets = settings.secrets
        sessions.limit = settings.policy.sessionLimit
        links.limit = settings.policy.linkLimit
    }

    private func describe() -> JSON {
        let open = links.open.map { link -> JSON in
            var link = link
            link.target = "\(dispatcher.agentName)/\(link.target)"
            return link.json
        }
        return [
            "facts": Machine.facts.json, "sessions": .int(Int64(sessions.all.count)),
            "commands": .int(Int64(commands.runningCount)), "links": .array(open),
            "pool": links.summary.json,
        ]
    }

    private func serveTargets() {
        dispatcher.serve(.listTargets) { [unowned self] (_, fields) throws(Fault) in
            let call = try ListTargets(fields)
            let found = await targets.list(call.query, agent: dispatcher.agentName)
            let told = call.probe ? await probed(found) : found.map(\.info)
            return ["targets": .array(told.map(\.json))]
        }
    }

    /// The targets with whether each can be reached.
    private func probed(
        _ found: [(info: TargetInfo, target: SSHTarget?)]
    ) async -> [TargetInfo] {
        let links = links
        let probe = TargetProbe(isOpen: { links.isOpen(to: $0) })
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

    /// Ends sessions, commands and links.
    func shutDown() async {
        sessions.closeAll()
        await commands.shutDown()
        links.shutDown()
        // The hang-ups and goodbyes leave with this turn.
        try? await IO.sleep(for: .milliseconds(100))
    }
}
