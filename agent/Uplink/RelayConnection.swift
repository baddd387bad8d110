// One connection to the relay, from the dial to its end: TLS with the pinned key, the hello that
// proves this agent's identity, then the relay's calls, passed to `answer`. Invariant: no call but
// the hello's own is answered before the relay has said welcome.
import Configuration
import Crypto
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
        let (greeting, tunnel) = RelayGreeting.begin(over: stream, key: key, complete: greeting)
        tunnel.onCall = { [weak tunnel] bytes in
            guard greeting.isWelcomed, let tunnel else { return greeting.answer(bytes) }
            return await answer(bytes, tunnel)
        }
        tunnel.onStream = { greeting.isWelcomed ? accept($0) : .refused }
        let failure: UplinkError
        switch await greeting.verdict(within: deadline) {
        case .success(.welcome(let welcome)): return RelayConnection(welcome, tunnel)
        case .success(.refusal(let refusal)): failure = .refused(refusal)
        case .failure(let error): failure = error
        }
        // The reply to the refusal is sent first; a tunnel that the relay keeps open is closed
        // after 2 s.
        tunnel.drain()
        IO.task {
            try? await IO.sleep(for: .seconds(2))
            tunnel.close()
        }
        throw failure
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
        dialling.proxy = relay.socket == nil ? try way.proxy(to: address) : nil
        let context: TLSContext
        var stream: any ByteStream
        do throws(NetError) {
            context = try TLSContext(
                client: pin.map { .pin($0) } ?? .authorities(extraFile: way.authoritiesFile),
                alpn: [Contract.applicationProtocol])
            if let socket = relay.socket {
                stream = try await SocketStream.connect(path: socket)
            } else {
                stream = try await SocketStream.connect(
                    host: address.host, port: address.port,
                    deadline: dialling.proxy == nil ? directTime : proxiedTime, dialling)
            }
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
}
