// One connection to the relay, from the dial to its end: TLS with the pinned key, the hello that
// proves this agent's identity, then the relay's calls, passed to `answer`. Invariant: no call but
// the hello's own is answered before the relay has said welcome.
import Configuration
import Crypto
import JSON
import Loop
import Net
import Tunnel
import Wire

/// An accepted connection to the relay.
@IO final class RelayConnection {
    /// From a call's bytes to the bytes of its reply; the call came over the tunnel.
    typealias Answer = @IO @Sendable ([UInt8], Tunnel) async -> [UInt8]

    /// Answers a raw stream that the relay opens.
    typealias Accept = @IO @Sendable (TunnelStream) -> StreamAnswer

    /// The limits of the tunnel.
    nonisolated static let limits = TunnelLimits(bodyBytes: Contract.callBytes)

    /// What the relay said.
    let welcome: Welcome
    private let tunnel: Tunnel
    private let ended = Once<String>()
    private let closed = Once<Void>()

    /// Dials, greets and waits for the welcome.
    ///
    /// `deadline` limits the hello, from the end of the TLS handshake to the welcome; `greeting`
    /// fills in who this agent is.
    static func open(
        relay: String, pin: PublicKeyPin?, key: Ed25519PrivateKey,
        way: WayOut = WayOut(), answer: @escaping Answer,
        accept: @escaping Accept = { _ in .refused }, deadline: Duration = .seconds(15),
        greeting: @escaping @IO @Sendable (inout Hello) -> Void
    ) async throws(UplinkError) -> RelayConnection {
        let stream = try await dial(relay, pin, way)
        let tunnel = Tunnel(over: stream, role: .responder, limits: Self.limits)
        let settled = Once<Result<Welcome, UplinkError>>()
        let timer = LoopTimer(after: deadline) { settled.set(.failure(.timedOut)) }
        let binding =
            stream.exportKeyingMaterial(
                label: Contract.exporterLabel, count: Contract.bindingBytes) ?? []
        tunnel.onClose = { settled.set(.failure(.ended("the relay closed the connection: \($0)"))) }
        tunnel.onCall = { [weak tunnel] bytes in
            if case .success? = settled.value, let tunnel { return await answer(bytes, tunnel) }
            return greet(bytes, key, binding, greeting, settled)
        }
        tunnel.onStream = { stream in
            if case .success? = settled.value { accept(stream) } else { .refused }
        }
        let result = await settled.wait()
        timer.cancel()
        switch result {
        case .success(let welcome): return RelayConnection(welcome, tunnel)
        case .failure(let error):
            // The reply to the refusal is sent first; a tunnel that the relay keeps open is closed
            // after 2 s.
            tunnel.drain()
            IO.task {
                try? await IO.sleep(for: .seconds(2))
                tunnel.close()
            }
            throw error
        }
    }

    private init(_ welcome: Welcome, _ tunnel: Tunnel) {
        self.welcome = welcome
        self.tunnel = tunnel
        let (ended, closed) = (self.ended, self.closed)
        tunnel.onClose = {
            ended.set($0)
            closed.set(())
        }
        if tunnel.isClosed {
            ended.set("closed by the relay")
            closed.set(())
        }
    }

    /// Waits for the connection's end, or until it was left, and returns the reason.
    func served() async -> String { await ended.wait() }

    /// How long the calls of a process that is ending may take: longer than the process itself.
    private static let parting = Duration.seconds(40)

    /// Leaves the connection to the calls that are still in flight: another one follows.
    func leave() {
        ended.set("this process of the relay is ending, and another one is there")
        IO.task { [closed, tunnel] in
            _ = await IO.within(Self.parting) { await closed.wait() }
            tunnel.close()
        }
    }

    /// Time that a relay has to answer when there is reason to think that it is out of reach.
    private static let patience = Duration.seconds(5)

    /// Closes the connection if the relay does not answer now.
    ///
    /// While calls are open that somebody waits for, the tunnel itself looks as often.
    func check() async {
        guard tunnel.openStreams == 0 else { return }
        let answer = await IO.within(Self.patience) { [tunnel] in await tunnel.ping() }
        if answer == nil { tunnel.close() }
    }

    /// Lets the calls in flight end, then closes.
    func drain() { tunnel.drain() }

    /// Closes the connection at once.
    func close() { tunnel.close() }

    /// The time to connect to the relay: ten times what a slow line takes.
    private static let directTime = Duration.seconds(10)
    /// The same through a proxy, which has a connection of its own to make after ours.
    private static let proxiedTime = Duration.seconds(20)

    private static func dial(
        _ relay: String, _ pin: PublicKeyPin?, _ way: WayOut
    ) async throws(UplinkError) -> TLSStream {
        guard let relay = RelayAddress(relay) else { throw .badAddress(relay) }
        let address = relay.address
        var dialling = Dialling()
        dialling.proxy = try way.proxy(to: address)
        let context: TLSContext
        var stream: any ByteStream
        do throws(NetError) {
            context = try TLSContext(
                client: pin.map { .pin($0) } ?? .authorities(extraFile: way.authoritiesFile),
                alpn: [Contract.applicationProtocol])
            stream = try await SocketStream.connect(
                host: address.host, port: address.port,
                deadline: dialling.proxy == nil ? directTime : proxiedTime, dialling)
        } catch {
            throw .net(error)
        }
        if relay.path != nil {
            stream = try await WebServerPassage.pass(over: stream, relay, way)
        }
        do throws(NetError) {
            return try await TLSStream.handshake(
                over: stream, context: context, serverName: address.host)
        } catch {
            throw .net(error)
        }
    }

    /// Answers the greeting's calls: hello, welcome and refuse.
    private static func greet(
        _ bytes: [UInt8], _ key: Ed25519PrivateKey, _ binding: [UInt8],
        _ greeting: (inout Hello) -> Void, _ settled: Once<Result<Welcome, UplinkError>>
    ) -> [UInt8] {
        do throws(Fault) {
            let request = try Request(decoding: bytes)
            let fields = try Fields(request.arguments)
            switch Method(rawValue: request.method) {
            case .hello:
                var hello = try prove(Challenge(fields), key, binding)
                greeting(&hello)
                return Reply.result(RawJSON(hello.json)).encoded()
            case .welcome: settled.set(.success(try Welcome(fields)))
            case .refuse: settled.set(.failure(.refused(try Refusal(fields))))
            default: throw Fault(.unavailable, "this agent has not been welcomed yet")
            }
            return Reply.result(RawJSON([:])).encoded()
        } catch {
            return Reply.fault(error).encoded()
        }
    }

    /// The proof that this agent has its key, for this connection and challenge.
    static func prove(
        _ challenge: Challenge, _ key: Ed25519PrivateKey, _ binding: [UInt8]
    ) throws(Fault) -> Hello {
        guard let nonce = Base64.decodeURL(challenge.nonce), nonce.count == Contract.bindingBytes,
            binding.count == Contract.bindingBytes,
            let signature = try? key.sign(Contract.helloMessage(binding: binding, nonce: nonce))
        else { throw Fault(.invalidArgument, "the challenge is unusable") }
        return Hello(
            publicKey: Base64.encodeURL(key.publicKey.bytes),
            signature: Base64.encodeURL(signature),
            epoch: .init(boot: 0, connection: 0))
    }
}
