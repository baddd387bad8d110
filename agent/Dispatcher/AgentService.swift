// What the agent serves: every method joined to the part that does it.
import Configuration
import JSON
import Loop
import Wire

/// The agent's parts and the dispatcher in front of them.
@IO final class AgentService {
    let dispatcher = Dispatcher()

    init(identity: Identity, options: Options) {
        dispatcher.agentName = identity.name
        dispatcher.agentID = identity.agentID
        dispatcher.serve(.describe) { _, _ in ["facts": Machine.facts.json] }
    }

    /// Ends sessions, commands and links within a few seconds.
    func shutDown() async {}
}
