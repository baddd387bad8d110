// Memory that many share: how many bytes all holders together may keep, and how many one of them.
// Flow: whoever is about to keep bytes grows a claim, and lets go of it together with the bytes.
// Invariant: `used` is what the living claims hold; it is never above `limit`, and no holder is
// ever above `share`.

/// A number of bytes for all holders together, and the most that one of them may have.
@IO public final class ByteBudget {
    /// The most bytes held at once.
    public let limit: Int
    /// The most bytes that one holder has at once.
    public let share: Int
    /// The bytes that are held.
    public private(set) var used = 0
    /// Called after bytes were given back, for those who wait for room.
    public var onRoom: (@IO () -> Void)?

    private var holders: [String: Int] = [:]

    /// A budget of which nothing is used; without `share` one holder may have all of it.
    public nonisolated init(limit: Int, share: Int? = nil) {
        self.limit = limit
        self.share = min(share ?? limit, limit)
    }

    /// The bytes that one holder has.
    public func used(by holder: String) -> Int { holders[holder, default: 0] }

    /// The bytes that a holder could take now.
    public func room(for holder: String) -> Int { min(limit - used, share - used(by: holder)) }

    /// A claim of nothing, to grow as bytes arrive.
    public func claim(for holder: String) -> Claim { Claim(self, holder) }

    private func take(_ bytes: Int, for holder: String) -> Bool {
        guard bytes <= room(for: holder) else { return false }
        used += bytes
        holders[holder, default: 0] += bytes
        return true
    }

    private func giveBack(_ bytes: Int, of holder: String) {
        used -= bytes
        let left = used(by: holder) - bytes
        holders[holder] = left > 0 ? left : nil
        onRoom?()
    }

    /// The bytes of one piece of work; they are given back by `release`, or with the claim's end.
    @IO public final class Claim {
        /// Whose share the bytes count on.
        public let holder: String
        /// The bytes held.
        public private(set) var bytes = 0
        private let budget: ByteBudget

        fileprivate init(_ budget: ByteBudget, _ holder: String) {
            self.budget = budget
            self.holder = holder
        }

        /// Takes more bytes; false, and nothing taken, if the budget or the holder's share has not
        /// that many left.
        public func grow(by more: Int) -> Bool {
            guard more > 0 else { return true }
            guard budget.take(more, for: holder) else { return false }
            bytes += more
            return true
        }

        /// Gives back all but `left` bytes.
        public func shrink(to left: Int) {
            let most = bytes - max(0, left)
            guard most > 0 else { return }
            bytes -= most
            budget.giveBack(most, of: holder)
        }

        /// Gives all bytes back.
        public func release() {
            guard bytes > 0 else { return }
            let held = bytes
            bytes = 0
            budget.giveBack(held, of: holder)
        }

        isolated deinit { release() }
    }
}
