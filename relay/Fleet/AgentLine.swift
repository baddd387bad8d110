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
    /// `sent` is released once the bytes have left, `received` grows with the reply.
    func call(
        _ body: consuming [UInt8], sent: ByteBudget.Claim?, received: ByteBudget.Claim?
    ) async throws(TunnelError) -> [UInt8]
    /// Sends a call that is answered when something happens, and that ends when the line is
    /// drained; its stream can be given up.
    func stand(
        _ body: consuming [UInt8], received: ByteBudget.Claim?,
        _ answered: @escaping TunnelStream.Answered
    ) throws(TunnelError) -> TunnelStream
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
