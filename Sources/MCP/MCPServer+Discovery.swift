// What the server says about itself: `server/discover` and `initialize`. Invariant: both advertise
// exactly the features that have a handler, and never fail for a version they do not know.
import JSON

extension MCPServer {
    func discover(_ request: Request) -> [UInt8] {
        var object: JSON.Object = [
            "supportedVersions": .array(Revision.advertised.map { .string($0.rawValue) }),
            "capabilities": .object(capabilities(in: request.caller.revision)),
        ]
        object["instructions"] = identity.instructions.map(JSON.string)
        let cache = CacheHint(lifetime: limits.lists.lifetime, isPublic: true)
        return result(request, object, cache: cache)
    }

    /// The result of `initialize` for the revision that was agreed.
    func initialized(_ revision: Revision) -> JSON.Object {
        var object: JSON.Object = [
            "protocolVersion": .string(revision.rawValue),
            "capabilities": .object(capabilities(in: revision)),
            "serverInfo": identity.info.json(in: revision),
        ]
        object["instructions"] = identity.instructions.map(JSON.string)
        return object
    }

    private func capabilities(in revision: Revision) -> JSON.Object {
        var all: JSON.Object = [:]
        func changes(_ kind: ListKind) -> JSON.Object {
            subscriptions.announced.contains(kind) ? ["listChanged": true] : [:]
        }
        // A list that is empty now, and may change, is offered too.
        if !tools.entries.isEmpty || subscriptions.announced.contains(.tools) {
            all["tools"] = .object(changes(.tools))
        }
        if let resources {
            var abilities = changes(.resources)
            if resources.watch != nil { abilities["subscribe"] = true }
            all["resources"] = .object(abilities)
        }
        if !prompts.isEmpty || subscriptions.announced.contains(.prompts) {
            all["prompts"] = .object(changes(.prompts))
        }
        if logging != nil { all["logging"] = [:] }
        if completion != nil, revision.hasCompletionCapability { all["completions"] = [:] }
        if tasks != nil, revision.isModern { all["extensions"] = .object([Extension.tasks: [:]]) }
        return all
    }
}

/// What `initialize` settles for the rest of a legacy session.
struct Handshake: Sendable {
    let revision: Revision
    let client: Implementation?
    let capabilities: JSON.Object

    /// Reads the parameters: the version asked for if it is a legacy one that is known here,
    /// otherwise the newest legacy one.
    init(_ params: Params) throws(MCPError) {
        let asked = Revision(rawValue: try params.string("protocolVersion"))
        revision = asked.flatMap { $0.isModern ? nil : $0 } ?? .newestLegacy
        client = Implementation(params.value("clientInfo"))
        capabilities = try params.object("capabilities") ?? [:]
    }

    func caller(_ principal: Principal) -> Caller {
        Caller(
            revision: revision, principal: principal, client: client,
            capabilities: ClientCapabilities(capabilities, in: revision))
    }
}
