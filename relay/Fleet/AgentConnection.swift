// An agent as it is connected now.
import Loop
import Tunnel
import Wire

/// One agent's live tunnel and what it said of itself.
@IO final class AgentConnection {
    let agentID: String
    let tunnel: Tunnel
    let epoch: Hello.Epoch
    let facts: AgentFacts
    /// Seconds since 1970.
    let since: Int64

    init(agentID: String, tunnel: Tunnel, epoch: Hello.Epoch, facts: AgentFacts, since: Int64) {
        self.agentID = agentID
        self.tunnel = tunnel
        self.epoch = epoch
        self.facts = facts
        self.since = since
    }
}
