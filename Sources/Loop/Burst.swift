// How much one libuv stream has brought in one turn of the loop. libuv reads a stream up to 32 times
// before it looks at the next one, 2 MiB at a time.
// Invariant: a stream that has brought a slice in one turn is told to wait for its next one.

/// Counts what one stream brings in one turn.
@IO public enum Burst {
    private static var stream: ObjectIdentifier?
    private static var turn: UInt = 0
    private static var slice = Slice()

    /// Counts bytes of a stream; whether it has to wait for its next turn.
    public static func isOver(_ stream: AnyObject, adding count: Int) -> Bool {
        let name = ObjectIdentifier(stream)
        if Self.stream != name || turn != IO.loop.turn {
            (Self.stream, turn) = (name, IO.loop.turn)
            slice = Slice()
        }
        slice.spend(count)
        guard slice.isOver() else { return false }
        slice = Slice()
        return true
    }
}
