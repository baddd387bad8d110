// The agent's side of the tunnel over time: dial, serve, dial again, for as long as the agent runs.
// Sessions do not notice. It passes each call to `answer` without knowing its method, and reports
// through `onWelcome` what the relay says about this agent. Invariant: at most one connection.
import Crypto
import Loop
import Wire

/// Keeps the agent connected to its relay.
@IO final class Uplink {
    private let folder: String
    private let boot: Int64
    private var identity: Identity
    private let answer: RelayConnection.Answer
    private let onWelcome: @IO (Welcome) -> Void
    private let facts: @IO () -> AgentFacts
    private let log: @IO (String) -> Void
    private var backoff = Backoff()
    private var connection: RelayConnection?
    private var dials: Int64 = 0
    private let stopped = Once<Void>()
    private var machine: MachineWatch?
    /// Ends the wait between two dials.
    private var waiting = Once<Void>()
    /// When the relay wants to be dialled again.
    private var asked = IO.now
    private var running: Task<UplinkError?, Never>?

    init(
        folder: String, identity: Identity, answer: @escaping RelayConnection.Answer,
        facts: @escaping @IO () -> AgentFacts = { Machine.facts },
        onWelcome: @escaping @IO (Welcome) -> Void = { _ in },
        log: @escaping @IO (String) -> Void
    ) {
        self.folder = folder
        boot = BootNumber.next(in: folder, log: log)
        self.identity = identity
        self.answer = answer
        self.facts = facts
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

    /// How long calls in flight may take to end: with `Commands.shutDown`, under 5 s in all.
    private static let patience = Duration.milliseconds(1500)

    /// Lets calls in flight end, then disconnects; `run` returns.
    func stop() async {
        stopped.set(())
        connection?.drain()
        if let connection { _ = await IO.within(Self.patience) { await connection.served() } }
        connection?.close()
        waiting.set(())
        running?.cancel()
    }

    /// Dials at once, or looks whether the connection still carries.
    private func noticed(_ change: MachineWatch.Change) {
        if let connection {
            IO.task { await connection.check() }
        } else {
            guard IO.now >= asked else { return }
            backoff = Backoff()
            guard waiting.value == nil else { return }
            log("\(change): dialling again")
            waiting.set(())
        }
    }

    private func serve() async -> UplinkError? {
        while stopped.value == nil {
            do throws(UplinkError) {
                let connection = try await connect()
                guard stopped.value == nil else {
                    connection.close()
                    break
                }
                self.connection = connection
                log("connected to \(identity.relay) as \(connection.welcome.name)")
                let start = IO.now
                let reason = await connection.served()
                self.connection = nil
                backoff.served(IO.now - start)
                if stopped.value == nil { log("disconnected: \(reason)") }
            } catch {
                if error.isFinal { return error }
                if case .refused(let refusal) = error {
                    asked = IO.now + (refusal.retryAfter ?? .zero)
                }
                if stopped.value == nil { log("not connected: \(error)") }
            }
            guard stopped.value == nil else { break }
            let waiting = Once<Void>()
            self.waiting = waiting
            let timer = LoopTimer(after: max(backoff.next(), asked - IO.now)) { waiting.set(()) }
            await waiting.wait()
            timer.cancel()
        }
        return nil
    }

    private func connect() async throws(UplinkError) -> RelayConnection {
        dials += 1
        let epoch = Hello.Epoch(boot: boot, connection: dials)
        let (identity, answer, facts) = (identity, answer, facts())
        let opening = IO.task { () async -> Result<RelayConnection, UplinkError> in
            do throws(UplinkError) {
                return .success(
                    try await RelayConnection.open(
                        relay: identity.relay, pin: identity.pin, key: identity.key,
                        answer: answer
                    ) { hello in
                        hello.agentID = identity.agentID
                        hello.epoch = epoch
                        hello.keepsJournal = true
                        hello.facts = facts
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

    /// How an agent that is only joining answers every call.
    private static let refuse: RelayConnection.Answer = { _ in
        Reply.fault(Fault(.unavailable, "this agent has only joined and is not running yet"))
            .encoded()
    }

    /// Joins a relay by an invitation: registers a new key by the one-time secret and stores the
    /// answer.
    static func join(
        _ invitation: Invitation, name: String?, tags: [String], folder: String
    ) async throws(UplinkError) -> Identity {
        let pin = invitation.pin.flatMap { PublicKeyPin(bytes: $0) }
        let key = try Identity.key(in: folder)
        let boot = BootNumber.next(in: folder) { _ in }
        let secret = Base64.encodeURL(invitation.secret)
        let connection = try await RelayConnection.open(
            relay: invitation.url, pin: pin, key: key, answer: Self.refuse
        ) { hello in
            hello.invitation = secret
            hello.name = name
            hello.tags = tags
            hello.epoch = .init(boot: boot, connection: 1)
            hello.facts = Machine.facts
        }
        // The reply to the welcome must be sent before the connection closes, but a relay that
        // keeps the connection open must not hold up the command.
        connection.drain()
        _ = await IO.within(.seconds(2)) { await connection.served() }
        connection.close()
        let identity = Identity(
            key: key, relay: invitation.url, pin: pin, agentID: connection.welcome.agentID,
            name: connection.welcome.name)
        try identity.save(to: folder)
        return identity
    }
}
