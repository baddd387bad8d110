// The agents: which have joined, which are connected, and how to call one. Where in the flow:
// between the MCP tools and the tunnels. Invariant: one connection per agent; a later one takes
// over at once.
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
    private let calls = OpenCalls()
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
            // This relay has just started: an agent that was connected before it comes back.
            let isExpected = record.lastSeen.map { store.now() - $0 < Self.recently } ?? false
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

    // MARK: Calling

    /// The bytes of a request beside its arguments: the method and the caller with its reach.
    private static let requestBytes = 1024

    /// Calls an agent and returns its result's bytes, within `deadline`; only `Router.send` uses
    /// it.
    func call(
        _ member: Member, _ method: Method, caller: Caller, arguments: RawJSON, deadline: Duration
    ) async throws(Fault) -> AgentAnswer {
        let name = member.record.name
        let end = IO.now + deadline
        let (agentID, callerID) = (member.record.id, caller.id)
        guard calls.begin(at: agentID, by: callerID) else {
            throw Fault(
                .busy,
                "\(OpenCalls.limit) calls of yours are open at agent \"\(name)\", some of them"
                    + " perhaps given up and not ended yet: try again in a moment.")
        }
        // After the count: a caller that is at its limit takes no room either.
        let (sent, line): (ByteBudget.Claim, any AgentLine)
        do throws(Fault) {
            if members[agentID]?.connection == nil, !isExpected(agentID) { throw offline(member) }
            sent = try await freight.place(
                for: arguments.bytes.count + Self.requestBytes, at: member.record, before: end)
            line = try await self.line(to: member, before: end)
        } catch {
            calls.end(at: agentID, by: callerID)
            throw error
        }
        let received = freight.arrival(from: member.record)
        let outcome = await IO.within(end - IO.now) { () async -> Result<[UInt8], TunnelError> in
            // Not before the agent has given up a call that was cancelled.
            defer { self.calls.end(at: agentID, by: callerID) }
            // Encoded here, and handed over: the line is the only one that holds the bytes.
            let request = Request(method, caller: caller, arguments: arguments).encoded()
            do throws(TunnelError) {
                return .success(try await line.call(request, sent: sent, received: received))
            } catch {
                return .failure(error)
            }
        }
        switch outcome {
        case .success(let bytes):
            guard bytes.count <= method.row.replyLimit else {
                throw Fault(
                    .unavailable,
                    "Agent \"\(name)\" answered with \(bytes.count) bytes, at most"
                        + " \(method.row.replyLimit) are taken.")
            }
            // A long reply is read beside the loop, which serves everybody.
            let reply = await Blocking.run(ifLong: bytes.count) { Reply(decoding: bytes) }
            switch reply {
            case .result(let result): return AgentAnswer(result, holding: received)
            case .fault(let fault): throw fault
            }
        case .failure(.closed) where revoked.contains(agentID):
            throw Fault(
                .agentOffline,
                "Agent \"\(name)\" was revoked during the call. Whatever was started there may still "
                    + "run; only a new invitation brings the agent back.")
        case .failure(.closed(let reason)):
            throw Fault(
                .agentOffline,
                "The tunnel to agent \"\(name)\" broke during the call (\(reason)). Whatever was "
                    + "started there keeps running; the agent reconnects by itself: then ask again "
                    + "with the same handle."
            )
        case .failure(let error):
            throw Fault(.unavailable, "Agent \"\(name)\": \(error).")
        case nil:
            throw Fault(
                .timedOut, "Agent \"\(name)\" did not answer in \(deadline.components.seconds) s.")
        }
    }

    /// Time after the loss of a connection during which calls wait for the next one: an agent that
    /// can dial does so within 5 s.
    private static let patience = Duration.seconds(10)
    /// Seconds since an agent was last seen, within which a relay that starts expects it; the store
    /// learns of it once a minute.
    private static let recently: Int64 = 120

    private func isExpected(_ id: String) -> Bool {
        members[id]?.lostAt.map { IO.now < $0 + Self.patience } ?? false
    }

    /// The agent's line; where it was lost a moment ago, the next one.
    private func line(
        to member: Member, before end: ContinuousClock.Instant
    ) async throws(Fault) -> any AgentLine {
        let id = member.record.id
        if let lostAt = members[id]?.lostAt {
            await arrivals.wait(until: min(end, lostAt + Self.patience)) {
                members[id]?.connection != nil || members[id] == nil
            }
        }
        guard let connection = members[id]?.connection else { throw offline(member) }
        return connection.line
    }

    private func offline(_ member: Member) -> Fault {
        let record = members[member.record.id]?.record ?? member.record
        let since = record.lastSeen.map { " since \(UTCTime($0).rfc3339)" } ?? ""
        return Fault(
            .agentOffline,
            "Agent \"\(record.name)\" is offline\(since). Check that homeline-agent runs there; "
                + "agent_list shows who is online.")
    }
}
