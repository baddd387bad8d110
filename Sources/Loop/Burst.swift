// How many bytes one libuv stream has delivered in one turn of the loop. libuv reads a stream up to
// 32 times before it turns to the next one: 2 MiB.
// Invariant: a stream that has delivered a slice in one turn has to wait for the next turn.

/// Counts the bytes that one stream delivers in one turn.
public struct Burst: Sendable {
    private var stream: ObjectIdentifier?
    private var turn: UInt = 0
    private var slice = Slice(at: 0)

    @IO private static var current = Burst()

    /// Counts bytes of a stream; returns whether it has to wait for the next turn.
    @IO public static func isOver(_ stream: AnyObject, adding count: Int) -> Bool {
        current.isOver(
            ObjectIdentifier(stream), adding: count, turn: IO.loop.turn, at: Slice.now)
    }

    /// The same for a given turn number and a time in nanoseconds (`Slice.now`).
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
