// A gate and its fleet on loopback, and agents that say whatever a test wants over real TLS.
import Crypto
import JSON
import Loop
import Net
import Testing
import Tunnel
import Wire

@testable import homeline_relay

/// The door of a relay, without the rest of it.
@IO final class House {
    let fixture: StoreFixture
    let fleet: Fleet
    let gate: Gate
    let address: SocketAddress
    let pin: PublicKeyPin
    private let logged = Logged()
    var log: [String] { logged.lines }
    var store: Store { fixture.store }

    @IO final class Logged { var lines: [String] = [] }

    init(deadline: Duration = .seconds(10)) async throws {
        let made = try SelfSignedCertificate.generate(commonName: "relay")
        let context = try TLSContext(
            serverCertificate: made.certificatePEM, key: made.keyPEM,
            alpn: [Contract.applicationProtocol])
        pin = try PublicKeyPin(certificatePEM: made.certificatePEM)
        fixture = try await StoreFixture()
        fleet = Fleet(store: fixture.store)
        let logged = logged
        gate = Gate(store: fixture.store, fleet: fleet, context: context, deadline: deadline) {
            logged.lines.append($0)
        }
        address = try gate.listen(try #require(SocketAddress(ip: "127.0.0.1", port: 0)))
    }

    /// An agent that has joined: its key and record.
    func joined(_ name: String, tags: [String] = []) async throws -> Joined {
        let key = try Ed25519PrivateKey.generate()
        let secret = try await store.createInvitation(tags: tags, lifetime: .seconds(60)).secret
        let record = try await store.redeem(
            secret: secret, publicKey: key.publicKey.bytes, name: name)
        try await fleet.reload()
        return Joined(key: key, record: record)
    }

    func dial() async throws -> TLSStream {
        let socket = try await SocketStream.connect(to: address, deadline: .seconds(5))
        let context = try TLSContext(client: .pin(pin), alpn: [Contract.applicationProtocol])
        return try await TLSStream.handshake(over: socket, context: context, serverName: "relay")
    }

    /// A connection that greets as `joined`, with what `change` makes of its hello.
    func connect(
        _ joined: Joined, epoch: Hello.Epoch = .init(boot: 1, connection: 1),
        change: @escaping @IO (inout Hello) -> Void = { _ in }
    ) async throws -> Agent {
        greeting(joined, over: try await dial(), epoch: epoch, change: change)
    }

    /// The same over a stream that the test made.
    func greeting(
        _ joined: Joined, over stream: TLSStream,
        epoch: Hello.Epoch = .init(boot: 1, connection: 1),
        change: @escaping @IO (inout Hello) -> Void = { _ in }
    ) -> Agent {
        let agent = Agent(stream)
        agent.greet = { [unowned agent] challenge in
            var hello = try agent.hello(joined.key, challenge)
            hello.agentID = joined.record.id
            hello.epoch = epoch
            change(&hello)
            return hello
        }
        return agent
    }

    func close() {
        gate.close()
        fleet.close()
    }
}

struct Joined {
    let key: Ed25519PrivateKey
    let record: AgentRecord
}

/// The agent's end of one connection.
@IO final class Agent {
    /// What the relay made of it.
    enum Verdict: Sendable, Equatable {
        case welcomed(Welcome)
        case refused(Refusal)
        case cut
    }

    let tunnel: Tunnel
    let stream: TLSStream
    let binding: [UInt8]
    /// The relay's first word.
    let verdict = Once<Verdict>()
    let ended = Once<String>()
    private(set) var methods: [String] = []
    /// What the hello says.
    var greet: (@IO (Challenge) throws -> Hello)?
    /// Replaces the whole reply to the hello.
    var greetRaw: (@IO (Challenge) async -> [UInt8])?
    /// How long the welcome's reply takes.
    var welcomeDelay: Once<Void>?
    /// Answers another welcome so: `unknown_method` is the word of an earlier release.
    var welcomeFault: Fault?
    /// Answers the calls that follow.
    var serve: @IO @Sendable (Request) async -> [UInt8] = { _ in
        Reply.result(RawJSON(["ok": true])).encoded()
    }

    init(_ stream: TLSStream) {
        self.stream = stream
        binding =
            stream.exportKeyingMaterial(
                label: Contract.exporterLabel, count: Contract.bindingBytes) ?? []
        tunnel = Tunnel(
            over: stream, role: .responder, limits: TunnelLimits(bodyBytes: Contract.callBytes))
        tunnel.onClose = { [verdict, ended] reason in
            verdict.set(.cut)
            ended.set(reason)
        }
        // Strong: the tunnel's end lets go of it.
        tunnel.onCall = { await self.answer($0) }
    }

    func hello(_ key: Ed25519PrivateKey, _ challenge: Challenge) throws -> Hello {
        let nonce = try #require(Base64.decodeURL(challenge.nonce))
        return Hello(
            publicKey: Base64.encodeURL(key.publicKey.bytes),
            signature: Base64.encodeURL(
                try key.sign(Contract.helloMessage(binding: binding, nonce: nonce))),
            epoch: .init(boot: 1, connection: 1))
    }

    private func answer(_ bytes: [UInt8]) async -> [UInt8] {
        do {
            let request = try Request(decoding: bytes)
            methods.append(request.method)
            let fields = try Fields(request.arguments)
            switch Wire.Method(rawValue: request.method) {
            case .hello:
                let challenge = try Challenge(fields)
                if let greetRaw { return await greetRaw(challenge) }
                guard let greet else { return await Once<[UInt8]>().wait() }
                return Reply.result(RawJSON(try greet(challenge).json)).encoded()
            case .welcome:
                if let welcomeFault { return Reply.fault(welcomeFault).encoded() }
                verdict.set(.welcomed(try Welcome(fields)))
                if let welcomeDelay { await welcomeDelay.wait() }
            case .refuse: verdict.set(.refused(try Refusal(fields)))
            default: return await serve(request)
            }
            return Reply.result(RawJSON([:])).encoded()
        } catch {
            return Reply.fault(Fault(.internal, "\(error)")).encoded()
        }
    }

    func close() { tunnel.close() }
}

@IO func until(
    _ limit: Duration = .seconds(10), _ condition: @escaping @IO () -> Bool
) async -> Bool {
    let end = IO.now + limit
    while !condition() {
        if IO.now > end { return false }
        try? await IO.sleep(for: .milliseconds(1))
    }
    return true
}
