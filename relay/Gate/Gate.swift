// Admits agents: TLS, the hello that proves an agent's identity, the welcome, then the fleet.
// Invariant: only an agent that has proved a known key gets past this file, and nobody holds a
// connection here beyond its deadline.
import Crypto
import Glibc
import JSON
import Loop
import Net
import Tunnel
import Wire

/// Listens for agents and admits them.
@IO final class Gate {
    private let store: Store
    private let fleet: Fleet
    private let context: TLSContext
    private let log: GateLog
    private(set) var listener: Listener?
    private let room = WaitingRoom()
    /// Serves who speaks HTTP here, such as the script that joins a site.
    let downloads: DownloadDoor?

    /// The time from the accepted connection to the welcome's reply: some round trips, even over a
    /// slow network.
    nonisolated static let patience = Duration.seconds(10)
    private let deadline: Duration

    private nonisolated static let clientsGoElsewhere =
        "this port is for agents alone: MCP clients use the one of --mcp"

    /// The largest reply in bytes before the welcome; a hello is shorter than 1 KiB.
    nonisolated static let strangerBodyBytes = 64 << 10

    /// The most bytes of all frames before the welcome: twice the largest reply.
    nonisolated static let strangerBytes = 128 << 10

    /// The limits of a tunnel after the welcome.
    nonisolated static let tunnelLimits = TunnelLimits(bodyBytes: Contract.callBytes)

    init(
        store: Store, fleet: Fleet, context: TLSContext, downloads: DownloadDoor? = nil,
        deadline: Duration = Gate.patience,
        log: @escaping @IO (String) -> Void
    ) {
        self.store = store
        self.fleet = fleet
        self.context = context
        self.downloads = downloads
        self.deadline = deadline
        self.log = GateLog(log)
    }

    /// Listens for agents, with the socket of an earlier process if there is one; returns the bound
    /// address.
    func listen(
        _ address: SocketAddress, adopting socket: Int32? = nil
    ) throws(NetError) -> SocketAddress {
        let accepted: @IO (SocketStream) -> Void = { [weak self] in self?.accept($0) }
        let listener =
            if let socket {
                try Listener.tcp(adopting: socket, accepted)
            } else {
                try Listener.tcp(address, accepted)
            }
        listener.shouldWait = { [room] in room.isCrowded }
        self.listener = listener
        return listener.address ?? address
    }

    /// Listens for agents of this machine, at a socket of a folder that this process has; the
    /// socket of an earlier process is removed.
    func listen(path: String) throws(NetError) {
        _ = unsafe unlink(path)
        let listener = try Listener.unix(path: path) { [weak self] in self?.accept($0) }
        listener.shouldWait = { [room] in room.isCrowded }
        self.listener = listener
    }

    /// Where it listens; nil before that, and at a socket.
    var address: SocketAddress? { listener?.address }

    /// Whether it admits nobody any more.
    private(set) var isClosed = false

    /// Stops listening.
    func close() {
        isClosed = true
        listener?.close()
        downloads?.close()
        log.close()
    }

    /// Admits the agent at the other end of a connection: of this port, or by WebSocket.
    func accept(_ connection: any ByteStream) {
        let number = room.enter(connection)
        IO.task {
            let peer = connection.peer
            let refused = await self.admit(connection, number, before: IO.now + self.deadline)
            self.room.leave(number)
            if let refused { self.log.refused(peer, refused) }
        }
    }

    /// Admits one connection; returns the reason if it is refused.
    private func admit(
        _ connection: any ByteStream, _ number: Int, before end: ContinuousClock.Instant
    ) async -> Rejection? {
        let stream: TLSStream
        do throws(NetError) {
            stream = try await TLSStream.handshake(
                over: connection, context: context, deadline: end - IO.now,
                plainReply: PlainReply.saying("\(Self.clientsGoElsewhere), and over TLS"),
                mayBegin: { [room] in room.mayBegin(number) })
        } catch .silent {
            return nil
        } catch .notTLS(isHTTP: true) {
            return Rejection(.handshake, "it sent plain HTTP; \(Self.clientsGoElsewhere)")
        } catch {
            return Rejection(.handshake, error.description)
        }
        room.spoke(number)
        if [nil, "http/1.1"].contains(stream.applicationProtocol), let downloads {
            await downloads.serve(stream, refusal: Self.clientsGoElsewhere)
            return nil
        }
        guard stream.applicationProtocol == Contract.applicationProtocol else {
            stream.close()
            return Rejection(
                .handshake,
                "the peer does not speak \(Contract.applicationProtocol) (ALPN); "
                    + Self.clientsGoElsewhere)
        }
        var limits = Self.tunnelLimits
        limits.bodyBytes = Self.strangerBodyBytes
        limits.receivedBytes = UInt64(Self.strangerBytes)
        let tunnel = Tunnel(over: stream, role: .caller, limits: limits)
        do throws(Rejection) {
            let (hello, key, found) = try await identify(stream, tunnel, end)
            // A clock that is ahead must not keep the agent's next process out.
            var epoch = hello.epoch
            epoch.boot = min(epoch.boot, store.now() * 1000 + 999)
            let connection = AgentConnection(
                agentID: found.id, line: tunnel, key: key, epoch: epoch,
                process: hello.epoch.boot, facts: hello.facts,
                keepsJournal: hello.keepsJournal, since: store.now())
            connection.address = hello.address
            if let refusal = fleet.refusal(of: connection) {
                if refusal.reason != .revoked { fleet.noteRefused(connection) }
                throw Rejection(refusal)
            }
            let welcome = Welcome(
                agentID: found.id, name: found.name,
                handlePrefix: fleet.handlePrefix(of: found.id))
            _ = try await ask(tunnel, .welcome, welcome.json, end)
            // While the welcome was on the way, another machine may have got this agent's place.
            let record = try await known(found.id, by: key)
            if let refusal = fleet.admit(connection, record: record) { throw Rejection(refusal) }
            tunnel.limits = Self.tunnelLimits
            log.connected(
                record.name, stream.peer, at: hello.address, version: hello.facts.version,
                deniedWish: hello.invitation != nil && Store.isNeutrallyNamed(record)
                    ? AgentName.wish(hello.name, host: hello.facts.hostname) : nil)
            return nil
        } catch {
            if let refusal = error.refusal {
                // At least 1 s, so that a refusal at the end of the deadline reaches the agent.
                _ = try? await ask(
                    tunnel, .refuse, refusal.json, max(end, IO.now + .seconds(1)))
            }
            tunnel.close()
            return error
        }
    }

    private func ask(
        _ tunnel: Tunnel, _ method: Method, _ arguments: JSON, _ end: ContinuousClock.Instant
    ) async throws(Rejection) -> RawJSON {
        let request = Request(
            method, caller: .relay, arguments: RawJSON(arguments)
        ).encoded()
        let bytes = await IO.within(end - IO.now) { try? await tunnel.call(request) }
        guard let bytes, let bytes else {
            throw Rejection(.greeting, "no answer to \(method.rawValue)")
        }
        switch Reply(decoding: bytes) {
        case .result(let result): return result
        case .fault(let fault): throw Rejection(.greeting, "\(method.rawValue): \(fault)")
        }
    }

    private func identify(
        _ stream: TLSStream, _ tunnel: Tunnel, _ end: ContinuousClock.Instant
    ) async throws(Rejection) -> (Hello, key: [UInt8], AgentRecord) {
        let nonce = Random.bytes(Contract.bindingBytes)
        let answer = try await ask(
            tunnel, .hello, Challenge(nonce: Base64.encodeURL(nonce)).json, end)
        let hello: Hello
        do throws(Fault) {
            hello = try Hello(Fields(answer))
        } catch {
            throw Rejection(.greeting, "the hello is malformed: \(error)")
        }
        guard hello.version == Contract.version else {
            throw Rejection(
                Refusal(
                    .version,
                    "this relay speaks version \(Contract.version), the agent \(hello.version)"))
        }
        guard
            let binding = stream.exportKeyingMaterial(
                label: Contract.exporterLabel, count: Contract.bindingBytes),
            let publicKey = Base64.decodeURL(hello.publicKey),
            let signature = Base64.decodeURL(hello.signature),
            let key = try? Ed25519PublicKey(bytes: publicKey),
            key.verify(signature, of: Contract.helloMessage(binding: binding, nonce: nonce))
        else {
            throw Rejection(
                Refusal(
                    .signature, "the agent's signature is not of this connection"))
        }
        let record: AgentRecord
        do throws(StoreError) {
            record = try await self.record(of: hello, publicKey)
        } catch .database(let error) {
            let refusal = Refusal(.unavailable, "the relay's store failed; try again later")
            throw Rejection(refusal, reason: "the store failed: \(error)")
        } catch .unknownAgent {
            throw Rejection(
                Refusal(.unknown, "no agent '\(hello.agentID ?? "")' with this key is known here"))
        } catch let error {
            throw Rejection(
                Refusal(hello.invitation == nil ? .unknown : .invitation, error.description))
        }
        guard record.revoked == nil else { throw Rejection(Fleet.revoked(name: record.name)) }
        // A machine that has joined again ends the one whose place it takes.
        if hello.invitation != nil { fleet.cut(record.id, unlessKey: publicKey) }
        return (hello, publicKey, record)
    }

    /// The agent as it is stored now, if it may still come with this key.
    private func known(_ id: String, by key: [UInt8]) async throws(Rejection) -> AgentRecord {
        do throws(StoreError) {
            if let record = try await store.agent(id: id), record.knows(key) { return record }
        } catch {
            let refusal = Refusal(.unavailable, "the relay's store failed; try again later")
            throw Rejection(refusal, reason: "the store failed: \(error)")
        }
        throw Rejection(Refusal(.unknown, "this agent has got another key meanwhile"))
    }

    /// The agent that an authenticated hello belongs to, revoked or not; an invitation creates a
    /// new one.
    private func record(
        of hello: Hello, _ publicKey: [UInt8]
    ) async throws(StoreError) -> AgentRecord {
        if let invitation = hello.invitation {
            guard let secret = Base64.decodeURL(invitation) else { throw .invitationUnknown }
            return try await store.redeem(
                secret: secret, publicKey: publicKey, name: hello.name, host: hello.facts.hostname,
                tags: hello.tags)
        }
        guard let id = hello.agentID, let record = try await store.agent(id: id),
            record.knows(publicKey)
        else { throw .unknownAgent(hello.agentID ?? "", nearest: nil) }
        guard record.formerKey != nil, record.revoked == nil else { return record }
        return try await store.settle(publicKey, of: id)
    }
}
