// resources/*, prompts/* and completion/complete. Invariant: without the feature, its methods do
// not exist; a resource that does not exist is an error, never empty contents.
import JSON
import Loop

extension MCPServer {
    func listResources(_ request: Request) async throws(MCPError) -> [UInt8] {
        guard let resources else { throw .methodNotFound(request.method) }
        let caller = request.caller
        let found = try await counted(caller.principal) { () throws(MCPError) in
            await resources.list(caller.principal)
        }
        let entries = found.map { $0.listing(in: caller.revision, uriKey: "uri") }
        return try page(request, "resources", entries, isPublic: false)
    }

    func listTemplates(_ request: Request) throws(MCPError) -> [UInt8] {
        guard let resources else { throw .methodNotFound(request.method) }
        let revision = request.caller.revision
        let entries = resources.templates.map { $0.listing(in: revision, uriKey: "uriTemplate") }
        return try page(request, "resourceTemplates", entries, isPublic: true)
    }

    func readResource(
        _ request: Request, _ notify: @escaping Notify
    ) async throws(MCPError) -> [UInt8] {
        guard let resources else { throw .methodNotFound(request.method) }
        let uri = try request.params.string("uri")
        let principal = request.caller.principal
        let settled = try await counted(principal) { () throws(MCPError) in
            try await settle(request, nil, notify) { (context) throws(Interruption) in
                try await resources.read(ResourceCall(uri: uri, context: context))
            }
        }
        switch settled {
        case .needsInput(let question): return question
        case .done(let reading):
            guard !reading.contents.isEmpty else { throw .resourceNotFound(uri: uri) }
            let object: JSON.Object = [
                "contents": .array(reading.contents.map { $0.json(in: request.caller.revision) })
            ]
            return result(request, object, cache: CacheHint(lifetime: reading.lifetime))
        }
    }

    private var offersPrompts: Bool {
        !prompts.isEmpty || subscriptions.announced.contains(.prompts)
    }

    func listPrompts(_ request: Request) throws(MCPError) -> [UInt8] {
        guard offersPrompts else { throw .methodNotFound(request.method) }
        let caller = request.caller
        let visible = prompts.filter { caller.principal.holds($0.scope) }
        let entries = visible.map { $0.listing(in: caller.revision) }
        let isScoped = prompts.contains { $0.scope != nil }
        return try page(request, "prompts", entries, isPublic: !isScoped)
    }

    func getPrompt(
        _ request: Request, _ notify: @escaping Notify
    ) async throws(MCPError) -> [UInt8] {
        guard offersPrompts else { throw .methodNotFound(request.method) }
        let principal = request.caller.principal
        let name = try request.params.string("name")
        guard let prompt = prompts.first(where: { $0.name == name }) else {
            throw .invalidParams("unknown prompt \(quoted(name)): see prompts/list")
        }
        try allow(prompt.scope, principal)
        // Clients send null and blanks for what their user has left out.
        var given = try request.params.object("arguments")
        for (name, value) in given ?? [:] where value == .null { given?[name] = nil }
        let arguments = try strings(given, "params.arguments")
        for argument in prompt.arguments where argument.isRequired {
            guard arguments[argument.name]?.contains(where: { !$0.isWhitespace }) == true else {
                throw .invalidParams("missing argument \(quoted(argument.name))")
            }
        }
        let settled = try await counted(principal) { () throws(MCPError) in
            try await settle(request, nil, notify) { (context) throws(Interruption) in
                try await prompt.handler(
                    PromptCall(name: name, arguments: arguments, context: context))
            }
        }
        switch settled {
        case .needsInput(let question): return question
        case .done(let messages):
            return result(
                request,
                ["description": .string(prompt.description), "messages": .array(messages)])
        }
    }

    func complete(_ request: Request) async throws(MCPError) -> [UInt8] {
        guard let completion else { throw .methodNotFound(request.method) }
        let question = try question(request)
        let values = try await counted(question.principal) { () throws(MCPError) in
            await completion(question)
        }
        // The specification allows at most 100 values in one answer.
        let answer: JSON = [
            "values": .array(values.prefix(100).map(JSON.string)),
            "total": .int(Int64(values.count)), "hasMore": .bool(values.count > 100),
        ]
        return result(request, ["completion": answer])
    }

    private func question(_ request: Request) throws(MCPError) -> CompletionRequest {
        let reference: CompletionRequest.Reference
        let ref = try request.params.object("ref")
        switch (ref?["type"], ref?["name"], ref?["uri"]) {
        case (.string("ref/prompt")?, .string(let name)?, _):
            guard prompts.contains(where: { $0.name == name }) else {
                throw .invalidParams("unknown prompt \(quoted(name)): see prompts/list")
            }
            reference = .prompt(name)
        case (.string("ref/resource")?, _, .string(let uri)?): reference = .resource(uri)
        default: throw .invalidParams("params.ref must be a ref/prompt or ref/resource")
        }
        let argument = try request.params.object("argument")
        guard let name = argument?["name"]?.stringValue,
            let value = argument?["value"]?.stringValue
        else { throw .invalidParams("params.argument must have the strings name and value") }
        let context = try request.params.object("context")
        let settled = try strings(
            context?["arguments"]?.objectValue, "params.context.arguments")
        return CompletionRequest(
            reference: reference, argument: name, value: value, settled: settled,
            principal: request.caller.principal)
    }

    private func strings(
        _ object: JSON.Object?, _ name: String
    ) throws(MCPError) -> [String: String] {
        var strings: [String: String] = [:]
        for (key, value) in object ?? [:] {
            guard let text = value.stringValue else {
                throw .invalidParams("\(name).\(key) must be a string")
            }
            strings[key] = text
        }
        return strings
    }
}
