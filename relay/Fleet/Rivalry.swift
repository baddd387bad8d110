// Two machines with one identity: a copied disk or folder. Each start of an agent has a higher boot
// number than the start before (BootNumber), so of one machine an earlier number never comes back
// once a later one was heard; of two machines both numbers come again and again. Pure.
// Invariant: restarts, however many, and dials that arrive late are not taken for two machines.

/// What has been heard of one identity, judged.
struct Rivalry: Sendable {
    /// A process that was heard: it connected, was refused, or answered.
    private struct Sign: Sendable {
        let boot: Int64
        var peer: String
        var at: ContinuousClock.Instant
    }

    /// The newest signs; consecutive ones of one process are one.
    private var signs: [Sign] = []
    private var lastClash: ContinuousClock.Instant?

    /// How often a process must be heard again after another one: a machine that starts its agent
    /// anew causes at most two, by a dial of the old process that arrives late.
    static let comebacks = 4
    /// How long signs count, and how long a rivalry is reported after the last sign of both: twice
    /// the time after which the refused one dials again.
    static let memory = Duration.seconds(600)
    /// The most signs that are kept: enough for `comebacks` of two processes.
    private static let most = 8

    /// Takes note of a process; returns whether two rivals are found that were not known before.
    mutating func note(boot: Int64, peer: String, at now: ContinuousClock.Instant) -> Bool {
        // `homeline-agent doctor` says 0: it asks for the relay's verdict, and takes over nothing.
        guard boot > 0 else { return false }
        signs.removeAll { $0.at + Self.memory < now }
        if signs.last?.boot == boot {
            (signs[signs.count - 1].peer, signs[signs.count - 1].at) = (peer, now)
            return false
        }
        signs.append(Sign(boot: boot, peer: peer, at: now))
        if signs.count > Self.most { signs.removeFirst() }
        let isKnown = isFound(at: now)
        let again = signs.indices.count { place in
            signs[..<place].contains { $0.boot == signs[place].boot }
        }
        if again >= Self.comebacks || isKnown && signs.count > 1 { lastClash = now }
        return !isKnown && isFound(at: now)
    }

    /// Whether two machines use the identity.
    func isFound(at now: ContinuousClock.Instant) -> Bool {
        lastClash.map { now < $0 + Self.memory } ?? false
    }

    /// The address of the process that was heard last with another boot number than this one; nil
    /// if there is none.
    func peer(besides boot: Int64) -> String? { signs.last { $0.boot != boot }?.peer }
}
