// The event streams of one legacy session, which outlive their connections: what a client misses is
// kept for a while, and sent when it comes back with `Last-Event-ID`. Flow: HTTPExchange and the
// session's standalone stream → ReplayStream → EventStream. Invariant: a message belongs to exactly
// one stream; what is kept is bounded for each stream, session, principal and the whole server.
import Loop

@IO final class SessionStreams {
    /// The stream of a GET, for what belongs to no request.
    let standalone: ReplayStream
    /// Whether each connection begins with an event without data, so that its client can come back
    /// even if it has received nothing.
    private let isPriming: Bool
    private let limits: MCPLimits.Replay
    private let claim: ByteBudget.Claim
    private var streams: [Int: ReplayStream] = [:]
    private var opened = 0

    init(_ revision: Revision, _ limits: MCPLimits.Replay, _ claim: ByteBudget.Claim) {
        isPriming = revision.hasPrimingEvents
        self.limits = limits
        self.claim = claim
        standalone = ReplayStream(number: 0)
        standalone.session = self
    }

    /// A stream for one request.
    func open() -> ReplayStream {
        opened += 1
        let stream = ReplayStream(number: opened)
        stream.session = self
        streams[opened] = stream
        return stream
    }

    /// Whether a client could come back to a stream on which it has received nothing.
    var canResume: Bool { isPriming }

    /// The event that begins a connection, if the revision has it.
    func priming(_ id: String) -> [UInt8]? {
        guard isPriming else { return nil }
        return Array("id: \(id)\ndata: \nretry: \(limits.retry.milliseconds)\n\n".utf8)
    }

    /// The stream that an event id names, and the place of that event in it.
    func find(_ eventID: String) -> (stream: ReplayStream, place: Int)? {
        let parts = eventID.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let number = Int(parts[0]), let place = Int(parts[1]) else {
            return nil
        }
        guard let stream = number == 0 ? standalone : streams[number], place <= stream.place else {
            return nil
        }
        return (stream, place)
    }

    /// Takes room for a message; the oldest streams that have ended make room.
    func makeRoom(_ bytes: Int) -> Bool {
        while !claim.grow(by: bytes) {
            guard let oldest = ended.first else { return false }
            drop(oldest)
        }
        return true
    }

    func giveBack(_ bytes: Int) { claim.shrink(to: claim.bytes - bytes) }

    /// Lets the oldest streams go that have ended, if there are too many.
    func hasEnded() {
        let all = ended
        for stream in all.dropLast(limits.streams) { drop(stream) }
    }

    /// Lets the streams go that ended long ago.
    func expire(_ now: ContinuousClock.Instant) {
        for stream in ended {
            if let end = stream.endedAt, now - end >= limits.time { drop(stream) }
        }
    }

    /// Most messages kept of one stream.
    var messages: Int { limits.messages }

    /// Those that have ended, the oldest first.
    private var ended: [ReplayStream] {
        streams.values.filter { $0.endedAt != nil }.sorted { $0.number < $1.number }
    }

    private func drop(_ stream: ReplayStream) {
        streams[stream.number] = nil
        stream.forget()
    }
}

/// One stream, with what was sent on it last.
@IO final class ReplayStream {
    let number: Int
    weak var session: SessionStreams?
    /// The number of messages so far; the id of a message is its stream's number and its own.
    private(set) var place = 0
    private(set) var endedAt: ContinuousClock.Instant?
    /// The connection that carries it now, and what is set when that is over.
    private var carrier: (connection: EventStream, over: Once<Void>)?
    /// Whether a client has ever been told an id of it.
    private var isKnown = false
    private var kept: [(place: Int, message: [UInt8])] = []

    fileprivate init(number: Int) { self.number = number }

    private var connection: EventStream? { carrier?.connection }

    /// Whether it has ended, and nothing of it comes after a place: who comes back to it there
    /// would do so again and again.
    func isOver(after place: Int) -> Bool {
        endedAt != nil && !kept.contains { $0.place > place }
    }

    private func id(_ place: Int) -> String { "\(number)-\(place)" }

    /// Has a connection carry it from here on, and ends an earlier one; gives what is set when that
    /// is over.
    ///
    /// With `after`, what was sent after that place is sent again, however slowly the client reads:
    /// nothing of what is kept is dropped, as the client would not come back for it.
    @discardableResult
    func attach(_ stream: EventStream, after: Int? = nil) -> Once<Void> {
        release()
        let over = Once<Void>()
        carrier = (stream, over)
        isKnown = true
        stream.onDisconnect { [weak self, weak stream] in
            if let self, connection === stream { release() }
        }
        if let priming = session?.priming(id(after ?? place)) { stream.send(priming) }
        guard let after else { return over }
        for (place, message) in kept where place > after {
            stream.send(message, id: id(place))
        }
        if endedAt != nil { release() }
        return over
    }

    /// Ends the connection's part in it; the stream goes on.
    func release() {
        carrier?.over.set(())
        carrier = nil
    }

    /// Sends a message that may be dropped if the client does not keep up, or never comes back.
    func notify(_ message: [UInt8]) {
        add(message)
        connection?.notify(message, id: id(place))
    }

    /// Sends a message that a connected client gets, however slowly it reads.
    func send(_ message: [UInt8]) {
        add(message)
        connection?.send(message, id: id(place))
    }

    /// Sends the last message, if any, and ends the stream on whatever connection carries it.
    func finish(_ message: [UInt8]?) {
        if let message {
            place += 1
            keep(message)
            connection?.send(message, id: id(place))
        }
        endedAt = IO.now
        release()
        session?.hasEnded()
    }

    fileprivate func forget() {
        session?.giveBack(kept.reduce(0) { $0 + $1.message.count })
        kept = []
    }

    /// Counts and keeps a message that is not the last one; the oldest makes way for it.
    private func add(_ message: [UInt8]) {
        place += 1
        keep(message)
        guard let session, kept.count > session.messages else { return }
        session.giveBack(kept.removeFirst().message.count)
    }

    private func keep(_ message: [UInt8]) {
        guard isKnown, session?.makeRoom(message.count) == true else { return }
        kept.append((place, message))
    }
}
