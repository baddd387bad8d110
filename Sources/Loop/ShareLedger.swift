// The books of `Shares`: who holds how many places, who waits, and who is next. Pure.
// Invariant: a principal never holds more than its share, all together never more than `limit`, and
// a free place goes to those who wait in turns, principal by principal.

/// Why a principal cannot have a place now.
public enum Lack: Error, Equatable, Sendable {
    /// All places are taken.
    case places(limit: Int)
    /// The principal has its share of the places.
    case share(own: Int, limit: Int)
}

/// Who holds and who waits for a number of places.
struct ShareLedger: Sendable {
    /// The most that wait for one principal, as a call that is cancelled leaves its look-up or run
    /// of `ssh -G` in the queue.
    static let waitingLimit = 256

    /// The places in all.
    var limit: Int
    /// The most places of one principal, if that is not three quarters of them.
    var fixedShare: Int?
    private var held: [String: Int] = [:]
    private(set) var taken = 0
    /// The tickets of those who wait, by their principals.
    private var waiting: [String: [Int]] = [:]
    /// The principals of those who wait, the next one first.
    private var turns: [String] = []

    /// Without a given share, a principal may have three quarters: the rest is left to the others.
    init(limit: Int, share: Int?) {
        self.limit = limit
        fixedShare = share
    }

    /// The most places that one principal has.
    var share: Int { min(limit, fixedShare ?? Shares.share(of: limit)) }

    /// Why a principal gets no place now; nil if it gets one.
    func lack(for principal: String) -> Lack? {
        let own = held[principal, default: 0]
        if own >= share { return .share(own: own, limit: limit) }
        return taken < limit ? nil : .places(limit: limit)
    }

    mutating func take(for principal: String) throws(Lack) {
        if let lack = lack(for: principal) { throw lack }
        taken += 1
        held[principal, default: 0] += 1
    }

    mutating func giveBack(_ principal: String) {
        taken -= 1
        held[principal, default: 1] -= 1
        if held[principal] == 0 { held[principal] = nil }
    }

    /// Queues a ticket; false if too many of this principal's wait.
    mutating func queue(_ ticket: Int, for principal: String) -> Bool {
        if waiting[principal] == nil { turns.append(principal) }
        guard waiting[principal, default: []].count < Self.waitingLimit else { return false }
        waiting[principal, default: []].append(ticket)
        return true
    }

    mutating func withdraw(_ ticket: Int, of principal: String) {
        waiting[principal]?.removeAll { $0 == ticket }
        forget(principal)
    }

    /// The ticket that gets a place now, which is then taken; nil if nobody can have one.
    mutating func next() -> Int? {
        guard let turn = turns.firstIndex(where: { lack(for: $0) == nil }) else { return nil }
        let principal = turns.remove(at: turn)
        turns.append(principal)
        guard let ticket = waiting[principal]?.removeFirst() else { return nil }
        forget(principal)
        taken += 1
        held[principal, default: 0] += 1
        return ticket
    }

    private mutating func forget(_ principal: String) {
        guard waiting[principal]?.isEmpty == true else { return }
        waiting[principal] = nil
        turns.removeAll { $0 == principal }
    }
}
