// A relay's router, fleet and gate, and whole agents, in one process: the agents dial over real TLS
// through lines that a test cuts.
import Crypto
import Foundation
import JSON
import Loop
import Net
import Support
import Testing
import Tunnel
import Wire

@testable import homeline_agent
@testable import homeline_relay

/// The relay's side.
@IO final class Exchange {
    let store: Store
    let fleet: Fleet
    let router: Router
    let drops: DropTransfers
    let pin: PublicKeyPin
    let port: UInt16
    private let gate: Gate
    private let folder: TemporaryDirectory

    init() async throws {
        folder = try TemporaryDirectory("relay")
        let made = try SelfSignedCertificate.generate(commonName: "relay")
        let context = try TLSContext(
            serverCertificate: made.certificatePEM, key: made.keyPEM,
            alpn: [Contract.applicationProtocol])
        pin = try PublicKeyPin(certificatePEM: made.certificatePEM)
        store = try await Store.open(folder: folder.path)
        fleet = Fleet(store: store)
        router = Router(fleet: fleet)
        drops = DropTransfers(
            DropBox(
                store: store, folder: folder.file("files"), bytes: 1 << 30,
                lifetime: .seconds(3600)), router: router)
        fleet.onArrival = { [router] in router.streams.resume(at: $0) }
        gate = Gate(store: store, fleet: fleet, context: context) { _ in }
        port = try gate.listen(try #require(SocketAddress(ip: "127.0.0.1", port: 0))).port
    }

    func close() {
        gate.close()
        fleet.close()
    }
}

/// An agent that dials through a line of its own.
@IO final class Site {
    let name: String
    let id: String
    let service: homeline_agent.Agent
    let link: SlowLink
    let exchange: Exchange
    /// What the agent's streams wrote to its log.
    var log: [String] { lines.withLock { $0 } }
    let folder: TemporaryDirectory
    private let lines = Box<[String]>([])
    private let uplink: Uplink
    private let running: Task<UplinkError?, Never>

    /// An agent; `server` is its target `box`.
    init(_ name: String, at exchange: Exchange, server: SSHServer? = nil) async throws {
        (self.name, self.exchange) = (name, exchange)
        folder = try TemporaryDirectory("site")
        link = try SlowLink(to: exchange.port)
        let key = try Identity.key(in: folder.path)
        let secret = try await exchange.store.createInvitation(lifetime: .seconds(60)).secret
        let record = try await exchange.store.redeem(
            secret: secret, publicKey: key.publicKey.bytes, name: name)
        id = record.id
        try await exchange.fleet.reload()
        let identity = Identity(
            key: key, addresses: ["tls://127.0.0.1:\(link.port)"], pin: exchange.pin,
            agentID: record.id,
            name: name)
        try identity.save(to: folder.path)
        var settings = AgentSettings()
        if let server {
            settings.targets.sshConfig = try folder.write(
                server.configuration(alias: "box"), to: "ssh_config")
            settings.targets.knownHosts = try folder.write(server.knownHosts, to: "known_hosts")
        }
        service = homeline_agent.Agent(
            identity: identity, settings: settings,
            log: { [lines] line in lines.withLock { $0.append(line) } })
        let service = service
        uplink = Uplink(
            folder: folder.path, identity: identity,
            answer: { await service.dispatcher.answer($0, over: $1) },
            accept: { service.streams.accept($0) }, log: { _ in })
        running = IO.task { [uplink] in await uplink.run() }
        #expect(await until { self.isOnline })
    }

    var member: Fleet.Member? { exchange.fleet.member(id) }
    var isOnline: Bool { member?.connection.map { !$0.line.isClosed } ?? false }

    /// A file with these bytes.
    func file(_ bytes: [UInt8], _ name: String = "content") throws -> String {
        let path = folder.file(name)
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return path
    }

    /// Asks for a file's stream.
    func call(
        _ path: String, on host: String = "local", offset: Int = 0,
        for principal: homeline_relay.Principal = .local
    ) -> AgentCall {
        AgentCall(
            .streamFile,
            [
                "target": .string("\(name)/\(host)"), "path": .string(path),
                "offset": .int(Int64(offset)),
            ], for: principal)
    }

    /// The stream of a file's content.
    func stream(
        _ path: String, on host: String = "local", offset: Int = 0
    ) async throws -> LastingStream {
        let member = try #require(member)
        return try await exchange.router.stream(
            call(path, on: host, offset: offset), to: member
        ).stream
    }

    /// A ticket that was not used yet.
    func ticket(_ path: String) async throws -> String {
        let member = try #require(member)
        let answer = try await exchange.router.send(call(path), to: member)
        return try StreamTicket(Fields(answer.result)).text
    }

    func close() async {
        await uplink.stop()
        await service.shutDown()
        link.close()
    }
}

/// What came out of a stream.
@IO final class Taken {
    private(set) var bytes: [UInt8] = []
    private(set) var ends = 0
    private(set) var closed: [NetError?] = []
    var isClosed: Bool { !closed.isEmpty }

    init(_ stream: any ByteStream) {
        stream.onData = { [weak self] in self?.bytes.append(contentsOf: $0) }
        stream.onEnd = { [weak self] in self?.ends += 1 }
        stream.onClose = { [weak self] in self?.closed.append($0) }
    }
}

@IO func until(
    _ limit: Duration = .seconds(20), _ condition: @escaping @IO () -> Bool
) async -> Bool {
    let end = IO.now + limit
    while !condition() {
        if IO.now > end { return false }
        try? await IO.sleep(for: .milliseconds(1))
    }
    return true
}
