// Where browsers come in: the pages, and what else is served beside MCP for people (OAuth). Flow:
// ClientEntrance → here → the route's handler. Invariant: a path and method that no room has
// registered, or whose room is closed now, is not served.
import HTTP
import Loop
import MCP

/// The door of browsers and of clients that ask for a login.
@IO final class WebDoor {
    /// Answers a request; `rest` is what stands in the path in place of a route's `*`.
    typealias Handler =
        @IO (_ request: HTTPRequest, _ responder: HTTPResponder, _ rest: String)
        async -> Void

    private struct Route {
        let names: [Substring]
        /// Whether one more name follows, which the handler is given.
        let hasRest: Bool
        /// Whether the path is there now.
        let isOpen: @IO () -> Bool
        var handlers: [String: Handler]
    }

    /// Where the pages are; set once the relay listens.
    var address: WebAddress?
    private var routes: [Route] = []

    /// Has requests of `method` for `path` answered: `login`, `approve/*`.
    ///
    /// While `isOpen` says no, the path is not there, for any method; a path has the condition with
    /// which it was registered first.
    func serve(
        _ method: String, _ path: String, while isOpen: @escaping @IO () -> Bool = { true },
        _ handler: @escaping Handler
    ) {
        var names = path.split(separator: "/")
        let hasRest = names.last == "*"
        if hasRest { names.removeLast() }
        if let known = routes.firstIndex(where: { $0.names == names && $0.hasRest == hasRest }) {
            routes[known].handlers[method] = handler
        } else {
            routes.append(
                Route(
                    names: names, hasRest: hasRest, isOpen: isOpen, handlers: [method: handler]))
        }
    }

    /// Whether a path is answered here, with the path of the relay's URL before it or without: a
    /// web server may pass it on or not.
    func serves(_ path: String) -> Bool { found(path) != nil }

    /// Answers a request whose path `serves` takes.
    func handle(_ request: HTTPRequest, _ responder: HTTPResponder) async {
        guard let (route, rest) = found(request.path) else { return Page.absent(responder) }
        let method = request.method == "HEAD" ? "GET" : request.method
        guard let handler = route.handlers[method] else {
            let allowed = route.handlers.keys.sorted().joined(separator: ", ")
            return responder.send(
                status: 405, text: "this page takes \(allowed)", headers: ["Allow": allowed])
        }
        await handler(request, responder, rest)
    }

    private func found(_ path: String) -> (Route, rest: String)? {
        guard let address else { return nil }
        let names = path.split(separator: "/", omittingEmptySubsequences: true)
        let base = address.path.split(separator: "/")
        let inner = names.starts(with: base) ? names.dropFirst(base.count) : nil
        for candidate in [inner, names[...]].compactMap(\.self) {
            for route in routes where route.isOpen() {
                if !route.hasRest, candidate.elementsEqual(route.names) { return (route, "") }
                if route.hasRest, candidate.count == route.names.count + 1,
                    candidate.starts(with: route.names), let last = candidate.last
                {
                    return (route, String(last))
                }
            }
        }
        return nil
    }
}
