// The server: what it offers, and how a request reaches its method. Flow: transport (HTTP, stdio) →
// answer → method → bytes. Invariant: `answer` returns exactly one reply for a request and never
// throws; what it needs to know about the era is in the request's caller.
import JSON
public import Loop

/// An MCP server without a transport; `MCPHTTPEndpoint` and `MCPLines` carry it.
@IO public final class MCPServer {
    let identity: ServerIdentity
    private(set) var tools: ToolTable
    let resources: Resources?
    private(set) var prompts: [Prompt]
    let completion: Completion?
    let tasks: TaskSource?
    let inquiries: Inquiries
    let logging: Logging?
    let subscriptions: Subscriptions
    let limits: MCPLimits
    let pulse: Pulse
    let quotas: Quotas
    private var ongoing: [ObjectIdentifier: Ongoing] = [:]
    private let changed = Condition()
    /// The error for every request after `stop`; nil before.
    private var stopped: MCPError?

    /// A server that offers these features; what is absent is not advertised.
    ///
    /// `announcing` holds the lists whose changes clients can be told of (`toolsChanged` and so
    /// on); a list that never changes is better left out, as clients keep a stream open for it.
    /// `stateKeys` seal what clients carry between two rounds of a request (see `ask`).
    public init(
        info: Implementation, instructions: String? = nil, tools: [Tool] = [],
        resources: Resources? = nil, prompts: [Prompt] = [], completion: Completion? = nil,
        tasks: TaskSource? = nil, announcing: Set<ListKind> = [], logging: Logging? = nil,
        stateKeys: StateKeys = .random(), limits: MCPLimits = MCPLimits()
    ) {
        identity = ServerIdentity(info, instructions)
        self.tools = ToolTable(tools)
        self.resources = resources
        self.prompts = prompts
        self.completion = completion
        self.tasks = tasks
        inquiries = Inquiries(stateKeys, limits.asking)
        self.logging = logging
        self.limits = limits
        quotas = Quotas(limits)
        subscriptions = Subscriptions(announcing: announcing, limits.subscriptions)
        pulse = Pulse(every: limits.pulse)
    }

    /// Answers a request that may be ended first; nil if its client no longer wants an answer.
    func answer(_ one: Ongoing, notify: @escaping Notify) async -> Answer? {
        if let stopped { one.fail(stopped) }
        ongoing[ObjectIdentifier(one)] = one
        let answer = await one.outcome {
            do throws(MCPError) {
                let bytes = try await self.metered(one) { if !one.isOver { notify($0) } }
                return Answer(bytes: bytes)
            } catch {
                return Answer(error, for: one.request)
            }
        }
        ongoing[ObjectIdentifier(one)] = nil
        if stopped != nil { changed.broadcast() }
        return answer
    }

    /// Ends every request that a principal has running: each is answered with an error that says
    /// `sentence`.
    public func end(principal name: String, saying sentence: String) {
        for one in Array(ongoing.values) where one.request.caller.principal.name == name {
            one.fail(.revoked(sentence))
        }
    }

    /// Gives running requests `grace` to finish, then answers the rest with an error that says
    /// `sentence`.
    ///
    /// Every request after the call gets that error as well.
    public func stop(grace: Duration, saying sentence: String) async {
        let error = MCPError.ended(sentence)
        stopped = error
        concludeAll()
        await settled(before: IO.now + grace)
        for one in Array(ongoing.values) { one.fail(error) }
        await settled(before: IO.now + limits.grace.cancelled)
    }

    /// Ends the requests that last until they are told to, each with its result.
    func concludeAll() {
        for one in Array(ongoing.values) { one.conclude?() }
    }

    func offer(_ tools: ToolTable) { self.tools = tools }

    func offer(_ prompts: [Prompt]) { self.prompts = prompts }

    private func settled(before end: ContinuousClock.Instant) async {
        await changed.wait(until: end) { ongoing.isEmpty }
    }

    /// The reply to a request that its principal's rate allows.
    ///
    /// A tool that is called too soon is not run; its result says so, as a model reads results.
    private func metered(_ one: Ongoing, _ notify: @escaping Notify) async throws(MCPError)
        -> [UInt8]
    {
        let principal = one.request.caller.principal
        do throws(MCPError) {
            try quotas.admit(principal, at: IO.now)
        } catch {
            guard one.request.method == "tools/call" else { throw error }
            return await write(.failure("The call was not made: \(error)."), for: one.request)
        }
        // Before its answer, so that a request that fails counts as well.
        quotas.count(bytes: one.request.params.messageBytes, of: principal, at: IO.now)
        let reply = try await reply(to: one, notify)
        quotas.count(bytes: reply.count, of: principal, at: IO.now)
        return reply
    }

    private func reply(
        to one: Ongoing, _ notify: @escaping Notify
    ) async throws(MCPError) -> [UInt8] {
        let request = one.request
        let isModern = request.caller.revision.isModern
        switch request.method {
        case "tools/call": return try await callTool(request, notify)
        case "tools/list": return try listTools(request)
        case "server/discover" where isModern: return discover(request)
        case "subscriptions/listen" where isModern: return try await listen(one, notify)
        case "ping" where !isModern: return Envelope.result(request.id, [:])
        case "resources/subscribe" where !isModern: return try await subscribe(request)
        case "resources/unsubscribe" where !isModern: return try unsubscribe(request)
        case "logging/setLevel" where !isModern: return try setLogLevel(request)
        case "resources/list": return try await listResources(request)
        case "resources/templates/list": return try listTemplates(request)
        case "resources/read": return try await readResource(request, notify)
        case "prompts/list": return try listPrompts(request)
        case "prompts/get": return try await getPrompt(request, notify)
        case "tasks/get" where isModern: return try await getTask(request)
        case "tasks/update" where isModern: return try await updateTask(request)
        case "tasks/cancel" where isModern: return try await cancelTask(request)
        case "completion/complete": return try await complete(request)
        default: throw .methodNotFound(request.method)
        }
    }

    /// Counts a request against its principal's limit while it runs.
    func counted<T: Sendable>(
        _ principal: Principal, _ work: @IO () async throws(MCPError) -> T
    ) async throws(MCPError) -> T {
        try quotas.begin(principal)
        defer { quotas.end(principal) }
        return try await work()
    }
}
