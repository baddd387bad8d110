// The machine's facts over the agent's life: looked up at the start, once an hour, and when a
// client asks. Invariant: one look at a time, off the loop; who asks waits for a bounded time and
// otherwise gets what is known.
import Loop
import Wire

/// Keeps the machine's facts.
@IO final class Survey {
    /// What is known now.
    private(set) var facts: AgentFacts
    private let look: @Sendable () -> AgentFacts
    private let events: Events
    private var running: Once<Void>?
    private var hourly: LoopTimer?

    /// How old facts may be: what is installed changes rarely, and a client can ask for a new look.
    private static let interval = Duration.seconds(3600)
    /// How long a look is waited for: it takes some milliseconds, unless a disk does not answer.
    nonisolated static let patience = Duration.seconds(2)

    init(
        events: Events = Events(),
        _ look: @escaping @Sendable () -> AgentFacts = { Machine.look() }
    ) {
        (self.look, self.events) = (look, events)
        facts = Machine.facts
    }

    /// Looks now and then once an hour.
    func start() async {
        hourly = LoopTimer(after: Self.interval, repeating: Self.interval) { [weak self] in
            IO.task { await self?.refresh() }
        }
        await refresh()
    }

    /// Looks now, or joins the look that is under way.
    ///
    /// A look that hangs holds one thread of the pool, and no second one is begun.
    func refresh() async {
        let ended = running ?? begin()
        _ = await IO.within(Self.patience) { await ended.wait() }
    }

    private func begin() -> Once<Void> {
        let ended = Once<Void>()
        running = ended
        let look = look
        IO.task {
            let facts = await Blocking.run(look)
            if facts != self.facts { self.events.publish(.facts(facts)) }
            self.facts = facts
            self.running = nil
            ended.set(())
        }
        return ended
    }
}
