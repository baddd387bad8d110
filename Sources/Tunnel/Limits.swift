// The sizes and times of a tunnel: what each bounds, and why.

/// The sizes, windows and times of one tunnel.
public struct TunnelLimits: Sendable {
    /// Bytes a stream may send before its reader has taken any, so that a stopped reader stops its
    /// sender.
    public var streamWindow: UInt32 = 1 << 20
    /// Bytes that the peer may send on all streams before they have come in here.
    ///
    /// A stream whose reader has stopped does not stop the others.
    public var tunnelWindow: Int32 = 16 << 20
    /// A raw stream's sender hears that its bytes were taken in steps of this many, and keeps no
    /// more than these in vain.
    public var acknowledgedBytes = LastingStream.portion
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
    /// How long a peer may be silent while nothing waits for it: NATs forget a connection after
    /// 30 s at the earliest, and a peer that is gone is noticed within 35 s.
    var idle = Pulse.Times(quiet: .seconds(15), limit: .seconds(33))
    /// The same while calls are open or bytes are unacknowledged: within 5 s, as somebody waits.
    var awaited = Pulse.Times(quiet: .seconds(2), limit: .milliseconds(4500))
    /// How much longer the answering end waits before its ping: the calling end's ping is a sign of
    /// life for both, and one ping in each time is enough.
    private static let responderPatience = Duration.seconds(3)
    /// Silence after which a ping is sent.
    public func pingTime(_ role: Tunnel.Role) -> Duration { idleTimes(role).quiet }
    /// Silence after which the tunnel ends.
    public var silence: Duration { idle.limit }
    /// The same while calls are open.
    public var callSilence: Duration { awaited.limit }

    /// How long one of the ends may be silent while nothing waits for it.
    func idleTimes(_ role: Tunnel.Role) -> Pulse.Times {
        guard role == .responder else { return idle }
        return .init(quiet: min(idle.quiet + Self.responderPatience, idle.limit), limit: idle.limit)
    }

    /// The limits the product uses, for calls and replies of at most `bodyBytes` bytes.
    public init(bodyBytes: Int) { self.bodyBytes = bodyBytes }
}
