// Keeps what is known of the agents' machines up to date: an agent reports new facts by itself.
// Invariant: facts are at most an hour old while an agent is connected, as old as it says.
import JSON
import Loop
import Wire

extension Router {
    /// Has the fleet learn the facts that agents report, and asks for them where a report was
    /// missed.
    func keepFacts() {
        events.onEvent = { [weak self] id, matter in
            guard case .facts(let facts) = matter else {
                self?.onEvent?(id, matter)
                return
            }
            self?.fleet.learn(facts, of: id)
        }
        events.onMissed = { [weak self] member in IO.task { await self?.lookAgain(at: member) } }
    }

    private func lookAgain(at member: Fleet.Member) async {
        // An agent that does not answer says its facts when it connects the next time.
        guard let answer = try? await send(AgentCall(.describe, for: .local), to: member),
            let facts = await AgentDescription.facts(in: answer.result)
        else { return }
        fleet.learn(facts, of: member.record.id)
    }
}

extension AgentDescription {
    /// The facts in an agent's description; nil if there are none that can be read.
    @IO static func facts(in result: RawJSON) async -> AgentFacts? {
        await Blocking.run(ifLong: result.bytes.count) {
            (try? JSON.members(of: result.bytes, limits: .answer))?
                .first { $0.name == factsName }
                .flatMap { try? JSON(parsing: Array(result.bytes[$0.value])) }
                .map(AgentFacts.init)
        }
    }
}
