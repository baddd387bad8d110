// Forwards that listen at the relay: on its machine, or in a person's own process that the admin
// socket connects. Flow: a client connects → a judged call has the agent connect to the destination
// → a raw stream carries the bytes. Invariant: what listens here belongs to an open forward of an
// agent, and ends with that forward, with its principal and with this process.
import Configuration
import JSON
import Loop
import Net
import Tunnel
import Wire

/// The forwards that this relay listens for.
@IO final class Forwards {
    /// The most forwards that listen here: each holds a socket.
    nonisolated static let limit = 64
    /// The most connections, those that are being made included: each takes a stream.
    nonisolated static let connectionLimit = AgentStreams.limit
    /// The most connections of one principal.
    nonisolated static let connectionShare = AgentStreams.share
    /// How long a connection waits for one of these places: a browser opens more at once than it
    /// keeps, and its requests have longer limits.
    private nonisolated static let patience = Duration.seconds(10)

    private struct Known {
        let principal: Principal
        let agentID: String
        let place: Shares.Place
        /// Ends what listens.
        let stop: @IO () -> Void
        /// Whether the log says that a connection found no place.
        var isCrowded = false
    }

    private let router: Router
    private let places = Shares(Forwards.limit)
    private let connections = Shares(
        Forwards.connectionLimit, share: Forwards.connectionShare)
    private var known: [String: Known] = [:]
    /// How many forwards are being opened at each agent, by its id.
    private var opening: [String: Int] = [:]

    init(router: Router) { self.router = router }

    /// How many forwards listen here.
    var count: Int { known.count }

    // MARK: Opening

    /// Opens a forward that listens on this machine; the answer is the agent's.
    func open(_ call: AgentCall, at member: Fleet.Member) async throws(Fault) -> AgentAnswer {
        let address = try Self.loopback(try call.fields[OpenForward.listen])
        let isDynamic = call.fields.object["kind"] == "dynamic"
        // Connections that come before the forward has its id are closed.
        let slot = Slot()
        let listener: Listener
        do throws(NetError) {
            listener = try Listener.tcp(address) { [weak self] socket in
                guard let self, let id = slot.id else { return socket.close() }
                IO.task { await self.serve(socket, of: id, isDynamic: isDynamic) }
            }
        } catch {
            throw Fault(
                .unavailable,
                "the relay: \(error): choose another port, or port 0 for a free one, in \"listen\"")
        }
        let real = listener.address?.description ?? address.description
        do throws(Fault) {
            let (answer, id) = try await open(call, at: member, listeningOn: real) {
                listener.close()
            }
            slot.id = id
            return answer
        } catch {
            listener.close()
            throw error
        }
    }

    /// The id of a forward, once it has one.
    @IO private final class Slot { var id: String? }

    /// Opens a forward for which `listen` listens, wherever that is.
    func open(
        _ call: AgentCall, at member: Fleet.Member, listeningOn listen: String,
        stop: @escaping @IO () -> Void
    ) async throws(Fault) -> (answer: AgentAnswer, id: String) {
        let place: Shares.Place
        do throws(Lack) { place = try places.take(for: call.principal.id) } catch {
            throw Fault(
                .limitReached,
                "too many forwards listen at the relay (\(Self.limit)): close some first")
        }
        var arguments = call.fields.object
        arguments[OpenForward.listen.name] = .string(listen)
        arguments[OpenForward.side.name] = .string(ForwardSide.relay.rawValue)
        let agentID = member.record.id
        opening[agentID, default: 0] += 1
        defer { opening[agentID, default: 1] -= 1 }
        do throws(Fault) {
            let answer = try await router.send(
                AgentCall(.openForward, arguments, for: call.principal, key: call.key), to: member)
            let id = try ForwardInfo(Fields(answer.result)).forwardID
            guard router.isCurrent(call.principal) else {
                await end(id, at: member)
                throw Fault(.refusedByPolicy, "this token was revoked or changed meanwhile")
            }
            known[id] = Known(
                principal: call.principal, agentID: agentID, place: place, stop: stop)
            return (answer, id)
        } catch {
            place.giveBack()
            throw error
        }
    }

    /// The agent of a call to open a forward.
    func destination(of fields: Fields) throws(Fault) -> Destination {
        try router.destination(OpenForward.routes, fields, .local)
    }

    /// The address of this machine's loopback that a caller means.
    private static func loopback(_ text: String) throws(Fault) -> SocketAddress {
        let isPort = text.allSatisfy(\.isNumber)
        guard let place = Address(isPort ? "127.0.0.1:\(text)" : text) else {
            throw Fault(
                .invalidArgument,
                "\"listen\" must be [ADDRESS:]PORT (an IPv6 address in brackets), not"
                    + " \"\(text.prefix(200))\"")
        }
        let host = place.host == "localhost" ? "127.0.0.1" : place.host
        guard let address = SocketAddress(ip: host, port: place.port), address.isLoopback else {
            throw Fault(
                .refusedByPolicy,
                "the relay listens on 127.0.0.1 and ::1 alone, not on \(place.host)")
        }
        return address
    }

    // MARK: Connections

    /// Serves a client that has connected here.
    private func serve(_ socket: any ByteStream, of id: String, isDynamic: Bool) async {
        guard let principal = known[id]?.principal else { return socket.close(nil) }
        let place: Shares.Place
        do throws(Lack) {
            place = try await connections.wait(
                for: principal.id, until: IO.now + Self.patience)
        } catch {
            crowded(id)
            return socket.close(nil)
        }
        defer { place.giveBack() }
        guard !socket.isClosed else { return }
        guard isDynamic else {
            guard let stream = try? await stream(of: id, to: nil) else { return socket.close(nil) }
            return await carry(socket, stream)
        }
        guard let asked = await SOCKSQuestion.ask(socket) else { return }
        do throws(Fault) {
            let destination = Address(host: asked.host, port: asked.port)
            let stream = try await stream(of: id, to: destination.description)
            socket.write(SOCKSQuestion.answer(.succeeded))
            stream.write(asked.rest())
            await carry(socket, stream)
        } catch {
            socket.write(SOCKSQuestion.answer(error.code.socks))
            socket.finish()
        }
    }

    private func crowded(_ id: String) {
        guard known[id]?.isCrowded == false else { return }
        known[id]?.isCrowded = true
        Process.log(
            "forward \(id): a connection is closed, as \(Self.connectionShare) of its owner stay"
                + " open (said once)")
    }

    private func carry(_ socket: any ByteStream, _ stream: LastingStream) async {
        _ = await Joint.join(socket, stream).ended()
    }

    /// Has the agent connect, and opens the stream of the connection.
    func stream(
        of id: String, to destination: String?
    ) async throws(Fault) -> LastingStream {
        guard let known = known[id], let member = router.fleet.member(known.agentID) else {
            throw .noForward(id)
        }
        let call = AgentCall(
            .connectForward, ConnectForward.arguments(id, destination), for: known.principal)
        do throws(Fault) {
            let stream = try await router.stream(call, to: member).stream
            guard self.known[id] != nil else {
                stream.close()
                throw .noForward(id)
            }
            return stream
        } catch {
            // The agent has closed the forward, or was started again.
            if error.code == .unknownForward { closed(id) }
            throw error
        }
    }

    // MARK: The end

    /// Accepts no more connections for a forward that its owner closes, which may still drain.
    func stopListening(_ id: String, for principal: Principal) {
        guard let own = known[id], own.principal.id == principal.id || principal.holds([.admin])
        else { return }
        own.stop()
    }

    /// The agent has closed a forward.
    func closed(_ id: String) {
        guard let gone = known.removeValue(forKey: id) else { return }
        gone.place.giveBack()
        gone.stop()
    }

    /// Ends what listens by a grant or for a person that has lost its rights, and its forwards at
    /// the agents.
    func end(of id: String) {
        for (forward, own) in known where own.principal.hangs(on: id) { close(forward, own) }
    }

    /// Closes a forward at its agent and here.
    func close(_ id: String) { if let own = known[id] { close(id, own) } }

    private func close(_ id: String, _ own: Known) {
        closed(id)
        guard let member = router.fleet.member(own.agentID) else { return }
        IO.task { await self.end(id, at: member) }
    }

    private func end(_ id: String, at member: Fleet.Member) async {
        // One that the agent does not know any more is closed.
        _ = try? await router.send(
            AgentCall(.closeForward, ConnectForward.arguments(id, nil), for: .local), to: member)
    }

    /// Compares what listens here with the forwards of an agent that has connected.
    ///
    /// What only one of the two knows is ended: the other was started again.
    func settle(_ member: Fleet.Member) async {
        let agentID = member.record.id
        let before = known.filter { $0.value.agentID == agentID }.keys
        guard
            let answer = try? await router.send(AgentCall(.listForwards, for: .local), to: member),
            let list = try? Fields(answer.result)[ListForwards.forwards]
        else { return }
        let open = list.compactMap { try? ForwardInfo(Fields(object: $0.objectValue ?? [:])) }
            .filter { $0.side == .relay }
        let ids = Set(open.map(\.forwardID))
        for id in before where !ids.contains(id) { closed(id) }
        // One that is being opened is not known here yet.
        guard opening[agentID, default: 0] == 0 else { return }
        for id in ids where known[id] == nil { await end(id, at: member) }
    }

    /// Stops listening, when the relay stops.
    func shutDown() { for id in known.keys { closed(id) } }
}
