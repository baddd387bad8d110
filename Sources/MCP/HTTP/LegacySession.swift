// The sessions of legacy clients over HTTP. Invariant: bounded in total and per principal; a
// session belongs to its creator only, and never returns once ended.
import Loop

@IO final class LegacySession {
    let id: String
    let owner: String
    let client: LegacyClient
    let inFlight = InFlight()
    let streams: SessionStreams
    private var running = 0
    private(set) var usedAt = IO.now

    init(
        owner: String, _ handshake: Handshake, _ subscriptions: Subscriptions,
        _ streams: SessionStreams
    ) {
        self.owner = owner
        self.streams = streams
        client = LegacyClient(handshake, subscriptions) { streams.standalone.notify($0) }
        var random = SystemRandomNumberGenerator()
        id = (0..<2).map { _ in
            let digits = String(random.next() as UInt64, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }

    /// Runs a request of this session, which counts as in use until the request ends.
    func using<T>(_ work: @IO () async -> T) async -> T {
        running += 1
        defer {
            running -= 1
            usedAt = IO.now
        }
        return await work()
    }

    /// Whether nobody waits for anything in it.
    var isResting: Bool { running == 0 }

    func isIdle(_ now: ContinuousClock.Instant, _ limit: Duration) -> Bool {
        isResting && now - usedAt >= limit
    }

    /// Ends the standalone stream's connection.
    func closeStream() { streams.standalone.release() }

    /// Ends its stream, and its requests with the error.
    func end(_ error: MCPError) {
        client.leave()
        inFlight.failAll(error)
        closeStream()
    }
}

@IO final class SessionTable {
    private let limits: MCPLimits
    private let pulse: Pulse
    private let subscriptions: Subscriptions
    /// The messages that are kept for clients that come back.
    private let memory: ByteBudget
    private var sessions: [String: LegacySession] = [:]
    private var owned: [String: Int] = [:]

    init(_ server: MCPServer) {
        limits = server.limits
        pulse = server.pulse
        subscriptions = server.subscriptions
        let replay = server.limits.sessions.replay
        memory = ByteBudget(limit: replay.bytes, share: replay.principalBytes)
    }

    var count: Int { sessions.count }

    /// A new session, or `nil` if there are too many.
    ///
    /// At a limit it takes the place of the principal's session that has rested longest: many
    /// clients initialize for each run and never end a session.
    func open(_ handshake: Handshake, _ principal: Principal) -> LegacySession? {
        if sessions.count >= limits.sessions.count { beat(IO.now) }
        if !hasRoom(for: principal.name) { endOldest(of: principal.name) }
        guard hasRoom(for: principal.name) else { return nil }
        let streams = SessionStreams(
            handshake.revision, limits.sessions.replay, memory.claim(for: principal.name))
        let session = LegacySession(owner: principal.name, handshake, subscriptions, streams)
        sessions[session.id] = session
        owned[principal.name, default: 0] += 1
        pulse.add(self)
        return session
    }

    private func hasRoom(for owner: String) -> Bool {
        sessions.count < limits.sessions.count
            && owned[owner, default: 0] < limits.sessions.perPrincipal
    }

    private func endOldest(of owner: String) {
        let resting = sessions.values.lazy.filter { $0.owner == owner && $0.isResting }
        guard let oldest = resting.min(by: { $0.usedAt < $1.usedAt }) else { return }
        // Nothing runs in it, so nobody receives this sentence.
        end(oldest, .ended("a newer session took this one's place: send initialize again"))
    }

    /// The session with this id, if it is the principal's.
    func find(_ id: String, _ principal: Principal) -> LegacySession? {
        guard let session = sessions[id], session.owner == principal.name else { return nil }
        return session
    }

    /// Ends a session; its running requests are answered with the error.
    func end(_ session: LegacySession, _ error: MCPError) {
        guard sessions.removeValue(forKey: session.id) != nil else { return }
        let left = owned[session.owner, default: 1] - 1
        owned[session.owner] = left > 0 ? left : nil
        session.end(error)
        if sessions.isEmpty { pulse.remove(self) }
    }

    /// Ends the standing streams of all sessions.
    func endStreams() { for session in sessions.values { session.closeStream() } }

    /// Ends every session, or every session of one principal.
    func endAll(of owner: String? = nil, _ error: MCPError) {
        for session in Array(sessions.values) where owner == nil || session.owner == owner {
            end(session, error)
        }
    }
}

extension SessionTable: Beating {
    func beat(_ now: ContinuousClock.Instant) {
        for session in sessions.values { session.streams.expire(now) }
        for session in Array(sessions.values) where session.isIdle(now, limits.sessions.idle) {
            // Nothing runs in it, so nobody receives this sentence.
            end(session, .ended("the session was idle for too long: send initialize again"))
        }
    }
}
