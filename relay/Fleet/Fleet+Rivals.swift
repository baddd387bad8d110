// Two machines with one identity, as the fleet sees them: one is served, the other is refused and
// asked to wait, and people learn of both. `Rivalry` judges.
import Loop
import Wire

extension Fleet {
    /// After which time the refused one may dial again: if the served one is gone, it takes over.
    private static let pause = Duration.seconds(300)
    /// How long the served one may take to show that it is alive: one round trip.
    private static let patience = Duration.seconds(5)

    /// What to do about a copied identity.
    nonisolated static let advice =
        "on the machine that is the copy, stop homeline-agent and run homeline-agent join --new with "
        + "a new invitation"

    /// The refusal of an earlier process while a later one is connected.
    func refusalOfRival(_ id: String) -> Refusal {
        guard isContested(id) else {
            return Refusal(.superseded, "a later connection of this agent is open")
        }
        return Refusal(
            .duplicate, "another machine has the same identity and is served: \(Self.advice)",
            retryAfter: Self.pause)
    }

    /// Takes note of a process that was refused because a later one is connected, and of the latter
    /// if it is alive: the connection of a machine that is gone proves nothing.
    func noteRefused(_ connection: AgentConnection) {
        note(connection, from: connection.line.peer)
        guard let served = member(connection.agentID)?.connection else { return }
        IO.task {
            let answer = await IO.within(Self.patience) { await served.line.ping() }
            guard let answer, answer != nil,
                self.member(served.agentID)?.connection === served
            else { return }
            self.note(served, from: served.line.peer)
        }
    }

    /// What people should know about an agent; nil if there is nothing.
    func warning(about id: String) -> String? {
        guard isContested(id), let served = member(id)?.connection else { return nil }
        let other = peer(of: id, besides: served.process) ?? "another address"
        return
            "two machines use this identity: \(served.line.peer) is served, \(other) is refused; "
            + Self.advice
    }
}
