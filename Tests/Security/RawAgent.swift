// An agent that joined by a real invitation and then writes HTTP/2 frames as it likes, over real
// TLS: what nghttp2 would never send. It reads the relay's frames without understanding their
// headers.
// Invariant: it can do only what whoever holds an agent's key can do.
import Crypto
import JSON
import Loop
import Net
import Support
import Wire

/// The hostile agent's end of one tunnel.
@IO final class RawAgent {
    /// Who it is: made by joining, used again at each connection.
    @IO final class Identity {
        let key: Ed25519PrivateKey
        let invitation: Invitation
        var agentID: String?
        var connections: Int64 = 0

        init(_ invitation: String) throws {
            key = try Ed25519PrivateKey.generate()
            self.invitation = try Invitation(invitation)
        }
    }

    /// The kinds of frames (RFC 9113 §6).
    enum Kind: UInt8 {
        case data, headers, priority, reset, settings, promise, ping, goAway, window, continuation
        case unknown = 0xbe
    }

    let stream: TLSStream
    let ended = Once<String>()
    /// Serves a call after the welcome; the default never answers.
    var serve: @IO (RawAgent, _ stream: UInt32, _ method: String) -> Void = { _, _, _ in }
    /// The calls that have arrived since the welcome.
    private(set) var calls = 0
    private let identity: Identity
    private let welcomed = Once<Bool>()
    private var input: [UInt8] = []
    private var bodies: [UInt32: [UInt8]] = [:]
    private var hasPreface = false
    private var window = 65535
    private var streamWindow = 65535
    private var windows: [UInt32: Int] = [:]
    private var replies: [(stream: UInt32, rest: ArraySlice<UInt8>)] = []

    /// Connects and greets; throws if it is not welcomed.
    static func connect(_ identity: Identity) async throws -> RawAgent {
        let url = identity.invitation.urls[0]
        guard let colon = url.lastIndex(of: ":"),
            let port = UInt16(url[url.index(after: colon)...]),
            let address = SocketAddress(ip: "127.0.0.1", port: port),
            let pin = identity.invitation.pin.flatMap({ PublicKeyPin(bytes: $0) })
        else { throw Unavailable("cannot dial \(url)") }
        let socket = try await SocketStream.connect(to: address, deadline: .seconds(5))
        let context = try TLSContext(
            client: .pin(pin), alpn: [Contract.applicationProtocol])
        let stream = try await TLSStream.handshake(
            over: socket, context: context, serverName: "relay")
        let agent = RawAgent(stream, identity)
        guard await IO.within(.seconds(10), { await agent.welcomed.wait() }) == true else {
            throw Unavailable("not welcomed: \(agent.ended.value ?? "no answer")")
        }
        return agent
    }

    private init(_ stream: TLSStream, _ identity: Identity) {
        (self.stream, self.identity) = (stream, identity)
        // First of all: what the relay has sent meanwhile is answered as soon as there is a
        // handler.
        send(.settings)
        stream.onData = { [weak self] in self?.receive(Array($0)) }
        stream.onClose = { [ended, welcomed] error in
            ended.set("\(error.map { "\($0)" } ?? "orderly")")
            welcomed.set(false)
        }
    }

    // MARK: Frames

    /// Writes one frame.
    func send(_ kind: Kind, flags: UInt8 = 0, stream id: UInt32 = 0, _ payload: [UInt8] = []) {
        stream.write(Self.frame(kind, flags: flags, stream: id, payload))
    }

    /// The bytes of one frame.
    nonisolated static func frame(
        _ kind: Kind, flags: UInt8 = 0, stream id: UInt32 = 0, _ payload: [UInt8] = []
    ) -> [UInt8] {
        let count = payload.count
        return [UInt8(count >> 16), UInt8(count >> 8 & 255), UInt8(count & 255)]
            + [kind.rawValue, flags] + number(id) + payload
    }

    /// Four bytes, the highest first.
    nonisolated static func number(_ value: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    /// Answers a call, as fast as the relay's windows allow.
    func reply(_ id: UInt32, _ body: [UInt8]) {
        send(.headers, flags: 4, stream: id, [0x88])
        replies.append((id, body[...]))
        pump()
    }

    private func pump() {
        var replies = self.replies
        defer { self.replies = replies }
        if stream.isClosed { replies = [] }
        for index in replies.indices.reversed() where isSent(&replies[index]) {
            replies.remove(at: index)
        }
    }

    /// Sends what the windows allow; whether that was all.
    private func isSent(_ reply: inout (stream: UInt32, rest: ArraySlice<UInt8>)) -> Bool {
        let id = reply.stream
        var rest = reply.rest
        while true {
            let own = windows[id] ?? streamWindow
            let count = min(rest.count, 16384, own, window)
            guard count > 0 || rest.isEmpty else { break }
            let isLast = count == rest.count
            send(.data, flags: isLast ? 1 : 0, stream: id, Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
            window -= count
            windows[id] = own - count
            if isLast {
                windows[id] = nil
                return true
            }
        }
        reply.rest = rest
        return false
    }

    // MARK: What the relay sends

    private func receive(_ bytes: [UInt8]) {
        input += bytes
        if !hasPreface {
            guard input.count >= 24 else { return }
            input.removeFirst(24)
            hasPreface = true
        }
        var at = 0
        while input.count - at >= 9 {
            let count = Int(input[at]) << 16 | Int(input[at + 1]) << 8 | Int(input[at + 2])
            guard input.count - at >= 9 + count else { break }
            let id = Self.number(input[(at + 5)...]) & 0x7fff_ffff
            take(input[at + 3], input[at + 4], id, input[(at + 9)..<(at + 9 + count)])
            at += 9 + count
        }
        input.removeFirst(at)
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        bytes.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }

    private func take(_ kind: UInt8, _ flags: UInt8, _ id: UInt32, _ payload: ArraySlice<UInt8>) {
        switch Kind(rawValue: kind) {
        case .settings where flags & 1 == 0:
            var rest = payload
            while rest.count >= 6 {
                if rest[rest.startIndex + 1] == 4 {
                    streamWindow = Int(Self.number(rest.dropFirst(2)))
                }
                rest = rest.dropFirst(6)
            }
            send(.settings, flags: 1)
        case .ping where flags & 1 == 0: send(.ping, flags: 1, Array(payload))
        case .window:
            let more = Int(Self.number(payload))
            if id == 0 { window += more } else { windows[id, default: streamWindow] += more }
            pump()
        case .data:
            bodies[id, default: []] += payload
            guard flags & 1 != 0, let body = bodies.removeValue(forKey: id) else { return }
            call(id, body)
        default: break
        }
    }

    private func call(_ id: UInt32, _ body: [UInt8]) {
        let message = try? JSON(parsing: body)
        let method = message?["method"]?.stringValue ?? ""
        let arguments = message?["params"]?["arguments"]
        switch Wire.Method(rawValue: method) {
        case .hello: greet(id, arguments?["nonce"]?.stringValue ?? "")
        case .welcome:
            identity.agentID = arguments?["agent_id"]?.stringValue
            reply(id, Reply.result(RawJSON([:])).encoded())
            welcomed.set(true)
        case .refuse: ended.set("refused: \(arguments?.description ?? "")")
        default:
            calls += 1
            serve(self, id, method)
        }
    }

    private func greet(_ id: UInt32, _ nonce: String) {
        let binding =
            stream.exportKeyingMaterial(
                label: Contract.exporterLabel, count: Contract.bindingBytes) ?? []
        identity.connections += 1
        guard
            let signature = try? identity.key.sign(
                Contract.helloMessage(binding: binding, nonce: Base64.decodeURL(nonce) ?? []))
        else { return }
        var hello = Hello(
            publicKey: Base64.encodeURL(identity.key.publicKey.bytes),
            signature: Base64.encodeURL(signature),
            epoch: .init(boot: 1, connection: identity.connections))
        hello.agentID = identity.agentID
        if identity.agentID == nil {
            hello.invitation = Base64.encodeURL(identity.invitation.secret)
        }
        reply(id, Reply.result(RawJSON(hello.json)).encoded())
    }
}
