// The line to an agent, as the fleet and the pages see it: a tunnel to this relay now, another relay
// later. Invariant: what goes over it are calls as bytes; it knows no method.
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
    /// How long the last ping took; nil: there was none.
    var roundTrip: Duration? { get }
    /// Bytes that came over it.
    var bytesReceived: UInt64 { get }
    /// Bytes that were sent over it.
    var bytesSent: UInt64 { get }
    /// Calls that wait for their reply.
    var openStreams: Int { get }

    /// Sends a call's bytes and gives the reply's.
    func call(_ body: [UInt8]) async throws(TunnelError) -> [UInt8]
    /// Measures the round trip.
    @discardableResult func ping() async -> Duration?
    /// Takes no new calls, lets those in flight end, then closes.
    func drain()
    /// Ends it now.
    func close()
}

extension Tunnel: AgentLine {}
