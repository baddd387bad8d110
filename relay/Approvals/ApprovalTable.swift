// All questions to persons, as a table over the time. Pure: every function is given the time.
// Invariant: bounded, in all and for each principal; an answer is taken once, by a call of the
// principal and at the agent that the question came from, for its digest; a secret's question is
// its call's alone.
import Wire

/// The questions that wait, and those that were answered lately.
struct ApprovalTable {
    /// The most questions of one principal that wait or were decided: a person reads a few.
    static let mostWaiting = 32
    /// The most questions in all.
    static let most = 1024

    /// How long, in seconds, a question waits, and its answer for the call.
    let lifetime: Int64
    /// In the order of their making.
    private var all: [Approval] = []

    init(lifetime: Int64) { self.lifetime = lifetime }

    /// The question of this id.
    subscript(id: String) -> Approval? { all.first { $0.id == id } }

    /// The question whose id is this, or alone begins so, with four characters at least.
    func find(_ text: String) throws(ApprovalError) -> Approval {
        let found = text.utf8.count < 4 ? [] : all.filter { $0.id.hasPrefix(text) }
        guard let first = found.first(where: { $0.id == text }) ?? found.first else {
            throw .unknown(text)
        }
        guard found.count == 1 || first.id == text else { throw .ambiguous(text) }
        return first
    }

    /// Those that wait, the oldest first.
    func waiting(at now: Int64) -> [Approval] { all.filter { $0.state(at: now) == .waiting } }

    /// All, the oldest first.
    var listed: [Approval] { all }

    /// The question of this key that waits or was decided already.
    func known(_ key: Approval.Key, _ now: Int64) -> Approval? {
        all.last { approval in
            guard approval.key == key else { return false }
            return switch approval.state(at: now) {
            case .waiting, .granted: true
            // A person who has said no is not asked again at once.
            case .denied: now < approval.expires
            case .expired, .used: false
            }
        }
    }

    /// Adds a question, for which there is a place; throws `limit_reached`.
    ///
    /// Those that count no more make room first: the principal's own for its share, any for all.
    mutating func add(_ approval: Approval, at now: Int64) throws(Fault) {
        sweep(now)
        let principal = approval.asker.principal
        if count(of: principal) >= Self.mostWaiting {
            remove { $0.asker.principal == principal && $0.isOver(at: now) }
        }
        let own = count(of: principal)
        guard own < Self.mostWaiting else {
            throw Fault(
                .limitReached,
                "\(own) questions of yours wait for a person, or were decided lately: have those"
                    + " that wait answered, or wait until some expire")
        }
        if all.count >= Self.most, !remove({ $0.isOver(at: now) }) {
            remove { $0.state(at: now) != .waiting }
        }
        guard all.count < Self.most else {
            throw Fault(
                .limitReached, "\(all.count) questions wait for a person at this relay: try later")
        }
        all.append(approval)
    }

    private func count(of principal: String) -> Int {
        all.count { $0.asker.principal == principal }
    }

    /// Removes the oldest of those that may go, of the principal that has most questions; false:
    /// none may go.
    @discardableResult
    private mutating func remove(_ mayGo: (Approval) -> Bool) -> Bool {
        var counts: [String: Int] = [:]
        for approval in all { counts[approval.asker.principal, default: 0] += 1 }
        var found: (place: Int, count: Int)?
        for (place, approval) in all.enumerated() where mayGo(approval) {
            let count = counts[approval.asker.principal] ?? 0
            if count > found?.count ?? 0 { found = (place, count) }
        }
        guard let found else { return false }
        all.remove(at: found.place)
        return true
    }

    /// Answers a question that waits; a secret's question is `used` by that.
    mutating func answer(
        _ id: String, _ state: Approval.State, by person: String, at now: Int64
    ) throws(ApprovalError) -> Approval {
        guard let place = all.firstIndex(where: { $0.id == id }) else { throw .unknown(id) }
        let current = all[place].state(at: now)
        guard current == .waiting else { throw .notWaiting(current) }
        all[place] = all[place].turned(state, by: person)
        return all[place]
    }

    /// Takes what was granted for a question, once.
    mutating func take(_ key: Approval.Key, _ now: Int64) -> (id: String, isPin: Bool)? {
        guard let known = known(key, now),
            case .granted(let isPin) = known.state(at: now),
            let place = all.firstIndex(where: { $0.id == known.id })
        else { return nil }
        all[place] = known.turned(.used)
        return (known.id, isPin)
    }

    /// Gives an answer back that was taken for a call which began nothing.
    mutating func giveBack(_ id: String, isPin: Bool) {
        guard let place = all.firstIndex(where: { $0.id == id }) else { return }
        all[place] = all[place].turned(.granted(isPin: isPin))
    }

    /// Forgets a principal's questions.
    mutating func forget(_ principal: String) { all.removeAll { $0.asker.principal == principal } }

    /// Drops what was over a lifetime ago: until then a person can still read what came of it.
    mutating func sweep(_ now: Int64) { all.removeAll { now >= $0.expires + lifetime } }

    var isEmpty: Bool { all.isEmpty }
}

extension Approval {
    /// Whether nothing can come of it any more.
    fileprivate func isOver(at now: Int64) -> Bool {
        switch state(at: now) {
        case .expired, .used: true
        case .waiting, .granted, .denied: false
        }
    }
}
