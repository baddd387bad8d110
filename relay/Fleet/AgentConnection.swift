// An agent's current connection: made by the gate, held by the fleet.
import Loop
import Wire

/// One agent's line and what the agent reported about itself.
@IO final class AgentConnection {
    let agentID: String
    let line: any AgentLine
    /// The public key that it has shown to hold.
    var key: [UInt8]
    let epoch: Hello.Epoch
    /// The boot number as the agent sent it, which is the same for all connections of a process.
    let process: Int64
    let facts: AgentFacts
    /// Whether it runs a call with a key at most once.
    let keepsJournal: Bool
    /// The relay's address that it dialled, if it says so.
    var address: String?
    /// Whether it has not said that it cannot change its key.
    var changesKeys = true
    /// Seconds since 1970.
    let since: Int64

    init(
        agentID: String, line: any AgentLine, key: [UInt8], epoch: Hello.Epoch, process: Int64,
        facts: AgentFacts, keepsJournal: Bool, since: Int64
    ) {
        self.agentID = agentID
        self.line = line
        self.key = key
        self.epoch = epoch
        self.process = process
        self.facts = facts
        self.keepsJournal = keepsJournal
        self.since = since
    }
}
