// The messages of one stdio client, both eras at once. Flow: line → era → InFlight → reply line.
// Invariant: each message is checked independently; `initialize` enables the legacy era for this
// client without disabling the modern one.
import JSON
import Loop

@IO final class StdioConversation {
    private let server: MCPServer
    private let principal: Principal
    private let send: @IO ([UInt8]) -> Void
    private let notify: Notify
    private var legacy: LegacyClient?
    private var open = 0
    private let settled = Condition()
    let inFlight = InFlight()

    /// `send` writes a reply or a question; `notify` writes messages that may be dropped if the
    /// client is slow.
    init(
        server: MCPServer, principal: Principal, send: @escaping @IO ([UInt8]) -> Void,
        notify: @escaping Notify
    ) {
        self.server = server
        self.principal = principal
        self.send = send
        self.notify = notify
    }

    func receive(_ line: LineSplitter.Line) {
        switch line {
        case .tooLong(let id):
            let limit = server.limits.messageBytes
            send(
                error: .unparsable("message longer than \(limit) bytes: send less at once"), id: id)
        case .text(let bytes) where Batch.isOne(bytes): receive(batch: bytes)
        case .text(let bytes):
            do throws(BadMessage) {
                try receive(Message(bytes))
            } catch {
                send(error: error.error, id: error.id)
            }
        }
    }

    private func receive(_ message: Message) throws(BadMessage) {
        guard case .request(let id, let method) = message.kind else {
            if message.method == "notifications/cancelled" { inFlight.cancel(message) }
            legacy?.note(message)
            return
        }
        do throws(MCPError) {
            guard !message.isInitialize || message.claimsModern else {
                let agreed = try Handshake(message.params)
                legacy?.leave()
                legacy = LegacyClient(agreed, server.subscriptions) { [notify] in notify($0) }
                return send(Envelope.result(id, server.initialized(agreed.revision)))
            }
            let caller = try caller(message)
            var request = try Request(message, id: id, method: method, caller: caller)
            request.deliver = deliver
            let task = try inFlight.start(request, server, notify: notify)
            let lasts = method == "subscriptions/listen"
            reply { [weak self] in
                let answer = await task.value
                guard lasts, let answer, answer.error == nil else { return answer?.bytes }
                // A client of this transport is told by a notification, too, that the stream ended.
                self?.send(answer.bytes)
                return Envelope.notification("notifications/cancelled", ["requestId": id.json])
            }
        } catch {
            throw BadMessage(id: id, error: error)
        }
    }

    /// The era of a request that is not `initialize`.
    private func caller(_ message: Message) throws(MCPError) -> Caller {
        if message.claimsModern { return try ModernMeta(message.meta).caller(principal) }
        guard let legacy else {
            // Clients may ping before the handshake, as every revision with one says.
            if message.method == "ping" { return .stranger(principal) }
            throw .invalidParams(
                "params._meta must carry version and capabilities, or send initialize first")
        }
        return legacy.caller(principal)
    }

    private func receive(batch bytes: [UInt8]) {
        guard let legacy, legacy.handshake.revision.hasBatches else {
            return send(error: .invalidRequest("batches are not supported: send one at a time"))
        }
        do throws(MCPError) {
            let elements = try Batch.elements(of: bytes, server.limits)
            let caller = legacy.caller(principal)
            reply { [inFlight, server, notify, deliver] in
                await inFlight.answer(
                    batch: elements, server, caller, notify: notify, deliver: deliver)
            }
        } catch {
            send(error: error)
        }
    }

    /// Sends what must not be dropped.
    private var deliver: Notify {
        return { [weak self] in self?.send($0) }
    }

    /// Sends the result of `work`, if any, and counts the request as open until then.
    private func reply(_ work: @escaping @IO @Sendable () async -> [UInt8]?) {
        open += 1
        IO.task { [self] in
            let bytes = await work()
            if let bytes { send(bytes) }
            open -= 1
            settled.broadcast()
        }
    }

    /// Ends what would last for as long as the client is there.
    func leave() {
        legacy?.leave()
        inFlight.cancelAll()
    }

    /// Returns once every request received so far has its reply sent, or at `end`.
    func settle(before end: ContinuousClock.Instant) async {
        await settled.wait(until: end) { open == 0 }
    }

    private func send(error: MCPError, id: RequestID? = nil) {
        send(Envelope.error(id, error, legacy?.handshake.revision ?? .newest))
    }
}

extension ModernMeta {
    /// The caller of a modern request; refuses the versions that need `initialize`.
    func caller(_ principal: Principal) throws(MCPError) -> Caller {
        guard let revision = Revision(rawValue: version), revision.isModern else {
            throw .unsupportedVersion(requested: version)
        }
        return Caller(
            revision: revision, principal: principal, client: client,
            capabilities: ClientCapabilities(capabilities, in: revision))
    }
}
