// The agent's open sessions: their owners, their number, and how long each has been idle.
// Invariant: a session is in the table from its opening until its owner closes it, it is idle too
// long, or its shell has been gone for `keepEnded`.
import Loop
import Terminal
import Wire

/// The table of sessions.
@IO final class Sessions {
    /// The arguments of opening a session.
    struct Opening {
        var owner: Owner
        var target: String
        var name: String?
        var isPersistent = false
        var idleTimeout = Duration.seconds(1800)
        var loginTimeout = Duration.seconds(30)
        var columns = OpenSession.defaultColumns
        var rows = 50
        var shell = ShellChoice.auto
    }

    /// How long an ended session's output can be read: a disconnected client may come back for it.
    private static let keepEnded = Duration.seconds(600)

    /// The places of sessions that are open or being opened.
    private let places: Shares
    private let makeID: @IO () -> String
    private let events: Events
    private var table: [String: Session] = [:]
    private var placeOf: [String: Shares.Place] = [:]
    private var endedAt: [String: ContinuousClock.Instant] = [:]
    private var sweeper: LoopTimer?

    /// A table of at most `limit` sessions; `makeID` gives a new handle each time.
    init(limit: Int = 1000, events: Events = Events(), makeID: @escaping @IO () -> String) {
        self.events = events
        places = Shares(limit)
        self.makeID = makeID
    }

    /// The most sessions at once.
    var limit: Int {
        get { places.limit }
        set { places.limit = newValue }
    }

    /// Opens a session over a terminal that has just been started; throws `limit_reached` before
    /// `connect` is called.
    func open(
        _ request: Opening, _ connect: @IO () async throws(Fault) -> any ShellTransport
    ) async throws(Fault) -> Session {
        let place = try places.take(
            for: request.owner.id, of: "sessions (MaxSessions \(limit) in agent.conf)",
            or: "close some first")
        var isOpen = false
        defer { if !isOpen { place.giveBack() } }
        let transport = try await connect()
        let nonce = Nonce()
        let session = Session(
            id: makeID(), owner: request.owner, target: request.target, name: request.name,
            nonce: nonce, transport: transport, log: OutputLog(of: request.owner.id),
            isPersistent: request.isPersistent, idleTimeout: request.idleTimeout,
            display: Display(columns: request.columns, rows: request.rows))
        try await session.open(
            within: request.loginTimeout, shell: request.shell)
        session.onEnd = { [weak self] in self?.ended($0) }
        session.console.history.onEnd = { [weak session, events] command in
            if let session { events.publish(session.ending(of: command)) }
        }
        table[session.id] = session
        placeOf[session.id] = place
        isOpen = true
        report(session, .opened)
        if session.end != nil { ended(session) }
        if sweeper == nil {
            sweeper = LoopTimer(after: .seconds(1), repeating: .seconds(1)) { [weak self] in
                self?.sweep()
            }
        }
        return session
    }

    private func ended(_ session: Session) {
        guard table[session.id] === session else { return }
        endedAt[session.id] = IO.now
        report(session, .ended)
    }

    /// Reports what has happened to a session, if it is in the table.
    func report(_ session: Session, _ step: AgentEvent.SessionStep) {
        guard table[session.id] === session else { return }
        events.publish(.session(session.id, step, principal: session.owner.id))
    }

    /// The session of a handle; nil if there is none.
    subscript(id: String) -> Session? { table[id] }

    /// All sessions, oldest handle first.
    var all: [Session] { table.values.sorted { $0.id < $1.id } }

    /// Closes a session and forgets it; false if there is none.
    @discardableResult
    func close(_ id: String, saying why: String = "the session was closed") -> Bool {
        guard let session = table[id] else { return false }
        report(session, .closed)
        table[id] = nil
        endedAt[id] = nil
        placeOf.removeValue(forKey: id)?.giveBack()
        session.close(saying: why)
        return true
    }

    /// Closes every session.
    func closeAll(saying why: String = "the session was closed") {
        for id in Array(table.keys) { close(id, saying: why) }
        sweeper?.cancel()
        sweeper = nil
    }

    /// Closes idle sessions and forgets ended ones; a session with a running command is not idle.
    func sweep(now: ContinuousClock.Instant = IO.now) {
        for (id, session) in table {
            if let ended = endedAt[id] {
                if now - ended > Self.keepEnded { close(id) }
            } else if !session.isPersistent, !session.isRunning,
                now - session.lastUsed > session.idleTimeout
            {
                close(id)
            }
        }
    }
}
