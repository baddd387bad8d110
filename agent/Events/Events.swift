// What has happened at this agent, for its relay: parts publish by one door, and the relay's
// standing call takes it. Flow: a part → Events → `agent.events`. Invariant: nothing waits for the
// relay; the events that the relay has not taken are bounded, and the relay learns of a gap.
import JSON
import Loop
import Wire

/// The newest events, numbered, until the relay asks for what follows them.
@IO final class Events {
    /// The most events that are kept: some 200 bytes each, of all that a busy agent has going on.
    nonisolated static let limit = 1024
    /// How long a question waits for an event: less than the relay waits.
    private let patience: Duration

    /// The number of the newest event.
    private var last = 0
    /// The number of the newest event that is not known any more.
    private var forgotten = 0
    /// The events after `forgotten`, in order; earlier ones about the same thing included.
    private var kept: [AgentEvent] = []
    /// The number of the newest event about each subject in `kept`.
    private var newest: [String: Int] = [:]
    /// The kinds that the relay wants; nil: it has not asked, and nothing is kept for it.
    private var wanted: Set<AgentEvent.Kind>?
    /// Newer facts than the last hello had; nil: there are none.
    private var unsaidFacts: AgentEvent?
    /// The question that waits.
    private var waiting: Once<Void>?

    nonisolated init(patience: Duration = AskEvents.time - .seconds(300)) {
        self.patience = patience
    }

    /// Serves the relay's standing call.
    func serve(on dispatcher: Dispatcher) {
        dispatcher.serve(.events) { [weak self] (call: AskEvents, _) in
            await self?.answer(after: call.after, of: call.kinds).json ?? [:]
        }
    }

    /// Reports that something has happened.
    func publish(_ matter: AgentEvent.Matter) {
        guard wanted?.contains(matter.kind) ?? true else { return }
        last += 1
        let event = AgentEvent(last, matter)
        if matter.kind == .facts { unsaidFacts = event }
        guard wanted != nil else { return forgotten = last }
        kept.append(event)
        newest[matter.subject] = last
        if kept.count > Self.limit { tidy() }
        waiting?.set(())
    }

    /// How many events are kept.
    var keptCount: Int { kept.count }

    /// A hello has the facts as they are now.
    func saidFacts() { unsaidFacts = nil }

    /// What has happened after an event, as soon as something has.
    ///
    /// A later question ends an earlier one that waits: there is one relay.
    func answer(
        after known: Int?, of kinds: Set<AgentEvent.Kind>? = nil
    ) async -> AgentEvents {
        let kinds = kinds ?? Set(AgentEvent.Kind.allCases)
        wanted = kinds
        waiting?.set(())
        guard let known else {
            // A relay that asks for the first time has heard the hello, and looks no more.
            let facts = kinds.contains(.facts) ? unsaidFacts : nil
            return AgentEvents(facts.map { [$0] } ?? [], last: last, isMissed: true)
        }
        guard (forgotten...last).contains(known) else {
            return AgentEvents(last: last, isMissed: true)
        }
        forget(upTo: known)
        if known == last { await wait() }
        // While this question waited, a later one may have come, and more events than are kept:
        // those that this question asks for may have been dropped.
        guard known >= forgotten else { return AgentEvents(last: last, isMissed: true) }
        return piece(after: known)
    }

    private func wait() async {
        let changed = Once<Void>()
        waiting = changed
        let timer = LoopTimer(after: patience) { changed.set(()) }
        await withTaskCancellationHandler {
            await changed.wait()
        } onCancel: {
            IO.task { changed.set(()) }
        }
        timer.cancel()
        if waiting === changed { waiting = nil }
    }

    /// The events after a number, as many as one answer holds.
    private func piece(after known: Int) -> AgentEvents {
        var answer = AgentEvents(last: known)
        // The rest of the answer, and of each event its comma.
        var room = AgentEvents.bytes - 1024
        for event in kept where event.number > known && isNewest(event) {
            var bytes: [UInt8] = []
            event.json.write(into: &bytes)
            room -= bytes.count + 1
            guard room > 0 || answer.events.isEmpty else { return answer }
            answer.events.append(event)
            answer.last = event.number
        }
        answer.last = last
        return answer
    }

    private func isNewest(_ event: AgentEvent) -> Bool {
        newest[event.matter.subject] == event.number
    }

    /// The relay knows these: they are not needed any more.
    private func forget(upTo number: Int) {
        forgotten = max(forgotten, number)
        kept.removeAll { event in
            guard event.number <= number else { return false }
            if isNewest(event) { newest[event.matter.subject] = nil }
            return true
        }
    }

    /// Drops what later events stand for, and the oldest of what are too many.
    ///
    /// It leaves room for an eighth, so that it happens rarely.
    private func tidy() {
        kept.removeAll { !isNewest($0) }
        let excess = kept.count - Self.limit / 8 * 7
        if excess > 0 { forget(upTo: kept[excess - 1].number) }
    }
}
