// The bytes on the way to agents and back: how many there may be, for one agent and for all.
// Flow: Fleet.call asks for a place for its request, and hands the claims to the agent's line.
// Invariant: what is being sent is counted until it is sent, and what has arrived until the
// client's reply is made of it; a call that finds no room waits for at most its own deadline, and
// only a bounded number waits.
import JSON
import Loop
import Wire

/// The room for calls to agents.
@IO final class Freight {
    /// What one relay has on the way.
    struct Limits {
        /// Bytes of requests that are being sent to agents, for all of them together: a crowd of
        /// agents that do not read fills no more than this.
        var requests = 64 << 20
        /// The same for one agent: a quarter, five of the longest, so that four agents that do not
        /// read still leave room for the others.
        var agentRequests = 16 << 20
        /// Bytes of replies that have arrived from agents and are not passed on yet, for all.
        var replies = 64 << 20
        /// The same for one agent: half, which is four of the longest replies of 8 MiB at once.
        var agentReplies = 32 << 20
        /// The part of an agent's room that calls above this many bytes leave free, so that short
        /// calls pass long ones that wait.
        var kept = 1 << 20
        /// Bytes above which a call is long: it waits if there is no room; a short one fails.
        var long = 64 << 10
        /// Long calls that may wait for one agent: each holds its arguments.
        var waiting = 64
    }

    let limits: Limits
    let requests: ByteBudget
    let replies: ByteBudget
    private var waiting: [String: Int] = [:]
    private let freed = Condition()

    init(_ limits: Limits = Limits()) {
        self.limits = limits
        requests = ByteBudget(limit: limits.requests, share: limits.agentRequests)
        replies = ByteBudget(limit: limits.replies, share: limits.agentReplies)
        requests.onRoom = { [weak self] in self?.wake() }
    }

    /// A place for a request of `bytes` bytes; a long request waits for its place until `end`.
    func place(
        for bytes: Int, at agent: AgentRecord, before end: ContinuousClock.Instant
    ) async throws(Fault) -> ByteBudget.Claim {
        let claim = requests.claim(for: agent.id)
        guard bytes > limits.long else {
            guard claim.grow(by: bytes) else { throw notReading(agent) }
            return claim
        }
        if waiting[agent.id] == nil, takes(bytes, claim) { return claim }
        guard waiting[agent.id, default: 0] < limits.waiting else { throw notReading(agent) }
        waiting[agent.id, default: 0] += 1
        var isTaken = false
        await freed.wait(until: end) {
            isTaken = takes(bytes, claim)
            return isTaken
        }
        let left = waiting[agent.id, default: 1] - 1
        waiting[agent.id] = left > 0 ? left : nil
        guard isTaken else { throw notReading(agent) }
        return claim
    }

    /// A claim that grows as a reply arrives.
    func arrival(from agent: AgentRecord) -> ByteBudget.Claim { replies.claim(for: agent.id) }

    private func takes(_ bytes: Int, _ claim: ByteBudget.Claim) -> Bool {
        requests.room(for: claim.holder) >= bytes + limits.kept && claim.grow(by: bytes)
    }

    private func wake() { if !waiting.isEmpty { freed.broadcast() } }

    private func notReading(_ agent: AgentRecord) -> Fault {
        let sending = requests.used(by: agent.id) >> 20
        let state =
            sending > 0
            ? "does not read what is sent to it fast enough: \(sending) MiB of calls wait"
            : "cannot be sent more now: calls to other agents fill the relay's room"
        return Fault(
            .busy,
            "Agent \"\(agent.name)\" \(state). This call was not sent: try again in a moment.")
    }
}

/// What an agent answered, and what it takes of the room for replies until nobody needs it.
struct AgentAnswer: Sendable {
    let result: RawJSON
    private let claim: ByteBudget.Claim?

    init(_ result: RawJSON, holding claim: ByteBudget.Claim? = nil) {
        self.result = result
        self.claim = claim
    }
}
