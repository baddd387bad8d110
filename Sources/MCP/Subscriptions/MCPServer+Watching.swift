// resources/subscribe, resources/unsubscribe and logging/setLevel, which only legacy clients send.
// Invariant: what they settle lasts as long as the session, and is bounded.
import JSON
import Loop

extension MCPServer {
    func subscribe(_ request: Request) async throws(MCPError) -> [UInt8] {
        guard resources?.watch != nil, let client = request.caller.legacy else {
            throw .methodNotFound(request.method)
        }
        let uri = try request.params.string("uri")
        let held = try await watch(uri, request.caller.principal)
        guard client.watchCount < limits.subscriptions.uris else {
            throw .busy(
                "\(client.watchCount) resources are watched already: unsubscribe from one first")
        }
        client.watch(uri, holding: held)
        return result(request, [:])
    }

    func unsubscribe(_ request: Request) throws(MCPError) -> [UInt8] {
        guard resources?.watch != nil, let client = request.caller.legacy else {
            throw .methodNotFound(request.method)
        }
        client.unwatch(try request.params.string("uri"))
        return result(request, [:])
    }

    func setLogLevel(_ request: Request) throws(MCPError) -> [UInt8] {
        guard logging != nil, let client = request.caller.legacy else {
            throw .methodNotFound(request.method)
        }
        let name = try request.params.string("level")
        guard let level = LogLevel(rawValue: name) else {
            throw .invalidParams("params.level \(quoted(name)) is not one of \(LogLevel.names)")
        }
        client.logLevel = level
        return result(request, [:])
    }
}
