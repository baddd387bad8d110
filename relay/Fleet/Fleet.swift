// The agents: which have joined, and which are connected. Fleet+Calling calls them. Where it
// stands: between the MCP tools and the tunnels.
// Invariant: one connection per agent; a later one takes over at once.
import JSON
import Loop
import Tunnel
import Wire

/// Every agent of this relay.
@IO final class Fleet {
    /// An agent and, while it is connected, its connection.
    struct Member {
        var record: AgentRecord
        var connection: AgentConnection?
        /// When it lost its connection; nil: long ago, or never.
        var lostAt: ContinuousClock.Instant?
        /// Its connections since this relay started.
        var comings = 0
    }

    /// Called when two machines are found to use one identity.
    var onRivals: (@IO (_ name: String, _ warning: String) -> Void)?
    /// The changes of agents' keys.
    var keyChanges = KeyChanges()
    /// Called when an agent has connected.
    var onArrival: (@IO (Member) -> Void)?

    /// Called when the list of agents shows something else: one has come or gone, or its record was
    /// changed.
    var onChange: (@IO () -> Void)?

    /// The bytes on the way to agents and back.
    let freight: Freight
    /// The calls that are open at agents.
    let calls = OpenCalls()
    private let arrivals = Condition()
    let store: Store
    private var members: [String: Member] = [:]
    /// The processes of each agent that were heard.
    private var rivalries: [String: Rivalry] = [:]
    private var index = AgentIndex()
    /// The names that agents had before they were renamed while this relay runs, by id.
    private var formerNames: [String: String] = [:]
    /// Agents revoked while this relay runs: a record read earlier must not let them in.
    private var revoked: Set<String> = []
    /// Agents whose last-seen time, or whose facts, are not stored yet.
    private var unstored: (seen: Set<String>, facts: Set<String>) = ([], [])
    /// Agents that have gone since memory was last given back.
    private var departures = 0
    /// How many of them make it worth while: together they hold about 3 MiB.
    private static let manyDepartures = 100

    /// An empty fleet; call `reload` next.
    init(store: Store, freight: Freight = Freight()) {
        self.store = store
        self.freight = freight
    }

    /// Reads the agents again; closes the tunnels of those that are gone.
    func reload() async throws(StoreError) {
        let records = try await store.agents()
        let live = Set(records.map(\.id))
        for (id, member) in members where !live.contains(id) {
            members[id] = nil
            index.remove(id)
            // Who hears of its end finds that the agent is gone.
            member.connection?.line.close()
        }
        arrivals.broadcast()
        for record in records where members[record.id] == nil {
            index.add(record.id)
            // This relay has just started: an agent that was connected before it comes back. One
            // that was never seen may have joined in the minute before the relay was killed.
            let isExpected = record.lastSeen.map { store.now() - $0 < Self.recently } ?? true
            members[record.id] = Member(record: record, lostAt: isExpected ? IO.now : nil)
        }
        for var record in records {
            // What is not stored yet is newer.
            if unstored.facts.contains(record.id) {
                record.facts = members[record.id]?.record.facts
            }
            members[record.id]?.record = record
        }
        index.names = Dictionary(records.map { ($0.name, $0.id) }) { first, _ in first }
        onChange?()
    }

    /// All agents, by name.
    var all: [Member] { members.values.sorted { $0.record.name < $1.record.name } }

    /// Why a connection is refused now; nil if it is accepted.
    func refusal(of connection: AgentConnection) -> Refusal? {
        let id = connection.agentID
        if revoked.contains(id) { return Self.revoked(name: members[id]?.record.name ?? id) }
        // The store has admitted its key: where that is another one, the earlier connection's is
        // out of date.
        guard let earlier = members[id]?.connection, !earlier.line.isClosed,
            connection.key == earlier.key, connection.epoch < earlier.epoch
        else { return nil }
        return refusalOfRival(id)
    }

    /// The refusal sent to a revoked agent.
    static func revoked(name: String) -> Refusal {
        Refusal(.revoked, "the agent \(name) was revoked; ask for an invitation to join again")
    }

    /// Takes over an agent's connection, unless it must be refused.
    func admit(_ connection: AgentConnection, record: AgentRecord) -> Refusal? {
        if let refusal = refusal(of: connection) { return refusal }
        let earlier = members[record.id]?.connection
        let comings = members[record.id]?.comings ?? 0
        // The record was read before the welcome: it may have been changed meanwhile.
        let welcomed = record.name
        var record = record
        if let known = members[record.id]?.record {
            var read = record
            (read.facts, read.lastSeen) = (known.facts, known.lastSeen)
            // Of two that are the same, the old copy stays: new ones among what a connection has
            // would keep that memory from being given back when the fleet has gone.
            if known == read || known.changed ?? 0 > record.changed ?? 0 { record = known }
        }
        index.add(record.id)
        members[record.id] = Member(
            record: record, connection: connection, comings: comings + 1)
        learn(connection.facts, of: record.id)
        index.names[record.name] = record.id
        unstored.seen.insert(record.id)
        connection.line.onClose = { [weak self, weak connection] _ in
            guard let self, let connection else { return }
            self.left(connection)
        }
        earlier?.line.close()
        note(connection, from: connection.line.peer)
        arrivals.broadcast()
        if record.name != welcomed { IO.task { await self.tellName(of: record.id) } }
        // It may have ended while its welcome was on the way, before anyone listened for that.
        if connection.line.isClosed {
            left(connection)
        } else if let member = members[record.id] {
            onArrival?(member)
        }
        onChange?()
        return nil
    }

    private func left(_ connection: AgentConnection) {
        let id = connection.agentID
        guard members[id]?.connection === connection else { return }
        members[id]?.connection = nil
        members[id]?.lostAt = IO.now
        departures += 1
        members[id]?.record.lastSeen = store.now()
        unstored.seen.insert(id)
        onChange?()
    }

    /// Takes note of what an agent says of its machine.
    func learn(_ facts: AgentFacts, of id: String) {
        guard members[id]?.record.facts != facts else { return }
        members[id]?.record.facts = facts
        unstored.facts.insert(id)
        onChange?()
    }

    /// Stores when agents were last connected, and what they said of their machines, and gives back
    /// the memory of many that have gone; for a timer and the end of the program.
    func saveSeen() async throws(StoreError) {
        let taken = unstored.seen.union(
            members.values.filter { $0.connection != nil }.map(\.record.id))
        let facts = unstored.facts.compactMap { id in members[id]?.record.facts.map { (id, $0) } }
        unstored = ([], [])
        try await store.touchAgents(
            Array(taken), facts: Dictionary(facts) { first, _ in first })
        if departures >= Self.manyDepartures {
            departures = 0
            // Not on the loop: for 10,000 agents it takes some 40 ms.
            await Blocking.run { Process.returnFreeMemory() }
        }
    }

    /// Lets every tunnel finish its calls and close.
    func drain() { for member in members.values { member.connection?.line.drain() } }

    /// Removes a revoked agent: closes its tunnel, and refuses one that is still being set up.
    func revoke(_ id: String) {
        revoked.insert(id)
        rivalries[id] = nil
        defer {
            arrivals.broadcast()
            onChange?()
        }
        members[id]?.connection?.line.close()
        index.remove(id)
        if let name = members.removeValue(forKey: id)?.record.name, index.names[name] == id {
            index.names[name] = nil
        }
    }

    /// Closes an agent's tunnel if it was opened with another key.
    func cut(_ id: String, unlessKey key: [UInt8]) {
        guard let connection = members[id]?.connection, connection.key != key else { return }
        connection.line.close()
    }

    /// Closes every tunnel at once.
    func close() { for member in members.values { member.connection?.line.close() } }

    /// Takes note of an agent's process that was heard.
    func note(_ connection: AgentConnection, from peer: String) {
        let id = connection.agentID
        let isNew = rivalries[id, default: Rivalry()]
            .note(boot: connection.process, peer: peer, at: IO.now)
        if isNew, let name = members[id]?.record.name, let warning = warning(about: id) {
            onRivals?(name, warning)
        }
    }

    /// Whether two machines use an agent's identity.
    func isContested(_ id: String) -> Bool { rivalries[id]?.isFound(at: IO.now) ?? false }

    /// The address of a process of an agent other than this one.
    func peer(of id: String, besides process: Int64) -> String? {
        rivalries[id]?.peer(besides: process)
    }

    // MARK: Finding

    /// How many agents there are.
    var count: Int { members.count }

    /// The agent with this id; nil if there is none.
    func member(_ id: String) -> Member? { members[id] }

    /// The names under which an agent may answer: its own, and its former one unless another agent
    /// has that name now.
    func names(of id: String) -> Set<String> {
        var names = Set(members[id].map { [$0.record.name] } ?? [])
        if let former = formerNames[id], index.names[former] == nil { names.insert(former) }
        return names
    }

    /// Puts a changed record in place of an agent's; returns whether its name has changed.
    func replace(_ record: AgentRecord) -> Bool {
        guard let known = members[record.id]?.record else { return false }
        var record = record
        (record.facts, record.lastSeen) = (known.facts, known.lastSeen)
        members[record.id]?.record = record
        onChange?()
        guard known.name != record.name else { return false }
        if index.names[known.name] == record.id { index.names[known.name] = nil }
        index.names[record.name] = record.id
        formerNames[record.id] = known.name
        return true
    }

    /// The agent of this name; nil if there is none.
    func agent(named name: String) -> Member? { index.names[name].flatMap { members[$0] } }

    /// The agent that a session's or command's id names; nil if there is none.
    func agent(ofHandle handle: String) -> Member? {
        Contract.agentPart(of: handle).flatMap { index.id(beginningWith: $0) }
            .flatMap { members[$0] }
    }

    /// What the handles of an agent begin with, also before it is here for the first time.
    func handlePrefix(of id: String) -> String { index.prefix(of: id) }

    /// Time after the loss of a connection within which an agent is expected back.
    private static let expectation = Duration.seconds(60)
    /// Seconds since an agent was last seen, within which a relay that starts expects it; the store
    /// learns of it once a minute.
    private static let recently: Int64 = 120

    /// Whether an agent that is not connected is expected back.
    func expects(_ id: String) -> Bool {
        members[id]?.lostAt.map { IO.now < $0 + Self.expectation } ?? false
    }

    /// Whether an agent was revoked while this relay runs.
    func isRevoked(_ id: String) -> Bool { revoked.contains(id) }

    /// An agent's connection, which is waited for until `end`; nil if none has come.
    ///
    /// `last` is a connection that carries no more calls.
    func connection(
        of id: String, after last: AgentConnection?, before end: ContinuousClock.Instant
    ) async -> AgentConnection? {
        func next() -> AgentConnection? {
            members[id]?.connection.flatMap { $0 === last ? nil : $0 }
        }
        await arrivals.wait(until: end) { next() != nil || members[id] == nil }
        return next()
    }

    /// The fault for an agent that is not connected.
    func offline(_ member: Member) -> Fault {
        let record = members[member.record.id]?.record ?? member.record
        let since = record.lastSeen.map { " since \(UTCTime($0).rfc3339)" } ?? ""
        return Fault(
            .agentOffline,
            "Agent \"\(record.name)\" is offline\(since). Check that homeline-agent runs there; "
                + "agent_list shows who is online.")
    }
}
