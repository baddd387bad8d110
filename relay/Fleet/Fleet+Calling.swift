// Calls to agents, over one connection after another: a call whose tunnel breaks is repeated over
// the agent's next one, within its own deadline. Invariant: a call that must not run twice is
// repeated only at an agent that knows it again by its key.
import JSON
import Loop
import Tunnel
import Wire

extension Fleet {
    /// The bytes of a request beside its arguments: the method, the key and the caller with its
    /// reach.
    private static let requestBytes = 1024
    /// How long a call that was not sent waits for its agent: one that can dial does so within 5 s.
    private static let patience = Duration.seconds(10)
    /// How long a call that was sent waits for its agent's next connection: an agent that has
    /// nothing to send finds a dead tunnel within 33 s, then dials.
    private static let patienceForAnswer = Duration.seconds(40)
    /// Time past a call's deadline at which it is given up: a wait for the agent that reaches the
    /// deadline can still say so.
    private static let lateness = Duration.milliseconds(100)

    /// A call as it is repeated.
    private struct Order {
        let member: Member
        let method: Method
        let caller: Caller
        let key: String?
        let approved: [Grant]?
        let arguments: RawJSON
        let end: ContinuousClock.Instant

        var name: String { member.record.name }
    }

    /// How often a call is repeated: one that kills the agent must not do so at each of its starts.
    struct Repeats {
        /// The most repetitions: a link that drops at once would be fed with one call for long.
        static let most = 8
        /// The most starts of the agent that a call is sent to.
        static let mostBoots = 2

        private var count = 0
        private var boots: Set<Int64> = []

        /// Whether a call that broke off at an agent of this start may be sent again.
        mutating func take(_ boot: Int64) -> Bool {
            count += 1
            boots.insert(boot)
            return count <= Self.most && boots.count < Self.mostBoots
        }
    }

    /// Calls an agent and returns its result's bytes, within `deadline`; only `Router.send`
    /// uses it, and the fleet itself where it tells an agent its name.
    ///
    /// `key` names the call for the agent's journal, if running it twice differs from once. A call
    /// whose key is its client's own (`isClients`) goes on when the client gives it up: the client
    /// may have lost its connection, and ask again. `approved` are the answers of persons; nil:
    /// none can be asked.
    func call(
        _ member: Member, _ method: Method, caller: Caller, key: String? = nil,
        isClients: Bool = false, approved: [Grant]? = nil, arguments: RawJSON, deadline: Duration
    ) async throws(Fault) -> AgentAnswer {
        let (agentID, callerID) = (member.record.id, caller.id)
        guard calls.begin(at: agentID, by: callerID) else {
            throw Fault(
                .busy,
                "\(OpenCalls.limit) calls of yours are open at agent \"\(member.record.name)\", some"
                    + " of them perhaps given up and not ended yet: try again in a moment.")
        }
        CrashPoint.reach("relay.counted")
        let order = Order(
            member: member, method: method, caller: caller, key: key, approved: approved,
            arguments: arguments, end: IO.now + deadline)
        let work = IO.task { () async -> Result<AgentAnswer, Fault> in
            // Not before the agent has given up a call that was cancelled.
            defer { self.calls.end(at: agentID, by: callerID) }
            do throws(Fault) { return .success(try await self.carry(out: order)) } catch {
                return .failure(error)
            }
        }
        let outcome = await IO.within(deadline + Self.lateness) { await work.value }
        if outcome == nil, !isClients || IO.now >= order.end { work.cancel() }
        guard let outcome else {
            throw Fault(
                .timedOut,
                "Agent \"\(member.record.name)\" did not answer in \(deadline.components.seconds) s."
            )
        }
        return try outcome.get()
    }

    /// Sends a call over the agent's connection, and over the next ones if it breaks.
    private func carry(out order: Order) async throws(Fault) -> AgentAnswer {
        let id = order.member.record.id
        guard await connection(of: id, after: nil, before: IO.now) != nil || expects(id) else {
            throw offline(order.member)
        }
        var broken: (connection: AgentConnection, reason: String)?
        var last: AgentConnection?
        var repeats = Repeats()
        while true {
            let sent: ByteBudget.Claim
            do throws(Fault) {
                sent = try await freight.place(
                    for: order.arguments.bytes.count + Self.requestBytes,
                    at: order.member.record, before: order.end)
            } catch {
                // Of a call that was sent before, nobody may hear that it was not.
                throw broken.map { lost(order, $0.reason) } ?? error
            }
            CrashPoint.reach("relay.placed")
            let patience = broken == nil ? Self.patience : Self.patienceForAnswer
            let found = await connection(
                of: id, after: last, before: min(order.end, IO.now + patience))
            guard let found, broken == nil || Self.mayRepeat(order, over: found) else {
                throw broken.map { lost(order, $0.reason) } ?? offline(order.member)
            }
            CrashPoint.reach("relay.found")
            last = found
            let received = freight.arrival(from: order.member.record)
            // Encoded here, and handed over: the line is the only one that holds the bytes.
            let request = Request(
                order.method, caller: order.caller, key: found.keepsJournal ? order.key : nil,
                approved: order.approved, arguments: order.arguments
            ).encoded()
            CrashPoint.reach("relay.encoded")
            let bytes: [UInt8]
            do throws(TunnelError) {
                bytes = try await found.line.call(
                    request, sent: sent, received: received)
            } catch {
                switch error {
                case .draining: break
                case .closed(let reason):
                    broken = (found, reason)
                    guard Self.mayRepeat(order, over: found), repeats.take(found.epoch.boot) else {
                        throw lost(order, reason)
                    }
                case .reset, .busy, .crowded, .tooLarge, .cancelled:
                    throw broken.map { lost(order, $0.reason) }
                        ?? Fault(.unavailable, "Agent \"\(order.name)\": \(error).")
                }
                continue
            }
            CrashPoint.reach("relay.replied")
            return try await read(bytes, order, holding: received)
        }
    }

    private static func mayRepeat(_ order: Order, over connection: AgentConnection) -> Bool {
        !order.method.row.runsOnce || order.key != nil && connection.keepsJournal
    }

    private func read(
        _ bytes: [UInt8], _ order: Order, holding received: ByteBudget.Claim
    ) async throws(Fault) -> AgentAnswer {
        let limit = order.method.row.replyLimit
        guard bytes.count <= limit else {
            throw Fault(
                .unavailable,
                "Agent \"\(order.name)\" answered with \(bytes.count) bytes, at most \(limit) are"
                    + " taken.")
        }
        // A long reply is read beside the loop, which serves everybody.
        switch await Blocking.run(ifLong: bytes.count, { Reply(decoding: bytes) }) {
        case .result(let result):
            CrashPoint.reach("relay.read")
            return AgentAnswer(result, holding: received)
        case .fault(let fault): throw fault
        }
    }

    /// The fault of a call whose agent has not come back.
    private func lost(_ order: Order, _ reason: String) -> Fault {
        guard !isRevoked(order.member.record.id) else {
            return Fault(
                .agentOffline,
                "Agent \"\(order.name)\" was revoked during the call. Whatever was started there may"
                    + " still run; only a new invitation brings the agent back.")
        }
        return Fault(
            .agentOffline,
            "The tunnel to agent \"\(order.name)\" broke during the call (\(reason)), and the agent"
                + " has not come back yet. Whatever was started there keeps running; the agent "
                + "reconnects by itself: then ask again with the same handle.")
    }
}
