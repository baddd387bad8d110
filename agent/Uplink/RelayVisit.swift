// Asks the relay what it would say to this agent, for `doctor`: the hello with this agent's proof,
// then the relay's verdict. Invariant: no connection is taken over, as a visit's epoch is below
// every agent's, and a welcome is refused before it counts.
import Loop
import Net
import Tunnel
import Wire

/// A hello that does not become a connection.
@IO enum RelayVisit {
    /// Says hello over a fresh TLS connection, which is then closed.
    ///
    /// `onHello` is called when the relay makes its first call.
    static func answer(
        over stream: TLSStream, identity: Identity, within deadline: Duration,
        onHello: @escaping @IO @Sendable () -> Void
    ) async throws(UplinkError) -> RelayGreeting.Verdict {
        let (greeting, tunnel) = RelayGreeting.begin(
            over: stream, key: identity.key,
            reservation: Fault(
                .unavailable, "homeline-agent doctor only asks, and does not connect")
        ) { hello in
            onHello()
            hello.agentID = identity.agentID
            hello.facts = Machine.facts
        }
        let result = await greeting.verdict(within: deadline)
        tunnel.drain()
        _ = await IO.within(Self.farewell) { await Self.closed(tunnel) }
        tunnel.close()
        return try result.get()
    }

    /// Time for the last reply to leave.
    private static let farewell = Duration.milliseconds(300)

    private static func closed(_ tunnel: Tunnel) async {
        let closed = Once<Void>()
        tunnel.onClose = { _ in closed.set(()) }
        if tunnel.isClosed { return }
        await closed.wait()
    }
}
