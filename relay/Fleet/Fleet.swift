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
    }

    /// Called when an agent has connected.
    var onArrival: (@IO (Member) -> Void)?

    /// The bytes on the way to agents and back.
    let freight: Freight
    /// The calls that are open at agents.
    let calls = OpenCalls()
    private let arrivals = Condition()
    private let store: Store
    private var members: [String: Member] = [:]
    private var ids: [String: String] = [:]
    /// Agents revoked while this relay runs: a record read earlier must not let them in.
    private var revoked: Set<String> = []
    /// Agents whose last-seen time is not stored yet.
    private var seen: Set<String> = []

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
            member.connection?.line.close()
            members[id] = nil
        }
        arrivals.broadcast()
        for record in records where members[record.id] == nil {
            // This relay has just started: an agent that was connected before it comes back. One
            // that was never seen may have joined in the minute before the relay was killed.
            let isExpected = record.lastSeen.map { store.now() - $0 < Self.recently } ?? true
            members[record.id] = Member(record: record, lostAt: isExpected ? IO.now : nil)
        }
        for record in records { members[record.id]?.record = record }
        ids = Dictionary(records.map { ($0.name, $0.id) }) { first, _ in first }
    }

    /// All agents, by name.
    var all: [Member] { members.values.sorted { $0.record.name < $1.record.name } }

    /// Why a connection is refused now; nil if it is accepted.
    func refusal(of connection: AgentConnection) -> Refusal? {
        let id = connection.agentID
        if revoked.contains(id) { return Self.revoked(name: members[id]?.record.name ?? id) }
        guard let earlier = members[id]?.connection, !earlier.line.isClosed,
            connection.epoch < earlier.epoch
        else { return nil }
        return Refusal(.superseded, "a later connection of this agent is open")
    }

    /// The refusal sent to a revoked agent.
    static func revoked(name: String) -> Refusal {
        Refusal(.revoked, "the agent \(name) was revoked; ask for an invitation to join again")
    }

    /// Takes over an agent's connection, unless it must be refused.
    func admit(_ connection: AgentConnection, record: AgentRecord) -> Refusal? {
        if let refusal = refusal(of: connection) { return refusal }
        let earlier = members[record.id]?.connection
        members[record.id] = Member(record: record, connection: connection)
        ids[record.name] = record.id
        seen.insert(record.id)
        connection.line.onClose = { [weak self, weak connection] _ in
            guard let self, let connection else { return }
            self.left(connection)
        }
        earlier?.line.close()
        arrivals.broadcast()
        // It may have ended while its welcome was on the way, before anyone listened for that.
        if connection.line.isClosed {
            left(connection)
        } else if let member = members[record.id] {
            onArrival?(member)
        }
        return nil
    }

    private func left(_ connection: AgentConnection) {
        let id = connection.agentID
        guard members[id]?.connection === connection else { return }
        members[id]?.connection = nil
        members[id]?.lostAt = IO.now
        members[id]?.record.lastSeen = store.now()
        seen.insert(id)
    }

    /// Stores when agents were last connected; for a timer and the end of the program.
    func saveSeen() async throws(StoreError) {
        let taken = seen.union(members.values.filter { $0.connection != nil }.map(\.record.id))
        seen = []
        try await store.touchAgents(Array(taken))
    }

    /// Lets every tunnel finish its calls and close.
    func drain() { for member in members.values { member.connection?.line.drain() } }

    /// Removes a revoked agent: closes its tunnel, and refuses one that is still being set up.
    func revoke(_ id: String) {
        revoked.insert(id)
        defer { arrivals.broadcast() }
        members[id]?.connection?.line.close()
        if let name = members.removeValue(forKey: id)?.record.name, ids[name] == id {
            ids[name] = nil
        }
    }

    /// Closes every tunnel at once.
    func close() { for member in members.values { member.connection?.line.close() } }

    // MARK: Finding

    /// The agent of this name; nil if there is none.
    func agent(named name: String) -> Member? { ids[name].flatMap { members[$0] } }

    /// The agent that a session's or command's id names; nil if there is none.
    func agent(ofHandle handle: String) -> Member? {
        Contract.agentID(of: handle).flatMap { members[$0] }
    }

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
