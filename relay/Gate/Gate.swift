// Where agents come in: TLS, the hello that proves who it is, the welcome, then the fleet.
// Invariant: nobody who has not proved a known key gets beyond this file, nor holds a connection
// here longer than its deadline.
import Crypto
import JSON
import Loop
import Net
import Tunnel
import Wire

/// The tunnels' door.
@IO final class Gate {
    private let store: Store
    private let fleet: Fleet
    private let context: TLSContext
    private let log: @IO (String) -> Void
    private var listener: Listener?
    private var pending = 0

    /// Connections that may be on their way through at once.
    private static let pendingLimit = 512
    private static let deadline: Duration = .seconds(10)

    init(store: Store, fleet: Fleet, context: TLSContext, log: @escaping @IO (String) -> Void) {
        self.store = store
        self.fleet = fleet
        self.context = context
        self.log = log
    }

    /// Listens for agents; gives the real address.
    func listen(_ address: SocketAddress) throws(NetError) -> SocketAddress {
        let listener = try Listener.tcp(address) { [weak self] in self?.accept($0) }
        self.listener = listener
        return listener.address ?? address
    }

    /// Takes no more agents.
    func close() { listener?.close() }

    private func accept(_ socket: SocketStream) {
        guard pending < Self.pendingLimit else { return socket.close() }
        pending += 1
        IO.task {
            let peer = socket.peer
            let refused = await self.admit(socket)
            self.pending -= 1
            if let refused { self.log("agent from \(peer) refused: \(refused)") }
        }
    }

    /// Lets one connection through; the reason when it is refused.
    private func admit(_ socket: SocketStream) async -> String? {
        let stream: TLSStream
        do throws(NetError) {
            stream = try await TLSStream.handshake(
                over: socket, context: context, deadline: Self.deadline)
        } catch {
            return error.description
        }
        let tunnel = Tunnel(over: stream, role: .caller)
        do throws(Rejection) {
            let (hello, record) = try await identify(stream, tunnel)
            let connection = AgentConnection(
                agentID: record.id, tunnel: tunnel, epoch: hello.epoch, facts: hello.facts,
                since: store.now())
            let welcome = Welcome(agentID: record.id, name: record.name)
            _ = try await ask(tunnel, .welcome, welcome.json)
            guard fleet.admit(connection, record: record) else {
                throw Rejection(.superseded, "a later connection of this agent is there")
            }
            log(
                "agent \(record.name) connected from \(stream.peer), version \(hello.facts.version)"
            )
            return nil
        } catch {
            if let refusal = error.refusal {
                _ = try? await ask(tunnel, .refuse, refusal.json)
            }
            tunnel.close()
            return error.reason
        }
    }

    /// Why a connection goes no further, and what the agent is told.
    private struct Rejection: Error {
        let reason: String
        let refusal: Refusal?

        init(_ reason: Refusal.Reason, _ message: String) {
            self.reason = message
            refusal = Refusal(reason, message)
        }

        init(silent reason: String) {
            self.reason = reason
            refusal = nil
        }
    }

    private func ask(
        _ tunnel: Tunnel, _ method: Method, _ arguments: JSON
    ) async throws(Rejection) -> RawJSON {
        let request = Request(
            method, caller: Caller(principal: "relay"), arguments: RawJSON(arguments)
        ).encoded()
        let bytes = await IO.within(Self.deadline) { try? await tunnel.call(request) }
        guard let bytes, let bytes else {
            throw Rejection(silent: "no answer to \(method.rawValue)")
        }
        switch Reply(decoding: bytes) {
        case .result(let result): return result
        case .fault(let fault): throw Rejection(silent: "\(method.rawValue): \(fault)")
        }
    }

    private func identify(
        _ stream: TLSStream, _ tunnel: Tunnel
    ) async throws(Rejection) -> (Hello, AgentRecord) {
        let nonce = Random.bytes(Contract.bindingBytes)
        let answer = try await ask(tunnel, .hello, Challenge(nonce: Base64.encodeURL(nonce)).json)
        let hello: Hello
        do throws(Fault) {
            hello = try Hello(Fields(answer))
        } catch {
            throw Rejection(silent: "the hello is malformed: \(error)")
        }
        guard hello.version == Contract.version else {
            throw Rejection(
                .version,
                "this relay speaks version \(Contract.version), the agent \(hello.version)")
        }
        guard
            let binding = stream.exportKeyingMaterial(
                label: Contract.exporterLabel, count: Contract.bindingBytes),
            let publicKey = Base64.decodeURL(hello.publicKey),
            let signature = Base64.decodeURL(hello.signature),
            let key = try? Ed25519PublicKey(bytes: publicKey),
            key.verify(signature, of: Contract.helloMessage(binding: binding, nonce: nonce))
        else { throw Rejection(.unknown, "the agent's signature is wrong") }
        do throws(StoreError) {
            return (hello, try await record(of: hello, publicKey))
        } catch .database(let error) {
            log("the store failed: \(error)")
            throw Rejection(.unavailable, "the relay's store failed; try again later")
        } catch let error {
            throw Rejection(hello.invitation == nil ? .unknown : .invitation, error.description)
        }
    }

    /// The agent a proven hello belongs to; an invitation makes a new one.
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
            ConstantTime.equal(record.publicKey, publicKey), record.revoked == nil
        else { throw .unknownAgent(hello.agentID ?? "", nearest: nil) }
        return record
    }
}
