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
///
/// No task waits for an answer: with thousands of agents, that is what they cost.
@IO final class EventWatch {
    /// What is known of an agent.
    private struct Known {
        /// The agent's process, whose numbers these are.
        let process: Int64
        /// The number of the last event that was heard; nil: none yet.
        var last: Int?
        /// How often the agent may be asked.
        var rate = Rate(burst: EventWatch.burst, perSecond: EventWatch.perSecond)
        /// The question that is open, and since when.
        var open: (question: TunnelStream, since: ContinuousClock.Instant)?
        /// Whether that question was given up, so that another one asks for other kinds.
        var isForNew = false
        /// When who listens last had to look for itself.
        var looked: ContinuousClock.Instant?
    }

    /// The most bytes of answers that are arriving from all agents: those of 256 at once.
    nonisolated static let answerBytes = 16 << 20
    /// How often an agent is asked at once, after a quiet time.
    nonisolated static let burst = 20
    /// How often it is asked per second after that: what happens meanwhile comes in one answer.
    nonisolated static let perSecond = 5

    /// The kinds of events that the relay always listens for.
    private static let heard: Set<AgentEvent.Kind> = [.facts]
    /// The time between two looks at an agent of which events were missed.
    private static let lookPeriod = Duration.seconds(60)
    /// How often questions are looked for that have been open for too long.
    private static let reviewPeriod = Duration.seconds(60)

    /// Called for each event; it says nothing that the agent may not say.
    var onEvent: (@IO (_ id: String, AgentEvent.Matter) -> Void)?
    /// Called when events of an agent were missed: who listens looks how things are.
    var onMissed: (@IO (Fleet.Member) -> Void)?

    private let fleet: Fleet
    private let log: AgentLog
    private let answers = ByteBudget(limit: answerBytes, share: AgentEvents.bytes)
    private var known: [String: Known] = [:]
    /// The kinds that somebody listens for besides, by the agents' ids.
    private var wanted: [String: Set<AgentEvent.Kind>] = [:]
    private var timer: LoopTimer?

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
        // Some were revoked while they were away.
        if known.count > fleet.count { known = known.filter { fleet.member($0.key) != nil } }
        timer =
            timer
            ?? LoopTimer(after: Self.reviewPeriod, repeating: Self.reviewPeriod) {
                [weak self] in self?.review(at: IO.now)
            }
        IO.task { await self.ask(connection) }
    }

    /// Has an agent report these kinds of events besides, from now on.
    ///
    /// It is asked again at once, as soon as its rate permits.
    func listen(for kinds: Set<AgentEvent.Kind>, at id: String) {
        guard kinds != wanted[id, default: []] else { return }
        wanted[id] = kinds.isEmpty ? nil : kinds
        guard let open = known[id]?.open, known[id]?.isForNew == false else { return }
        known[id]?.isForNew = true
        open.question.giveUp()
    }

    private func kinds(of id: String) -> Set<AgentEvent.Kind> {
        Self.heard.union(wanted[id] ?? [])
    }

    /// Gives up the questions that no agent has answered in time.
    private func review(at now: ContinuousClock.Instant) {
        for agent in known.values {
            if let open = agent.open, now - open.since > AskEvents.time { open.question.giveUp() }
        }
    }

    /// Asks an agent what has happened, as soon as its rate permits.
    private func ask(_ connection: AgentConnection) async {
        let id = connection.agentID
        while known[id]?.rate.admits(at: IO.now) == false {
            guard let wait = known[id]?.rate.wait else { return }
            do { try await IO.sleep(for: wait) } catch { return }
        }
        guard let agent = known[id], fleet.member(id)?.connection === connection else { return }
        let kinds = kinds(of: id)
        let request = Request(
            .events, caller: .relay,
            arguments: RawJSON(AskEvents(after: agent.last, kinds: kinds).json))
        do throws(TunnelError) {
            let question = try connection.line.stand(
                request.encoded(), received: answers.claim(for: id)
            ) { [weak self] result in
                IO.task { await self?.hear(result, to: agent.last, over: connection) }
            }
            known[id]?.open = (question, IO.now)
            known[id]?.isForNew = false
        } catch {
            await hear(.failure(error), to: agent.last, over: connection)
        }
    }

    /// Takes the answer to a question after the event with the number `after`, and asks again.
    private func hear(
        _ result: Result<[UInt8], TunnelError>, to after: Int?, over connection: AgentConnection
    ) async {
        let id = connection.agentID
        guard let member = fleet.member(id), member.connection === connection else { return }
        let isForNew = known[id]?.isForNew == true
        known[id]?.open = nil
        known[id]?.isForNew = false
        let isGood =
            switch result {
            case .success(let bytes): take(bytes, after, member)
            case .failure(.cancelled) where isForNew: true
            case .failure(let error): isLasting(error, member.record.name)
            }
        if isGood { await ask(connection) }
    }

    /// Passes on what an agent answered; false: the agent is not asked again.
    private func take(_ bytes: [UInt8], _ after: Int?, _ member: Fleet.Member) -> Bool {
        let (id, name) = (member.record.id, member.record.name)
        do throws(Fault) {
            let answer = try Self.read(bytes, after: after)
            let claims = Claims(
                agent: member.record, names: fleet.names(of: id),
                handlePrefix: fleet.handlePrefix(of: id), log: log)
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

    /// Whether an agent is asked again after a question that failed.
    private func isLasting(_ error: TunnelError, _ name: String) -> Bool {
        switch error {
        case .closed, .draining: false
        case .reset: deaf(to: name, "it gave up the call")
        case .busy: true
        // The answers of other agents fill the room: this agent did nothing wrong.
        case .crowded where answers.limit - answers.used < AgentEvents.bytes: true
        case .crowded, .tooLarge: deaf(to: name, "its events are too long")
        case .cancelled: deaf(to: name, "it has not answered for an hour")
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
