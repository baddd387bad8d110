// The line to an agent, as the fleet and the resources see it: today a tunnel to this relay,
// perhaps another relay later. Invariant: it carries calls as bytes and knows no methods.
import Loop
import Tunnel

/// A connection over which an agent can be called.
@IO protocol AgentLine: AnyObject {
    /// The address at its other end.
    var peer: String { get }
    /// Whether it has ended.
    var isClosed: Bool { get }
    /// Called once when it ends, with why.
    var onClose: (@IO (String) -> Void)? { get set }
    /// How long the last ping took; nil before the first.
    var roundTrip: Duration? { get }
    /// Bytes received over it.
    var bytesReceived: UInt64 { get }
    /// Bytes sent over it.
    var bytesSent: UInt64 { get }
    /// Calls waiting for their reply, without standing ones.
    var openStreams: Int { get }

    /// Sends a call's bytes and returns the reply's bytes.
    ///
    /// `sent` is released once the bytes have left, `received` grows with the reply. A standing
    /// call is answered when something happens, and ends when the line is drained.
    func call(
        _ body: consuming [UInt8], isStanding: Bool, sent: ByteBudget.Claim?,
        received: ByteBudget.Claim?
    ) async throws(TunnelError) -> [UInt8]
    /// Opens a raw stream.
    func open(_ head: StreamHead) throws(TunnelError) -> TunnelStream
    /// Measures the round trip.
    @discardableResult func ping() async -> Duration?
    /// Takes no new calls, lets those in flight end, then closes.
    func drain()
    /// Closes it at once.
    func close()
}

extension Tunnel: AgentLine {}
