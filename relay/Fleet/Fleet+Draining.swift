// The end of this process, as agents hear of it: when each of them is to dial again, spread so that
// a fleet does not come back all at once, and that waiting calls are to be answered with what there
// is. Invariant: an agent that does not know the call holds up nothing.
import JSON
import Loop
import Wire

extension Fleet {
    /// How long agents may take to hear of it: one that is far away still does.
    private static let hearing = Duration.seconds(1)
    /// The time in which a fleet comes back, for each of its agents: the TLS handshakes of 1,000 a
    /// second take a third of a core.
    private nonisolated static let spread = Duration.milliseconds(1)
    /// Until then no agent dials: this process ends first, or the next one is only about to begin.
    private nonisolated static let earliest = Duration.milliseconds(250)
    /// Where nobody takes connections yet, the first agents dial within this time after it: a
    /// service manager starts the relay again meanwhile.
    private nonisolated static let restart = Duration.milliseconds(750)

    /// The times among which an agent's own is drawn.
    nonisolated static func returns(of agents: Int, hasSuccessor: Bool) -> ClosedRange<Duration> {
        earliest...(earliest + (hasSuccessor ? .zero : restart) + spread * agents)
    }

    /// Tells the agents that this process is ending.
    func sayFarewell(hasSuccessor: Bool) async {
        let leaving = all.compactMap(\.connection)
        let window = Self.returns(of: leaving.count, hasSuccessor: hasSuccessor)
        let length = (window.upperBound - window.lowerBound) / .milliseconds(1)
        await tell(leaving) {
            let wait = window.lowerBound + .milliseconds(Int64(.random(in: 0...1) * length))
            return Drain(retryAfter: wait, hasSuccessor: hasSuccessor)
        }
    }

    /// Ends the waits of calls that were made after the farewell.
    func endWaits() async {
        await tell(all.compactMap(\.connection).filter { $0.line.openStreams > 0 }) {
            Drain(retryAfter: nil, hasSuccessor: false)
        }
    }

    private func tell(_ connections: [AgentConnection], _ drain: @IO () -> Drain) async {
        let calls = connections.map { connection in
            let request = Request(.drain, caller: .relay, arguments: RawJSON(drain().json))
            let bytes = request.encoded()
            return IO.task {
                _ = try? await connection.line.call(
                    bytes, sent: nil, received: nil)
            }
        }
        _ = await IO.within(Self.hearing) { for call in calls { await call.value } }
        for call in calls { call.cancel() }
    }
}
