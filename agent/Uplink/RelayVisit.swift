// Asks the relay what it would say to this agent, for `doctor`: the hello with this agent's proof,
// then the relay's verdict. Invariant: no connection is taken over, as a visit's epoch is below
// every agent's, and a welcome is refused before it counts.
import Crypto
import JSON
import Loop
import Net
import Tunnel
import Wire

/// A hello that does not become a connection.
@IO enum RelayVisit {
    /// What the relay said.
    enum Answer: Sendable {
        /// It would take this agent.
        case welcome(Welcome)
        case refusal(Refusal)
    }

    /// Says hello over a fresh TLS connection, which is then closed.
    ///
    /// `onHello` is called when the relay makes its first call.
    static func answer(
        over stream: TLSStream, identity: Identity, within deadline: Duration,
        onHello: @escaping @IO @Sendable () -> Void
    ) async throws(UplinkError) -> Answer {
        let tunnel = Tunnel(over: stream, role: .responder, limits: RelayConnection.limits)
        let settled = Once<Result<Answer, UplinkError>>()
        let timer = LoopTimer(after: deadline) { settled.set(.failure(.timedOut)) }
        let binding =
            stream.exportKeyingMaterial(
                label: Contract.exporterLabel, count: Contract.bindingBytes) ?? []
        tunnel.onClose = { settled.set(.failure(.ended("the relay closed the connection: \($0)"))) }
        tunnel.onCall = { bytes in
            do throws(Fault) {
                let request = try Request(decoding: bytes)
                let fields = try Fields(request.arguments)
                switch Method(rawValue: request.method) {
                case .hello:
                    onHello()
                    var hello = try RelayConnection.prove(
                        Challenge(fields), identity.key, binding)
                    hello.agentID = identity.agentID
                    hello.facts = Machine.facts
                    return Reply.result(RawJSON(hello.json)).encoded()
                case .welcome: settled.set(.success(.welcome(try Welcome(fields))))
                case .refuse: settled.set(.success(.refusal(try Refusal(fields))))
                default: break
                }
                throw Fault(.unavailable, "homeline-agent doctor only asks, and does not connect")
            } catch {
                return Reply.fault(error).encoded()
            }
        }
        let result = await settled.wait()
        timer.cancel()
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
