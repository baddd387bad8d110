// Places that principals share: sessions, look-ups, searches and the like. Whoever is to use one
// takes it here, at once or in a queue, and one principal never has them all.
// Invariant: a place is given back once, and every wait ends, at the latest at its deadline.

/// A number of places, of which one principal gets a share.
@IO public final class Shares {
    /// A place that is taken until it is given back.
    @IO public final class Place {
        /// Who has it.
        public let principal: String
        private var shares: Shares?

        fileprivate init(_ principal: String, _ shares: Shares) {
            self.principal = principal
            self.shares = shares
        }

        /// Gives the place back; later calls change nothing.
        public func giveBack() {
            shares?.giveBack(principal)
            shares = nil
        }
    }

    /// One who waits: whether it got a place, once that is known.
    private struct Waiter {
        let principal: String
        let outcome = Once<Bool>()
    }

    private var ledger: ShareLedger
    private var waiters: [Int: Waiter] = [:]
    private var tickets = 0

    /// Places for all; one principal gets `share` of them, or else three quarters.
    public nonisolated init(_ limit: Int, share: Int? = nil) {
        ledger = ShareLedger(limit: limit, share: share)
    }

    /// The places in all.
    public var limit: Int {
        get { ledger.limit }
        set {
            ledger.limit = newValue
            admit()
        }
    }

    /// The most places that one principal may have.
    public var share: Int {
        get { ledger.share }
        set {
            ledger.fixedShare = newValue
            admit()
        }
    }

    /// A principal's share where none is given: three quarters, so that others find the rest.
    public nonisolated static func share(of limit: Int) -> Int { (limit * 3 + 3) / 4 }

    /// The places that are taken now.
    public var taken: Int { ledger.taken }
    /// How many wait now.
    public var waiting: Int { waiters.count }

    /// Takes a place for a principal now.
    public func take(for principal: String) throws(Lack) -> Place {
        try ledger.take(for: principal)
        return Place(principal, self)
    }

    /// Takes a place for a principal as soon as its turn comes; throws at the deadline, and when
    /// the caller is cancelled.
    public func wait(
        for principal: String, until deadline: ContinuousClock.Instant
    ) async throws(Lack) -> Place {
        // Whoever waits cannot have a place now, so that nobody is overtaken here.
        guard let lack = ledger.lack(for: principal) else { return try take(for: principal) }
        tickets += 1
        let ticket = tickets
        guard ledger.queue(ticket, for: principal) else { throw lack }
        let waiter = Waiter(principal: principal)
        waiters[ticket] = waiter
        let timer = LoopTimer(after: max(.zero, deadline - IO.now)) { [weak self] in
            self?.withdraw(ticket)
        }
        let isAdmitted = await withTaskCancellationHandler {
            await waiter.outcome.wait()
        } onCancel: {
            IO.task { self.withdraw(ticket) }
        }
        timer.cancel()
        guard isAdmitted else { throw lack }
        return Place(principal, self)
    }

    private func giveBack(_ principal: String) {
        ledger.giveBack(principal)
        admit()
    }

    /// Gives free places to those who wait.
    private func admit() {
        while let ticket = ledger.next() {
            waiters.removeValue(forKey: ticket)?.outcome.set(true)
        }
    }

    /// Ends a wait; a ticket that has got its place keeps it.
    private func withdraw(_ ticket: Int) {
        guard let waiter = waiters.removeValue(forKey: ticket) else { return }
        ledger.withdraw(ticket, of: waiter.principal)
        waiter.outcome.set(false)
    }
}
