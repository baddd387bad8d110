// The sizes and times of a tunnel: what each bounds, and why.

/// The sizes, windows and times of one tunnel.
public struct TunnelLimits: Sendable {
    /// Bytes a stream may send before its reader has taken any, so that a stopped reader stops its
    /// sender.
    public var streamWindow: UInt32 = 1 << 20
    /// The same limit for the whole tunnel: 16 stopped streams fill it; fewer do not stop the
    /// others.
    public var tunnelWindow: Int32 = 16 << 20
    /// Frames are made only while fewer bytes than this are unsent, so that a call overtakes bulk
    /// data (26 ms instead of 182 ms beside a full stream on 50 Mbit/s, for 10 to 20 % of loopback
    /// speed).
    public var unsentBytes = 32 * 1024
    /// The corresponding limit in bytes for the kernel's send queue, on both ends.
    public var unsentInKernelBytes: Int32 = 16 * 1024
    /// The largest request or reply of a call in bytes, which the contract of the ends sets.
    public var bodyBytes: Int
    /// Calls and streams the peer may have open at once, which bounds the memory they hold here;
    /// further ones wait at the peer.
    public var concurrentStreams: UInt32 = 1000
    /// Calls and streams that may be open or waiting here, so that the queue for a slow peer is
    /// bounded; a further one is refused.
    public var waitingCalls = 4096
    /// Header bytes of one stream; the protocol needs fewer than 200.
    public var headerBytes = 8 * 1024
    /// Bytes that the peer may send in all, frames and headers included: a peer that is not known
    /// yet has a few kilobytes to say, and every frame costs time.
    public var receivedBytes = UInt64.max
    /// Streams that are reset at once, when calls are given up: half of what nghttp2 takes from a
    /// peer before it ends the tunnel.
    public var resetBurst = 500
    /// Streams that are reset per second after that, of the 33 that nghttp2 takes; further ones
    /// wait, or end with their reply.
    public var resetsPerSecond = 20
    /// Silence after which a ping is sent; two unanswered ones end the tunnel, so a dead peer is
    /// noticed within a minute.
    public var pingInterval: Duration = .seconds(15)

    /// The limits the product uses, for calls and replies of at most `bodyBytes` bytes.
    public init(bodyBytes: Int) { self.bodyBytes = bodyBytes }
}
