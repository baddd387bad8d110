// POST, GET and DELETE of clients with a handshake. Invariant: every request except `initialize`
// needs a session of the same principal; a client that leaves cancels nothing.
import HTTP
import JSON
import Loop

extension MCPHTTPEndpoint {
    func postLegacy(_ message: Message, _ visit: Visit) async {
        if message.isInitialize { return initialize(message, visit) }
        guard let session = session(visit, message.id) else { return }
        switch message.kind {
        case .notification, .response:
            if message.method == "notifications/cancelled" { session.inFlight.cancel(message) }
            session.client.note(message)
            await session.using {}
            visit.reply.send(status: 202, headers: visit.headers, body: [])
        case .request(let id, let method):
            let caller = caller(visit, session)
            do throws(MCPError) {
                var request = try Request(message, id: id, method: method, caller: caller)
                let exchange = HTTPExchange(
                    visit.reply, visit.headers, visit.accept, server, session.streams)
                if exchange.canDisconnect { request.disconnect = { exchange.disconnect() } }
                request.deliver = { exchange.deliver($0) }
                let task = try session.inFlight.start(request, server) { exchange.notify($0) }
                exchange.begin()
                let answer = await session.using { await task.value }
                await finish(exchange, answer, visit, caller.revision)
            } catch {
                visit.fail(id, error, caller.revision)
            }
        }
    }

    func postBatch(_ body: [UInt8], _ visit: Visit) async {
        guard let session = session(visit, nil) else { return }
        let revision = session.client.handshake.revision
        do throws(MCPError) {
            guard revision.hasBatches else {
                throw .invalidRequest("batches are not supported: send one message at a time")
            }
            let limits = server.limits
            let elements = try await Blocking.run(ifLong: body.count) {
                () -> Result<[Batch.Element], MCPError> in
                do throws(MCPError) { return .success(try Batch.elements(of: body, limits)) } catch
                { return .failure(error) }
            }.get()
            let caller = caller(visit, session)
            let exchange = HTTPExchange(
                visit.reply, visit.headers, visit.accept, server, session.streams)
            exchange.begin()
            let replies = await session.using {
                await session.inFlight.answer(
                    batch: elements, server, caller, notify: { exchange.notify($0) },
                    deliver: { exchange.deliver($0) })
            }
            await exchange.finish(replies, status: replies == nil ? 202 : 200)
        } catch {
            visit.fail(nil, error, revision)
        }
    }

    /// Who sends a request: one that takes no stream can be asked nothing, whatever it declared.
    private func caller(_ visit: Visit, _ session: LegacySession) -> Caller {
        var caller = session.client.caller(visit.principal)
        if !visit.accept.stream {
            caller.capabilities = ClientCapabilities(in: caller.revision)
        }
        return caller
    }

    /// Seconds until a client that got no session may try again: most calls end within them, and
    /// its session can then give way.
    private static let sessionRetry = 10

    private func initialize(_ message: Message, _ visit: Visit) {
        guard let id = message.id else { return }
        do throws(MCPError) {
            let handshake = try Handshake(message.params)
            guard let session = sessions.open(handshake, visit.principal) else {
                let busy = MCPError.busy("too many sessions are in use: end some, or retry later")
                var headers = visit.headers
                headers["Retry-After"] = "\(Self.sessionRetry)"
                let body = Envelope.error(id, busy, handshake.revision)
                return visit.reply.send(json: body, status: 503, headers)
            }
            var headers = visit.headers
            headers["Mcp-Session-Id"] = session.id
            let body = Envelope.result(id, server.initialized(handshake.revision))
            visit.reply.send(json: body, status: 200, headers)
        } catch {
            visit.fail(id, error, .newestLegacy, status: 400)
        }
    }

    /// The session a request names; otherwise the request is refused here.
    private func session(_ visit: Visit, _ id: RequestID?) -> LegacySession? {
        guard let name = visit.session else {
            let error = MCPError.invalidRequest("Mcp-Session-Id is missing: send initialize first")
            visit.fail(id, error, .newestLegacy, status: 400)
            return nil
        }
        guard let session = sessions.find(name, visit.principal) else {
            let error = MCPError.invalidRequest("the session has ended: send initialize again")
            visit.fail(id, error, .newestLegacy, status: 404)
            return nil
        }
        return session
    }

    func endSession(_ visit: Visit) {
        guard let session = session(visit, nil) else { return }
        sessions.end(
            session,
            .ended(
                "the session was deleted while this request ran; what it started may keep running: "
                    + "send initialize, then ask for its result or send it again"))
        visit.reply.send(status: 204, headers: visit.headers, body: [])
    }

    /// The standalone stream of a session, for what belongs to no request; with `Last-Event-ID` the
    /// stream that this event came on, and what the client missed of it.
    ///
    /// It ends an earlier connection of that stream, whose client may have left without a word.
    func openStream(_ visit: Visit) async {
        guard let session = session(visit, nil) else { return }
        guard visit.accept.stream else { return visit.refuse(406, "accept text/event-stream") }
        var (replay, place): (ReplayStream, Int?) = (session.streams.standalone, nil)
        if let last = visit.request.soleHeader("Last-Event-ID"), !last.isEmpty {
            guard let found = session.streams.find(last) else {
                return visit.refuse(
                    400,
                    "the event \(quoted(last)) is not kept: open a stream without Last-Event-ID")
            }
            guard !found.stream.isOver(after: found.place) else {
                return visit.refuse(
                    400, "the stream has ended, and nothing of it came after \(quoted(last))")
            }
            (replay, place) = found
        }
        let stream = EventStream(visit.reply, visit.headers, server.limits)
        stream.greet()
        server.pulse.add(stream)
        await session.using {
            await replay.attach(stream, after: place).wait()
        }
        server.pulse.remove(stream)
        await stream.finish(nil)
    }
}
