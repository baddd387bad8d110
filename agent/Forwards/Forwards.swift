// The TCP forwards of this agent: opens them, accepts their connections, and reaches the
// destinations through the host's link. Between the dispatcher and Hosts; connections that the
// relay accepts come as raw streams. Invariant: a forward belongs to its principal and ends with
// it; each destination is judged by the site's rules when it is connected to.
import Configuration
import JSON
import Loop
import Net
import Tunnel
import Wire

/// Opens and keeps forwards.
@IO final class Forwards {
    /// The most forwards: each may hold a socket that listens.
    nonisolated static let limit = 64
    /// The most connections of all forwards: each holds a socket, a channel and up to 0.7 MiB.
    nonisolated static let connectionLimit = 128

    private let hosts: Hosts
    private let streams: Streams
    private let revoked: RevokedPrincipals
    private let makeID: @IO () -> String
    private let places = Shares(Forwards.limit)
    private let connections = Shares(Forwards.connectionLimit)
    private var forwards: [String: (forward: Forward, place: Shares.Place, number: Int)] = [:]
    private var opened = 0

    init(
        hosts: Hosts, streams: Streams, revoked: RevokedPrincipals,
        makeID: @escaping @IO () -> String
    ) {
        (self.hosts, self.streams, self.revoked) = (hosts, streams, revoked)
        self.makeID = makeID
    }

    /// The open forwards, the oldest first.
    var all: [Forward] {
        forwards.values.sorted { $0.number < $1.number }.map(\.forward)
    }

    /// The owner of the forward with this id; nil if there is none.
    func owner(of id: String) -> Owner? { forwards[id]?.forward.owner }

    // MARK: Opening

    /// Opens a forward: its target is reached and logged in to first.
    func open(_ call: OpenForward, for caller: Caller) async throws(Fault) -> ForwardInfo {
        if let rule = rules.refusalOfAll { throw .refused("a forward", by: rule) }
        let listen = try ForwardRules.place(call.listen, "listen", defaultHost: "127.0.0.1")
        let destination = try Self.destination(of: call)
        if let rule = rules.refusal(ofBind: listen.host) {
            throw .refused("listening on \(listen.host)", by: rule)
        }
        if let destination { try judge(destination) }
        guard call.kind != .remote || call.side == .agent else {
            throw Fault(
                .invalidArgument,
                "a remote forward connects from the agent's machine: leave out \"at\"")
        }
        let place = try places.take(
            for: caller.id, of: "places for forwards", or: "close some (forward_list shows yours)")
        var isOpen = false
        defer { if !isOpen { place.giveBack() } }
        let far = try await hosts.host(call.target, call.access, for: caller)
        // What listens or connects on the agent's machine uses that machine.
        let near = call.side == .agent ? try await local(call.target, for: caller) : nil
        try await far.reach()
        try revoked.check(caller.id)
        let (listening, connecting) = call.kind == .remote ? (far, near ?? far) : (near, far)
        let forward = Forward(
            id: makeID(), call, owner: Owner(caller, at: far.address), to: destination,
            by: connecting, listen: listen.description)
        if let listening { try await self.listen(forward, on: listen, of: listening) }
        do throws(Fault) { try revoked.check(caller.id) } catch {
            // Its token was revoked while the host began to listen.
            forward.cut()
            throw error
        }
        opened += 1
        forwards[forward.id] = (forward, place, opened)
        isOpen = true
        return forward.info
    }

    private static func destination(
        of call: OpenForward
    ) throws(Fault) -> Configuration.Address? {
        switch (call.kind, call.destination) {
        case (.dynamic, nil): return nil
        case (.dynamic, _?):
            throw Fault(
                .invalidArgument,
                "a dynamic forward goes where its clients ask: leave out \"to\", or open a local one"
            )
        case (.local, nil), (.remote, nil):
            throw Fault(
                .invalidArgument,
                "\"to\" is missing: the HOST:PORT to which connections are forwarded")
        case (.local, let text?), (.remote, let text?):
            return try ForwardRules.place(text, "to")
        }
    }

    private var rules: ForwardRules { hosts.policy.forwards }

    private func judge(
        _ place: Configuration.Address, addresses: [String] = []
    ) throws(Fault) {
        if let rule = rules.refusal(of: place, addresses: addresses) {
            throw .refused("a forward to \(place)", by: rule)
        }
    }

    /// The agent's own machine, if the caller may use it.
    private func local(_ target: String, for caller: Caller) async throws(Fault) -> any Host {
        let agent = target.prefix { $0 != "/" }
        let none = try TargetAccess(Fields(object: [:]))
        return try await hosts.host("\(agent)/local", none, for: caller)
    }

    /// Has a host listen for a forward.
    private func listen(
        _ forward: Forward, on place: Configuration.Address, of host: any Host
    ) async throws(Fault) {
        let listener = try await host.listen(on: place) { [weak self, weak forward] socket in
            guard let self, let forward else { return socket.close(nil) }
            accept(socket, forward)
        } ended: { [weak self, weak forward] reason in
            guard let self, let forward, !forward.isClosed else { return }
            forward.pauses(reason)
            // The port that was chosen is asked for again.
            let again = Address(host: place.host, port: forward.port ?? place.port)
            IO.task { await self.listenAgain(forward, on: again, of: host) }
        }
        forward.listens(on: listener)
    }

    /// The pauses before a lost link is opened again for a forward.
    private static let pauses: [Duration] = [1, 2, 4, 8, 15, 30].map { .seconds($0) }

    private func listenAgain(
        _ forward: Forward, on place: Configuration.Address, of host: any Host
    ) async {
        var attempt = 0
        while !forward.isClosed {
            try? await IO.sleep(for: Self.pauses[min(attempt, Self.pauses.count - 1)])
            attempt += 1
            guard !forward.isClosed else { return }
            do throws(Fault) {
                return try await Sharer.serving(forward.owner.id) { () throws(Fault) in
                    try await listen(forward, on: place, of: host)
                }
            } catch {
                forward.pauses(error.message)
            }
        }
    }

    // MARK: Connections

    /// A client has connected to a forward that listens here.
    private func accept(_ socket: any ByteStream, _ forward: Forward) {
        guard forward.accepts(socket) else { return }
        IO.task {
            await Sharer.serving(forward.owner.id) { await self.serve(socket, forward) }
        }
    }

    private func serve(_ socket: any ByteStream, _ forward: Forward) async {
        do throws(Fault) {
            let place = try self.place(for: forward)
            defer { place.giveBack() }
            if let destination = forward.destination {
                let far = try await connect(forward, to: destination)
                return await forward.carry(socket, far)
            }
            guard let asked = await SOCKSQuestion.ask(socket) else {
                return forward.forget(socket)
            }
            do throws(Fault) {
                let destination = Address(host: asked.host, port: asked.port)
                let far = try await connect(forward, to: destination)
                socket.write(SOCKSQuestion.answer(.succeeded))
                far.write(asked.rest())
                await forward.carry(socket, far)
            } catch {
                socket.write(SOCKSQuestion.answer(error.code.socks))
                socket.finish()
                forward.failed(socket, error.message)
            }
        } catch {
            socket.close(nil)
            forward.failed(socket, error.message)
        }
    }

    private func place(for forward: Forward) throws(Fault) -> Shares.Place {
        try connections.take(
            for: forward.owner.id, of: "connections of forwards", or: "close some first")
    }

    /// Connects to a destination, which is judged now.
    private func connect(
        _ forward: Forward, to place: Configuration.Address
    ) async throws(Fault) -> any ByteStream {
        // A name from a SOCKS client is checked as one from a call.
        let place = try ForwardRules.place(place.description, "to")
        try judge(place)
        return try await forward.host.connect(to: place) { addresses throws(Fault) in
            try judge(place, addresses: addresses)
        }
    }

    /// Makes a connection that the relay has accepted, and offers it as a stream.
    func connect(_ call: ConnectForward, for caller: Caller) async throws(Fault) -> StreamTicket {
        guard let forward = forwards[call.forwardID]?.forward, !forward.isClosed else {
            throw .noForward(call.forwardID)
        }
        guard forward.side == .relay, forward.kind != .remote else {
            throw Fault(.invalidArgument, "forward \(forward.id) listens at the agent")
        }
        forward.accepts()
        do throws(Fault) {
            let place = try place(for: forward)
            var isOffered = false
            defer { if !isOffered { place.giveBack() } }
            let destination: Configuration.Address
            if let fixed = forward.destination {
                destination = fixed
            } else {
                destination = try ForwardRules.place(call.destination ?? "", "to")
            }
            let far = try await connect(forward, to: destination)
            let waiting = Waiting(far, place)
            let ticket = try streams.offer(.forward, of: forward.target, to: caller.id) { stream in
                guard waiting.begin() else { return stream.close() }
                await forward.carry(stream, far)
                place.giveBack()
            }
            isOffered = true
            return ticket
        } catch {
            forward.failed(nil, error.message)
            throw error
        }
    }

    /// A connection that waits for its stream, for as long as its ticket is good.
    @IO private final class Waiting {
        private let far: any ByteStream
        private let place: Shares.Place
        private var timer: LoopTimer?
        private var isOver = false

        init(_ far: any ByteStream, _ place: Shares.Place) {
            (self.far, self.place) = (far, place)
            timer = LoopTimer(after: StreamTicket.time) { [weak self] in self?.giveUp() }
        }

        /// The offer was withdrawn before a stream came.
        isolated deinit { giveUp() }

        /// The stream has come; false: too late.
        func begin() -> Bool {
            timer?.cancel()
            timer = nil
            defer { isOver = true }
            return !isOver
        }

        private func giveUp() {
            guard !isOver else { return }
            isOver = true
            far.close(nil)
            place.giveBack()
        }
    }

    // MARK: Looking and closing

    /// The forwards that a caller may use.
    func list(for caller: Caller, target: String? = nil) -> [ForwardInfo] {
        all.filter { caller.mayUse($0.owner) && (target ?? $0.target) == $0.target }.map(\.info)
    }

    /// Closes a forward; answers with its counters when its connections are over.
    func close(_ call: CloseForward) async throws(Fault) -> ForwardInfo {
        guard let known = forwards[call.forwardID] else { throw .noForward(call.forwardID) }
        await known.forward.close(drain: call.drain)
        remove(known.forward)
        return known.forward.info
    }

    /// Closes a forward at once.
    func remove(_ forward: Forward) {
        forward.cut()
        forwards.removeValue(forKey: forward.id)?.place.giveBack()
    }

    /// Closes the forwards of a principal; returns how many there were.
    func end(of principal: String) -> Int {
        let own = all.filter { $0.owner.id == principal }
        for forward in own { remove(forward) }
        return own.count
    }

    /// Closes the forwards that the rules refuse now, but for those whose host they refuse.
    func endWhatIsRefused() {
        for forward in all {
            let host = forward.listen.split(separator: ":").dropLast().joined(separator: ":")
            let bind = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
            let rule =
                hosts.policy.refusal(of: .openForward) ?? rules.refusalOfAll
                ?? forward.destination.flatMap { rules.refusal(of: $0) }
                ?? rules.refusal(ofBind: bind)
            guard let rule else { continue }
            Process.log("forward \(forward.id) was closed: \(rule) in agent.conf refuses it now")
            remove(forward)
        }
    }

    /// Closes every forward, when the agent stops.
    func shutDown() { for forward in all { remove(forward) } }
}
