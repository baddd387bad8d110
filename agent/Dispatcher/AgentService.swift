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
        dispatcher.serve(.describe) { [unowned self] _, _ in describe() }
        dispatcher.serve(.progress) { [unowned self] (caller, fields) throws(Fault) in
            watch.progress(of: try AskProgress(fields).call, caller).json
        }
        serveTargets()
        serveSessions()
        serveCommands()
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
            let query = try ListTargets(fields).query
            let found = await targets.list(query, agent: dispatcher.agentName)
            return ["targets": .array(found.map(\.json))]
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
