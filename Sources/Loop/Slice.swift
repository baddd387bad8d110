// How much one source of bytes may do in one turn of the loop. A source that has more to do waits
// for its next turn (`EventLoop.workLater`), so that a loud peer slows down only itself.
// Invariant: a value; its decisions depend only on the bytes spent and the time passed in.
internal import CUV

/// How much one source may do in one turn: a number of bytes and a time.
public struct Slice: Sendable {
    /// Bytes a source may move in one turn: decrypting them takes less than 0.25 ms.
    public static let bytes = 64 << 10
    /// Nanoseconds a source may work in one turn: a call takes about six turns from the relay to a
    /// shell and back, and a file transfer, which is two or three sources, may delay it by 5 ms.
    public static let nanoseconds: UInt64 = 250_000

    private var bytesLeft = Slice.bytes
    private let end: UInt64

    /// A slice that begins at `start`, in nanoseconds of `Slice.now`.
    public init(at start: UInt64 = Slice.now) { end = start + Self.nanoseconds }

    /// The loop's clock (`uv_hrtime`), in nanoseconds.
    public static var now: UInt64 { uv_hrtime() }

    /// Counts bytes that were moved.
    public mutating func spend(_ bytes: Int) { bytesLeft -= bytes }

    /// Whether the source has used up its slice.
    public func isOver(at now: UInt64 = Slice.now) -> Bool { bytesLeft <= 0 || now >= end }
}
