// A relay of the tests' own: it dials nobody, checks the hello as protocol/README.md says, and
// answers it as the test wants.
import Crypto
import JSON
import Loop
import Net
import Support
import Testing
import Tunnel
import Wire

@testable import homeline_agent

@IO final class TestRelay {
    /// One connection of an agent.
    @IO final class Peer {
        let tunnel: Tunnel
        let stream: TLSStream
        var hello: Hello?

        init(_ stream: TLSStream) {
            self.stream = stream
            tunnel = Tunnel(
                over: stream, role: .caller, limits: TunnelLimits(bodyBytes: Contract.callBytes))
        }

        func ask(_ method: Wire.Method, _ arguments: JSON) async -> Reply? {
            let request = Request(
                method, caller: .relay, arguments: RawJSON(arguments))
            let bytes = await IO.within(.seconds(30)) { [tunnel] in
                try? await tunnel.call(request.encoded())
            }
            guard let bytes, let bytes else { return nil }
            return Reply(decoding: bytes)
        }

        /// Asks who it is and checks the proof.
        func greet() async throws -> Hello {
            let (hello, isProven) = try await asked()
            #expect(isProven)
            self.hello = hello
            return hello
        }

        /// Whether its signature is of this connection.
        func isProven() async throws -> Bool { try await asked().1 }

        private func asked() async throws -> (Hello, Bool) {
            let nonce = Random.bytes(Contract.bindingBytes)
            let reply = await ask(.hello, Challenge(nonce: Base64.encodeURL(nonce)).json)
            guard case .result(let result)? = reply else {
                throw Unavailable("no hello: \(reply as Any)")
            }
            let hello = try Hello(Fields(result))
            let binding = try #require(
                stream.exportKeyingMaterial(
                    label: Contract.exporterLabel, count: Contract.bindingBytes))
            let key = try Ed25519PublicKey(
                bytes: try #require(Base64.decodeURL(hello.publicKey)))
            let message = Contract.helloMessage(binding: binding, nonce: nonce)
            let signature = try #require(Base64.decodeURL(hello.signature))
            return (hello, key.verify(signature, of: message))
        }
    }

    let pin: PublicKeyPin
    /// In PEM.
    let certificate: String
    private let context: TLSContext
    private var listener: Listener?
    private(set) var address: SocketAddress
    private(set) var peers: [Peer] = []
    private(set) var dials = 0
    /// What follows the handshake; by default the agent is greeted and welcomed.
    var meet: @IO @Sendable (Peer) async -> Void = { peer in
        guard (try? await peer.greet()) != nil else { return }
        _ = await peer.ask(.welcome, Welcome(agentID: "id", name: "site").json)
    }

    var url: String { "tls://\(address)" }

    init() throws {
        let made = try SelfSignedCertificate.generate(
            commonName: "relay", otherNames: ["localhost"])
        certificate = String(decoding: made.certificatePEM, as: UTF8.self)
        pin = try PublicKeyPin(certificatePEM: made.certificatePEM)
        context = try TLSContext(
            serverCertificate: made.certificatePEM, key: made.keyPEM,
            alpn: [Contract.applicationProtocol])
        address = try #require(SocketAddress(ip: "127.0.0.1", port: 0))
        try listen()
    }

    /// Listens again where it listened before.
    func listen() throws {
        let context = context
        let listener = try Listener.tcp(address) { [weak self] socket in
            self?.dials += 1
            IO.task {
                guard let stream = try? await TLSStream.handshake(over: socket, context: context)
                else { return }
                let peer = Peer(stream)
                self?.peers.append(peer)
                await self?.meet(peer)
            }
        }
        address = listener.address ?? address
        self.listener = listener
    }

    /// Ends as a killed process does.
    func kill() {
        listener?.close()
        for peer in peers { peer.tunnel.close() }
        peers = []
    }
}

/// An agent's folder and what it said.
@IO final class TestAgent {
    let folder: TemporaryDirectory
    let dispatcher = Dispatcher()
    let membership = Membership(name: "site", id: "id")
    private(set) var log: [String] = []
    private(set) var states: [Uplink.State] = []
    private(set) var uplink: Uplink?
    /// How it dials, from `run` on.
    var way = WayOut()
    private var task: Task<UplinkError?, Never>?

    init() throws { folder = try TemporaryDirectory("agent") }

    /// Runs an uplink to `relay` under a key of its own.
    func run(_ relay: TestRelay, pin: PublicKeyPin? = nil) throws {
        try run(url: relay.url, pin: pin ?? relay.pin)
    }

    func run(url: String, pin: PublicKeyPin?) throws { try run(urls: [url], pin: pin) }

    func run(urls: [String], pin: PublicKeyPin?) throws {
        let identity = Identity(
            key: try Identity.key(in: folder.path), addresses: urls, pin: pin, agentID: "id",
            name: "site")
        try identity.save(to: folder.path)
        let uplink = Uplink(
            folder: folder.path, identity: identity,
            answer: { [dispatcher] in await dispatcher.answer($0, over: $1) },
            onWelcome: { [membership] in (membership.name, membership.id) = ($0.name, $0.agentID) }
        ) { [unowned self] in log.append($0) }
        uplink.way = way
        uplink.onState = { [unowned self] in states.append($0) }
        self.uplink = uplink
        task = IO.task { await uplink.run() }
    }

    /// What `run` gave; nil: nothing within `limit`.
    func end(_ limit: Duration = .seconds(30)) async -> UplinkError?? {
        guard let task else { return nil }
        return await IO.within(limit) { await task.value }
    }
}
