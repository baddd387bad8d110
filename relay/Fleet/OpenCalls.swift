// How many calls each caller has open at each agent. A call that was given up counts until its
// stream at the agent has ended. `Shares` would need one object for each agent, made and removed
// with it; the tunnel has the limit on all callers. Flow: Fleet.call counts each call here.
// Invariant: one caller cannot take all streams of an agent's tunnel.
import Loop

/// The calls that are open at agents.
@IO final class OpenCalls {
    /// Calls of one caller that may be open at one agent.
    ///
    /// A client has at most 256 running requests, and questions about their progress. A tunnel has
    /// 1,000 streams: three callers at their limit leave some to the others.
    nonisolated static let limit = 320

    private struct Pair: Hashable {
        let agent, caller: String
    }

    private var counts: [Pair: Int] = [:]

    /// Counts a call, unless the caller has too many at this agent.
    func begin(at agent: String, by caller: String) -> Bool {
        let pair = Pair(agent: agent, caller: caller)
        let count = counts[pair, default: 0]
        guard count < Self.limit else { return false }
        counts[pair] = count + 1
        return true
    }

    /// A call that was counted has ended.
    func end(at agent: String, by caller: String) {
        let pair = Pair(agent: agent, caller: caller)
        let left = counts[pair, default: 1] - 1
        counts[pair] = left > 0 ? left : nil
    }
}
