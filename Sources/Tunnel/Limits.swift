// The sizes and times of a tunnel, each with its reason.

/// The sizes, windows and times of one tunnel.
public struct TunnelLimits: Sendable {
    /// Bytes a stream may send before its reader has taken any: a stopped reader stops its sender.
    public var streamWindow: UInt32 = 1 << 20
    /// The same for the whole tunnel, so that 16 full streams stop only each other.
    public var tunnelWindow: Int32 = 16 << 20
    /// Frames are made only while less than this is unsent: a call overtakes bulk (26 ms instead
    /// of 182 ms beside a full stream on 50 Mbit/s, for 10 to 20 % of loopback speed).
    public var unsentBytes = 32 * 1024
    /// The kernel's share of the same, on both ends.
    public var unsentInKernelBytes: Int32 = 16 * 1024
    /// The largest request or reply of a call; file contents travel in pieces below it.
    public var bodyBytes = 8 << 20
    /// Calls and streams the peer may have open at once.
    public var concurrentStreams: UInt32 = 1000
    /// Calls that may wait here before a new one is refused.
    public var waitingCalls = 4096
    /// Header bytes of one stream; the protocol needs under 200.
    public var headerBytes = 8 * 1024
    /// Silence after which a ping is sent; two unanswered ones end the tunnel.
    public var pingInterval: Duration = .seconds(15)

    /// The limits the product uses.
    public init() {}
}
