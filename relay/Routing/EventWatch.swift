// Hears what happens at the agents: keeps a standing call open at each one that is connected, over
// all of its connections, and passes on what it answers. Flow: an agent has connected → `follow` →
// whoever listens. Invariant: an agent's events come in order and once; an agent that breaks the
// contract is not asked again over that connection, and one that has much to say is asked at a
// bounded rate.
import JSON
import Loop
import Tunnel
import Wire

/// Keeps a standing call open at each agent.
@IO final class EventWatch {
    /// What is known of an agent.
    private struct Known {
        /// The agent's process, whose numbers these are.
        let process: Int64
        /// The number of the last event that was heard; nil: none yet.
        var last: Int?
        /// Asks it, over its present connection.
        var task: Task<Void, Never>?
        /// When who listens last had to look for itself.
        var looked: ContinuousClock.Instant?
    }

    /// The most bytes of answers that are arriving from all agents: those of 256 at once.
    nonisolated static let answerBytes = 16 << 20
    /// How often an agent is asked at once, after a quiet time.
    nonisolated static let burst = 20
    /// How often it is asked per second after that: what happens meanwhile comes in one answer.
    nonisolated static let perSecond = 5

    /// The kinds of events that somebody listens for.
    private static let heard: Set<AgentEvent.Kind> = [.facts]
    /// The time between two looks at an agent of which events were missed.
    private static let lookPeriod = Duration.seconds(60)

    /// Called for each event; it says nothing that the agent may not say.
    var onEvent: (@IO (_ id: String, AgentEvent.Matter) -> Void)?
    /// Called when events of an agent were missed: who listens looks how things are.
    var onMissed: (@IO (Fleet.Member) -> Void)?

    private let fleet: Fleet
    private let log: AgentLog
    private let answers = ByteBudget(limit: answerBytes, share: AgentEvents.bytes)
    private var known: [String: Known] = [:]

    init(fleet: Fleet, log: AgentLog = .shared) { (self.fleet, self.log) = (fleet, log) }

    /// The agents of which something is known.
    var count: Int { known.count }

    /// Hears an agent that has just connected, for as long as its connection lasts.
    func follow(_ member: Fleet.Member) {
        guard let connection = member.connection else { return }
        let id = member.record.id
        // The number outlives the connection, not the agent's process.
        if known[id]?.process != connection.process {
            known[id] = Known(process: connection.process)
        }
        known[id]?.task = IO.task { await self.hear(connection) }
        // Some were revoked while they were away.
        if known.count > fleet.count { known = known.filter { fleet.member($0.key) != nil } }
    }

    private func hear(_ connection: AgentConnection) async {
        var rate = Rate(burst: Self.burst, perSecond: Self.perSecond)
        while let member = fleet.member(connection.agentID), member.connection === connection {
            guard rate.admits(at: IO.now) else {
                do { try await IO.sleep(for: rate.wait) } catch { return }
                continue
            }
            guard await ask(connection, member) else { break }
        }
        if fleet.isRevoked(connection.agentID) { known[connection.agentID] = nil }
    }

    /// Asks once, and waits for the answer; false: the agent is not asked again.
    private func ask(_ connection: AgentConnection, _ member: Fleet.Member) async -> Bool {
        let (id, name) = (connection.agentID, member.record.name)
        let after = known[id]?.last
        let request = Request(
            .events, caller: .relay,
            arguments: RawJSON(AskEvents(after: after, kinds: Self.heard).json))
        let room = answers.claim(for: id)
        let limit = LoopTimer(after: AskEvents.time) { [weak self] in
            self?.known[id]?.task?.cancel()
        }
        defer { limit.cancel() }
        let bytes: [UInt8]
        do throws(TunnelError) {
            bytes = try await connection.line.call(
                request.encoded(), isStanding: true, sent: nil, received: room)
        } catch {
            switch error {
            case .closed, .draining: return false
            case .reset: return deaf(to: name, "it gave up the call")
            case .busy: return true
            // There is no room, for the answers of others.
            case .crowded where answers.limit - answers.used < AgentEvents.bytes: return true
            case .crowded, .tooLarge: return deaf(to: name, "its events are too long")
            case .cancelled: return deaf(to: name, "it has not answered for an hour")
            }
        }
        guard fleet.member(id)?.connection === connection else { return false }
        do throws(Fault) {
            let answer = try Self.read(bytes, after: after)
            let claims = Claims(agent: member.record, names: fleet.names(of: id), log: log)
            known[id]?.last = answer.last
            // At the first answer, whoever listens has looked already: the agent has connected.
            if answer.isMissed, after != nil { missed(member) }
            for event in answer.events where claims.isOwn(event.matter) {
                onEvent?(id, event.matter)
            }
            return true
        } catch {
            // An earlier agent does not know the call.
            return error.code == .unknownMethod ? false : deaf(to: name, error.message)
        }
    }

    /// Has who listens look, unless that has just been done: an agent may say this at any time.
    private func missed(_ member: Fleet.Member) {
        let id = member.record.id
        if let looked = known[id]?.looked, IO.now - looked < Self.lookPeriod { return }
        known[id]?.looked = IO.now
        onMissed?(member)
    }

    private func deaf(to name: String, _ why: String) -> Bool {
        log.note(name, "is not asked for events until it reconnects: \(why)")
        return false
    }

    private static func read(_ bytes: [UInt8], after: Int?) throws(Fault) -> AgentEvents {
        switch Reply(decoding: bytes) {
        case .fault(let fault): throw fault
        case .result(let result): return try AgentEvents(Fields(result), after: after)
        }
    }
}
