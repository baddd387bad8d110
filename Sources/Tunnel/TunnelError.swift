// What can go wrong with a call or a stream on a tunnel.

/// Why a call or stream did not reach its end.
public enum TunnelError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The tunnel ended while the call waited; whether the peer carried it out is not known.
    case closed(reason: String)
    /// The peer reset this one stream (an HTTP/2 error code, RFC 9113 §7).
    case reset(code: UInt32)
    /// The tunnel is being drained and takes no new calls.
    case draining
    /// Too many calls are waiting on this tunnel.
    case busy
    /// The reply found no room among the replies that are arriving.
    case crowded
    /// A body exceeds its limit.
    case tooLarge(limit: Int)
    /// The caller's own task was cancelled.
    case cancelled

    /// One plain line.
    public var description: String {
        switch self {
        case .closed(let reason): "the tunnel ended: \(reason)"
        case .reset(let code): "the other end cancelled the call (HTTP/2 code \(code))"
        case .draining: "the tunnel is closing down and takes no new calls; try again shortly"
        case .busy: "too many calls wait on this tunnel; try again shortly"
        case .crowded:
            "the reply found no room among its other replies; wait for those, or ask for less"
        case .tooLarge(let limit): "the message is larger than \(limit) bytes"
        case .cancelled: "the call was cancelled"
        }
    }
}
