// What a stdio client has settled with its server, as the lines that said so: a new server is sent
// them again. Pure. Flow: client → MCPLineRelay → here → the next server. Invariant: what was taken
// back is not in it, and it holds no more than a session of a server may.
import JSON

struct SettledLines {
    /// A line, with the id of its request; a notification has none.
    struct Line {
        let id: RequestID?
        let line: [UInt8]
    }

    private var handshake: [Line] = []
    private var level: Line?
    /// By their URIs.
    private var watched: [(uri: String, line: Line)] = []

    /// Most resources that are watched: as many as a server admits for one session.
    private static let most = MCPLimits.Subscriptions().uris

    /// Notes a request of the client.
    mutating func note(_ message: Message, _ id: RequestID, _ bytes: [UInt8]) {
        guard !message.claimsModern else { return }
        let line = Line(id: id, line: bytes)
        let uri = message.params.value("uri")?.stringValue
        switch (message.method, uri) {
        case ("initialize", _): self = SettledLines(handshake: [line])
        case ("logging/setLevel", _): level = line
        case ("resources/subscribe", let uri?):
            watched.removeAll { $0.uri == uri }
            if watched.count < Self.most { watched.append((uri, line)) }
        case ("resources/unsubscribe", let uri?): watched.removeAll { $0.uri == uri }
        default: break
        }
    }

    /// Notes that the client has taken the answer to `initialize`.
    mutating func noteInitialized(_ bytes: [UInt8]) {
        handshake = handshake.prefix(1) + [Line(id: nil, line: bytes)]
    }

    /// The lines for a new server, in their order; those that are sent to it anyway are left out.
    ///
    /// Without the handshake there are none: it is sent anyway, and the rest follows it.
    func lines(without ids: Set<RequestID>) -> [Line] {
        guard let first = handshake.first?.id, !ids.contains(first) else { return [] }
        let later = [level].compactMap { $0 } + watched.map(\.line)
        return handshake + later.filter { $0.id.map(ids.contains) == false }
    }

    init() {}

    private init(handshake: [Line]) { self.handshake = handshake }
}
