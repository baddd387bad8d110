// What a client with a handshake has settled beyond it: the resources it watches and its log level,
// and what it was asked.
// Flow: a legacy session over HTTP or a stdio conversation owns one; requests reach it through
// their Caller. Invariant: it is told of nothing before it has said that it is initialized, and of
// nothing after `leave`.
import JSON
import Loop

@IO final class LegacyClient {
    let handshake: Handshake
    /// What it was asked, and has not answered yet.
    let asked: ServerRequests
    /// The least level of log messages that it wants; nil if it has not said so.
    var logLevel: LogLevel?
    private let bus: ChangeBus
    private let lists: Set<ListKind>
    /// Sends a message that belongs to no request.
    private let send: @IO ([UInt8]) -> Void
    private var isReady = false
    private var hasLeft = false
    /// The watched URIs, with what the host holds for each.
    private var watched: [String: any Sendable] = [:]

    init(
        _ handshake: Handshake, _ subscriptions: Subscriptions,
        send: @escaping @IO ([UInt8]) -> Void
    ) {
        self.handshake = handshake
        self.send = send
        asked = ServerRequests(announce: send)
        bus = subscriptions.bus
        lists = subscriptions.announced
    }

    /// The caller of a request of this client.
    func caller(_ principal: Principal) -> Caller {
        var caller = handshake.caller(principal)
        caller.legacy = self
        return caller
    }

    /// Notes a notification or a response that the client sends.
    func note(_ message: Message) {
        if case .response(let response) = message.kind { asked.receive(response) }
        guard message.method == "notifications/initialized", !isReady, !hasLeft else { return }
        isReady = true
        for kind in lists { bus.add(self, to: .list(kind)) }
    }

    /// How many resources it watches.
    var watchCount: Int { watched.count }

    func watch(_ uri: String, holding held: any Sendable) {
        guard !hasLeft else { return }
        watched[uri] = held
        bus.add(self, to: .resource(uri: uri))
    }

    func unwatch(_ uri: String) {
        watched[uri] = nil
        bus.remove(self, from: .resource(uri: uri))
    }

    /// Ends all that it was told of.
    func leave() {
        hasLeft = true
        for kind in lists { bus.remove(self, from: .list(kind)) }
        for uri in watched.keys { bus.remove(self, from: .resource(uri: uri)) }
        watched = [:]
    }
}

extension LegacyClient: Subscriber {
    func deliver(_ notice: Notice) { send(notice.message()) }
}
