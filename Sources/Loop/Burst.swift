// How much one libuv stream has brought in one turn of the loop. libuv reads a stream up to 32 times
// before it looks at the next one, 2 MiB at a time.
// Invariant: a stream that has brought a slice in one turn is asked to wait for its next one.

/// Counts what one stream brings in one turn.
public struct Burst: Sendable {
    private var stream: ObjectIdentifier?
    private var turn: UInt = 0
    private var slice = Slice(at: 0)

    @IO private static var current = Burst()

    /// Counts bytes of a stream; whether it has to wait for its next turn.
    @IO public static func isOver(_ stream: AnyObject, adding count: Int) -> Bool {
        current.isOver(
            ObjectIdentifier(stream), adding: count, turn: IO.loop.turn, at: Slice.now)
    }

    /// The same, in the turn of this number, at a time in nanoseconds of `Slice.now`.
    mutating func isOver(
        _ stream: ObjectIdentifier, adding count: Int, turn: UInt, at now: UInt64
    ) -> Bool {
        if self.stream != stream || self.turn != turn {
            (self.stream, self.turn, slice) = (stream, turn, Slice(at: now))
        }
        slice.spend(count)
        guard slice.isOver(at: now) else { return false }
        slice = Slice(at: now)
        return true
    }
}
