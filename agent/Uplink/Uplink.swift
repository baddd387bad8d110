// The agent's side of the tunnel over time: dial, serve, dial again for as long as it lives.
// Sessions do not notice. It hands each call to `answer` and knows none of them; what the relay says
// of this agent goes up by `onWelcome`. Invariant: at most one connection.
import Crypto
import Loop
import Wire

/// Keeps the agent connected to its relay.
@IO final class Uplink {
    private let folder: String
    private var identity: Identity
    private let answer: RelayConnection.Answer
    private let onWelcome: @IO (Welcome) -> Void
    private let log: @IO (String) -> Void
    private var backoff = Backoff()
    private var connection: RelayConnection?
    private var dials: Int64 = 0
    private let stopped = Once<Void>()
    private var running: Task<UplinkError?, Never>?

    init(
        folder: String, identity: Identity, answer: @escaping RelayConnection.Answer,
        onWelcome: @escaping @IO (Welcome) -> Void = { _ in },
        log: @escaping @IO (String) -> Void
    ) {
        self.folder = folder
        self.identity = identity
        self.answer = answer
        self.onWelcome = onWelcome
        self.log = log
    }

    /// Serves until `stop` (nil) or until the relay refuses for good (its reason).
    func run() async -> UplinkError? {
        let task = IO.task { await self.serve() }
        running = task
        return await task.value
    }

    /// How long calls in flight may take to end; with `Commands.shutDown` less than 5 s in all.
    private static let patience = Duration.milliseconds(1500)

    /// Lets calls in flight end, then disconnects; `run` returns.
    func stop() async {
        stopped.set(())
        connection?.drain()
        if let connection { _ = await IO.within(Self.patience) { await connection.served() } }
        connection?.close()
        running?.cancel()
    }

    private func serve() async -> UplinkError? {
        while stopped.value == nil {
            var asked = Duration.zero
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
                if case .refused(let refusal) = error { asked = refusal.retryAfter ?? .zero }
                if stopped.value == nil { log("not connected: \(error)") }
            }
            guard stopped.value == nil else { break }
            let wait = max(backoff.next(), asked)
            if (try? await IO.sleep(for: wait)) == nil { break }
        }
        return nil
    }

    private func connect() async throws(UplinkError) -> RelayConnection {
        dials += 1
        let epoch = Hello.Epoch(boot: Machine.processStart, connection: dials)
        let (identity, answer) = (identity, answer)
        let opening = IO.task { () async -> Result<RelayConnection, UplinkError> in
            do throws(UplinkError) {
                return .success(
                    try await RelayConnection.open(
                        relay: identity.relay, pin: identity.pin, key: identity.key,
                        answer: answer
                    ) { hello in
                        hello.agentID = identity.agentID
                        hello.epoch = epoch
                        hello.facts = Machine.facts
                    })
            } catch {
                return .failure(error)
            }
        }
        // Its parts have deadlines; this wait also ends when the agent is stopped.
        guard let result = await IO.within(.seconds(60), { await opening.value }) else {
            IO.task { if case .success(let late) = await opening.value { late.close() } }
            throw .timedOut
        }
        let connection = try result.get()
        onWelcome(connection.welcome)
        if connection.welcome.name != identity.name {
            self.identity.name = connection.welcome.name
            // The name is for the next start's log: no reason to go without the relay.
            do throws(UplinkError) { try self.identity.save(to: folder) } catch { log("\(error)") }
        }
        return connection
    }

    /// What an agent that only joins says to every call.
    private static let refuse: RelayConnection.Answer = { _ in
        Reply.fault(Fault(.unavailable, "this agent has only joined; it does not run yet"))
            .encoded()
    }

    /// Joins a relay by an invitation: proves a new key with the one-time secret, keeps the answer.
    static func join(
        _ invitation: Invitation, name: String?, tags: [String], folder: String
    ) async throws(UplinkError) -> Identity {
        let pin = invitation.pin.flatMap { PublicKeyPin(bytes: $0) }
        let key = try Identity.key(in: folder)
        let secret = Base64.encodeURL(invitation.secret)
        let connection = try await RelayConnection.open(
            relay: invitation.url, pin: pin, key: key, answer: Self.refuse
        ) { hello in
            hello.invitation = secret
            hello.name = name
            hello.tags = tags
            hello.epoch = .init(boot: Machine.processStart, connection: 1)
            hello.facts = Machine.facts
        }
        // The answer to the welcome leaves before the connection does.
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
