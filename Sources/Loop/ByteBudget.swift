// Memory that many share: a number of bytes that all of them together may hold.
// Invariant: `used` is never above `limit`, and is what the holders have taken and not given back.

/// A number of bytes for all holders together.
@IO public final class ByteBudget {
    /// The most bytes held at once.
    public let limit: Int
    /// The bytes that are held.
    public private(set) var used = 0

    /// A budget of which nothing is used.
    public nonisolated init(limit: Int) { self.limit = limit }

    /// Takes bytes; false, and nothing taken, if that many are not left.
    public func take(_ bytes: Int) -> Bool {
        guard bytes <= limit - used else { return false }
        used += bytes
        return true
    }

    /// Gives back bytes that were taken.
    public func giveBack(_ bytes: Int) { used = max(0, used - bytes) }
}
