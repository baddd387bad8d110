// POST in the era without handshake. Invariant: the order of checks is metadata, headers, version,
// then dispatch; a client that leaves cancels its request; no session is ever made or read.
import HTTP
import Loop

extension MCPHTTPEndpoint {
    func postModern(_ message: Message, _ visit: Visit) async {
        switch message.kind {
        case .response:
            visit.fail(
                nil,
                .invalidRequest(
                    "this server sends no requests, so it takes no responses: send requests"),
                .newest)
        case .notification:
            // Clients cancel by closing the request's connection, as ids are not unique here.
            visit.reply.send(status: 202, headers: visit.headers, body: [])
        case .request(_, "subscriptions/listen") where !visit.accept.stream:
            visit.refuse(406, "accept text/event-stream: the reply to this method is a stream")
        case .request(let id, let method):
            do throws(MCPError) {
                let request = try await admit(message, id, method, visit)
                // The handler's own task, which a disconnect cancels, runs the request.
                let exchange = HTTPExchange(visit.reply, visit.headers, visit.accept, server)
                exchange.begin()
                let ongoing = Ongoing(request)
                ongoing.stop = { visit.reply.cancel() }
                let answer = await server.answer(ongoing) { exchange.notify($0) }
                await finish(exchange, answer, visit, request.caller.revision)
            } catch {
                visit.fail(id, error, .newest)
            }
        }
    }

    private func admit(
        _ message: Message, _ id: RequestID, _ method: String, _ visit: Visit
    ) async throws(MCPError) -> Request {
        let meta = try ModernMeta(message.meta)
        try RoutingHeaders.check(visit.request, message, version: meta.version)
        let caller = try meta.caller(visit.principal)
        try await ParameterHeaders.check(visit.request, message, server.tools)
        return try Request(message, id: id, method: method, caller: caller)
    }
}
