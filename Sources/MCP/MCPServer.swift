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
    private var running: [String: Int] = [:]
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
        subscriptions = Subscriptions(announcing: announcing, limits.subscriptions)
        pulse = Pulse(every: limits.pulse)
    }

    /// Answers a request that may be ended first; nil if its client no longer wants an answer.
    func answer(_ one: Ongoing, notify: @escaping Notify) async -> Answer? {
        if let stopped { one.fail(stopped) }
        ongoing[ObjectIdentifier(one)] = one
        let answer = await one.outcome {
            do throws(MCPError) {
                let bytes = try await self.reply(to: one) { if !one.isOver { notify($0) } }
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
        let count = running[principal.name, default: 0]
        guard count < limits.requestsPerPrincipal else {
            throw .busy("\(count) requests are running already: wait for one to finish, then retry")
        }
        running[principal.name] = count + 1
        defer {
            let left = running[principal.name, default: 1] - 1
            running[principal.name] = left > 0 ? left : nil
        }
        return try await work()
    }
}
