// The agent's side of the tunnel over time: dial, serve, dial again, for as long as the agent runs.
// Sessions do not notice. It passes each call to `answer` without knowing its method, and reports
// through `onWelcome` what the relay says about this agent. Invariant: at most one connection.
import Crypto
import Loop
import Tunnel
import Wire

/// Keeps the agent connected to its relay.
@IO final class Uplink {
    /// How the relay is dialled from now on.
    var way = WayOut()
    /// Called when a connection begins, when it ends and when no address serves.
    var onState: @IO (State) -> Void = { _ in }
    private let folder: String
    /// The number of this process, and how often it has dialled.
    private var epoch: Hello.Epoch
    private var identity: Identity
    private let service: Answering
    private let onWelcome: @IO (Welcome) -> Void
    /// Adds what changes between connections to a hello.
    private let greeting: @IO (inout Hello) -> Void
    private let log: @IO (String) -> Void
    private var connection: RelayConnection?
    /// The time without a connection, and its failed dials; nil while there is a connection.
    private var outage: Outage?
    private let stopped = Once<Void>()
    private var machine: MachineWatch?
    private var redial = Redial()
    private var running: Task<UplinkError?, Never>?

    /// Who serves what the relay opens: calls and raw streams.
    private struct Answering {
        let answer: RelayConnection.Answer
        let accept: RelayConnection.Accept
    }

    /// What there is of a connection.
    enum State: Equatable {
        /// The relay serves at this address.
        case connected(to: String)
        case offline(reason: String)
    }

    /// The next rounds of dials.
    private struct Redial {
        var backoff = Backoff()
        var order = DialOrder()
        /// Ends the wait for a round; nil while there is none.
        var over: Once<Void>?
        /// When a change of the machine last made the waits short again.
        var hastened: ContinuousClock.Instant?
    }

    init(
        folder: String, identity: Identity, answer: @escaping RelayConnection.Answer,
        greeting: @escaping @IO (inout Hello) -> Void = {
            $0.facts = Machine.facts
            $0.keepsJournal = true
        },
        onWelcome: @escaping @IO (Welcome) -> Void = { _ in },
        accept: @escaping RelayConnection.Accept = { _ in .refused },
        log: @escaping @IO (String) -> Void
    ) {
        self.folder = folder
        epoch = Hello.Epoch(boot: BootNumber.next(in: folder, log: log), connection: 0)
        self.identity = identity
        service = Answering(answer: answer, accept: accept)
        self.greeting = greeting
        self.onWelcome = onWelcome
        self.log = log
    }

    /// Serves until `stop` (returns nil) or a permanent refusal (returns its reason).
    func run() async -> UplinkError? {
        machine = MachineWatch { [weak self] in self?.noticed($0) }
        let task = IO.task { await self.serve() }
        running = task
        return await task.value
    }

    /// Time in which changes of the machine make the waits short once: where containers come and
    /// go, the network changes all the time.
    private static let pause = Duration.seconds(60)
    /// How long calls in flight may take to end: with `Commands.shutDown`, under 5 s in all.
    private static let patience = Duration.milliseconds(1500)

    /// Takes no new calls, ends what calls in flight wait for (`endWork`), lets them be answered,
    /// then disconnects; `run` returns.
    func stop(_ endWork: @IO () async -> Void = {}) async {
        stopped.set(())
        connection?.drain()
        await endWork()
        if let connection { _ = await IO.within(Self.patience) { await connection.served() } }
        connection?.close()
        redial.over?.set(())
        running?.cancel()
    }

    /// Dials at once, or looks whether the connection still carries.
    private func noticed(_ change: MachineWatch.Change) {
        redial.order.forgetFailures()
        if let connection {
            IO.task { await connection.check() }
        } else {
            let isPause = redial.hastened.map { IO.now - $0 < Self.pause } ?? false
            guard redial.backoff.mayDial(at: IO.now), !isPause, let over = redial.over else {
                return
            }
            redial.hastened = IO.now
            redial.backoff = Backoff()
            log("\(change): dialling again")
            over.set(())
        }
    }

    private func serve() async -> UplinkError? {
        while stopped.value == nil {
            if let refusal = await dial() { return refusal }
            guard stopped.value == nil else { break }
            let over = Once<Void>()
            redial.over = over
            let timer = LoopTimer(after: redial.backoff.next(at: IO.now)) { over.set(()) }
            await over.wait()
            timer.cancel()
            redial.over = nil
        }
        return nil
    }

    /// Dials the relay's addresses in turn until one serves, and waits for that connection's end;
    /// returns why dialling again cannot help.
    private func dial() async -> UplinkError? {
        let addresses = way.addresses(or: identity.addresses)
        var round = DialRound(redial.order.round(of: addresses, at: IO.now))
        while let address = round.next, stopped.value == nil {
            let start = IO.now
            do throws(UplinkError) {
                let connection = try await connect(to: address)
                redial.order.serves(address)
                await serve(connection, at: address)
                return nil
            } catch {
                round.failed(error)
                redial.order.failed(address, of: addresses, after: IO.now - start, at: IO.now)
                note(error, at: address, of: addresses, next: round.next)
            }
        }
        guard stopped.value == nil else { return nil }
        if round.error.isFinal { return round.error }
        redial.backoff.refused(round.error.outlook, retryAfter: round.retryAfter, at: IO.now)
        onState(.offline(reason: "\(round.error)"))
        return nil
    }

    private func serve(_ connection: RelayConnection, at address: String) async {
        guard stopped.value == nil else { return connection.close() }
        self.connection = connection
        outage = nil
        log("connected to \(address) as \(connection.welcome.name)")
        onState(.connected(to: address))
        let start = IO.now
        let reason = await connection.served()
        self.connection = nil
        redial.backoff.served(IO.now - start)
        outage = Outage(IO.now)
        onState(.offline(reason: reason))
        if stopped.value == nil { log("disconnected: \(reason)") }
    }

    /// Logs that an address does not serve.
    private func note(
        _ error: UplinkError, at address: String, of addresses: [String], next: String?
    ) {
        guard stopped.value == nil, addresses.count > 1 || !error.isFinal else { return }
        let place = addresses.count > 1 ? " to \(address)" : ""
        log("not connected\(place): \(error)" + (next.map { "; dialling \($0)" } ?? ""))
        var outage = outage ?? Outage(IO.now)
        if let words = outage.failed(at: IO.now) { log(words) }
        self.outage = outage
    }

    private func connect(to address: String) async throws(UplinkError) -> RelayConnection {
        epoch.connection += 1
        let epoch = epoch
        let (identity, service, way, greeting) = (identity, service, way, greeting)
        let opening = IO.task { () async -> Result<RelayConnection, UplinkError> in
            do throws(UplinkError) {
                return .success(
                    try await RelayConnection.open(
                        relay: address, pin: identity.pin, key: identity.key,
                        way: way, answer: service.answer, accept: service.accept
                    ) { hello in
                        hello.agentID = identity.agentID
                        hello.epoch = epoch
                        hello.address = address
                        greeting(&hello)
                    })
            } catch {
                return .failure(error)
            }
        }
        // Dialling, TLS and the hello have their own deadlines, together below 60 s; this wait also
        // ends when the agent is stopped.
        guard let result = await IO.within(.seconds(60), { await opening.value }) else {
            IO.task { if case .success(let late) = await opening.value { late.close() } }
            throw .timedOut
        }
        let connection = try result.get()
        hear(connection.welcome)
        return connection
    }

    /// Takes note of what the relay calls this agent, with a connection's welcome or later.
    func hear(_ welcome: Welcome) {
        onWelcome(welcome)
        guard welcome.name != identity.name else { return }
        identity.name = welcome.name
        // Only the next start's log needs the name: failing to save it must not cost the
        // connection.
        do throws(UplinkError) { try identity.save(to: folder) } catch { log("\(error)") }
    }

    /// Takes note that the relay's process is ending: when to dial, and whether at once, beside the
    /// connection that this process has.
    func drain(_ call: Drain) {
        guard let connection, let retryAfter = call.retryAfter else { return }
        redial.backoff.advised = retryAfter
        if call.hasSuccessor { connection.leave() }
    }

    /// Offers the key that this agent will have next, with the proof that it holds that key.
    func offerKey(_ call: OfferKey) throws(Fault) -> OfferedKey {
        guard let nonce = Base64.decodeURL(call.nonce), nonce.count == Contract.bindingBytes else {
            throw Fault(.invalidArgument, "the nonce is unusable")
        }
        do {
            let key = try identity.nextKey(in: folder)
            let signature = try key.sign(
                Contract.keyMessage(nonce: nonce, agentID: identity.agentID))
            return OfferedKey(
                publicKey: Base64.encodeURL(key.publicKey.bytes),
                signature: Base64.encodeURL(signature))
        } catch {
            log("no key was offered: \(error)")
            throw Fault(.internal, "\(error)")
        }
    }

    /// Uses the key that was offered, from the next connection on.
    func useKey(_ call: UseKey) throws(Fault) {
        do throws(UplinkError) {
            try identity.useNextKey(Base64.decodeURL(call.publicKey) ?? [], in: folder)
            log("this agent has a new key")
        } catch {
            log("the key was not changed: \(error)")
            throw Fault(.internal, "\(error)")
        }
    }

    /// How an agent that is only joining answers every call.
    private static let refuse: RelayConnection.Answer = { _, _ in
        Reply.fault(Fault(.unavailable, "this agent has only joined and is not running yet"))
            .encoded()
    }

    /// Joins a relay by an invitation: registers the folder's key, or a new one, by the one-time
    /// secret, and stores the answer.
    static func join(
        _ invitation: Invitation, name: String?, tags: [String], folder: String,
        asNew isNew: Bool = false, way: WayOut = WayOut()
    ) async throws(UplinkError) -> Identity {
        let pin = invitation.pin.flatMap { PublicKeyPin(bytes: $0) }
        let key = try isNew ? Identity.newKey(in: folder) : Identity.key(in: folder)
        let boot = BootNumber.next(in: folder) { _ in }
        let secret = Base64.encodeURL(invitation.secret)
        var round = DialRound(way.addresses(or: invitation.urls))
        while let address = round.next {
            let connection: RelayConnection
            do throws(UplinkError) {
                connection = try await RelayConnection.open(
                    relay: address, pin: pin, key: key, way: way, answer: Self.refuse
                ) { hello in
                    hello.invitation = secret
                    hello.name = name
                    hello.tags = tags
                    hello.epoch = .init(boot: boot, connection: 1)
                    hello.address = address
                    hello.facts = Machine.facts
                }
            } catch {
                round.failed(error)
                continue
            }
            // The reply to the welcome must be sent before the connection closes, but a relay that
            // keeps the connection open must not hold up the command.
            connection.drain()
            _ = await IO.within(.seconds(2)) { await connection.served() }
            connection.close()
            return try keep(connection.welcome, invitation, pin, key, in: folder, asNew: isNew)
        }
        throw round.error
    }

    private static func keep(
        _ welcome: Welcome, _ invitation: Invitation, _ pin: PublicKeyPin?,
        _ key: Ed25519PrivateKey, in folder: String, asNew isNew: Bool
    ) throws(UplinkError) -> Identity {
        let identity = Identity(
            key: key, addresses: invitation.urls, pin: pin, agentID: welcome.agentID,
            name: welcome.name)
        if isNew { try Identity.use(key, in: folder) }
        try identity.save(to: folder)
        return identity
    }
}
