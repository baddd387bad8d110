// The tools, made from the rows of the contract. Flow: MCP → a tool's handler → Router.send → an
// agent. Invariant: a tool is its row; it has a file here only where its result is made or joined.
import JSON
import Loop
import MCP
import Wire

/// What MCP clients can call.
@IO struct Tools {
    let router: Router
    let forwards: Forwards
    let drops: DropTransfers
    private let delivery: ApprovalDelivery

    /// The tools; `allowsForms`: a client's form may answer what a person is asked.
    init(
        _ router: Router, _ forwards: Forwards, _ drops: DropTransfers, allowsForms: Bool = true
    ) {
        (self.router, self.forwards, self.drops) = (router, forwards, drops)
        delivery = ApprovalDelivery(approvals: router.approvals, allowsForms: allowsForms)
    }

    /// Answers a tool call whose result is made here, not simply passed on from an agent.
    private typealias Answer = @IO @Sendable (ToolCall) async throws(Fault) -> ToolResult

    /// Every tool.
    var all: [Tool] { all(in: .all) }

    /// The tools that a profile shows, in the order of the contract.
    func all(in profile: ToolProfile) -> [Tool] {
        let joining: [Wire.Method: Answer] = [
            .describe: { call throws(Fault) in try await describe(call) },
            .execute: { call throws(Fault) in try await execute(call) },
            .readCommand: { call throws(Fault) in try await readCommands(call) },
            .cancelCommand: { call throws(Fault) in try await cancelCommand(call) },
            .listCommands: { call throws(Fault) in try await listCommands(call) },
            .openForward: { call throws(Fault) in try await openForward(call) },
            .closeForward: { call throws(Fault) in try await closeForward(call) },
        ]
        func tool(_ row: ToolRow, _ answer: @escaping Answer) -> Tool {
            self.tool(row, in: profile, answer)
        }
        let list = tool(ListAgents.tool) { call throws(Fault) in
            ToolResult(structured: try listAgents(call))
        }
        let update = tool(UpdateAgent.tool) { call throws(Fault) in
            ToolResult(structured: try await updateAgent(call))
        }
        let compare = tool(CompareFiles.tool) { call throws(Fault) in
            try await compareFiles(call)
        }
        let transfer = tool(TransferFiles.tool) { call throws(Fault) in
            try await transferFiles(call)
        }
        let drop = tool(UseDropBox.tool) { call throws(Fault) in try await useDropBox(call) }
        let all =
            [list, update, compare, transfer, drop]
            + Wire.Method.allCases.compactMap { method in
                guard let row = method.row.tool else { return nil }
                if let answer = joining[method] { return tool(row, answer) }
                return tool(row) { call throws(Fault) in try await pass(call, method) }
            }
        return all.filter { profile.shows($0.name) }
    }

    private func tool(
        _ row: ToolRow, in profile: ToolProfile, _ answer: @escaping Answer
    ) -> Tool {
        Tool(
            name: row.name, title: row.title, description: row.description,
            inputSchema: row.inputSchema(in: profile), checkedSchema: row.checkedSchema,
            outputSchema: row.outputSchema,
            annotations: ToolAnnotations(
                readOnly: row.hints.readOnly, destructive: row.hints.destructive,
                idempotent: row.hints.idempotent, openWorld: row.hints.openWorld),
            scope: Scope.text(row.scopes), meta: row.isLarge ? Self.largeResult : [:]
        ) { (call) throws(Interruption) in
            CrashPoint.reach("relay.called")
            return try await delivery.result(of: call) { () throws(Fault) in
                let separated = try TargetAccess.separated(call.arguments)
                let call = separated.map(call.with) ?? call
                try row.arguments.checkTexts(of: call.arguments)
                let result = try await answer(try await withSessionIDs(call))
                CrashPoint.reach("relay.answered")
                if let task = CommandTasks.task(of: call, result) { return .task(task) }
                return await AnswerText(row: row, profile: profile).given(to: result)
            }
        }
    }

    /// The most characters of a result that a client should show without cutting it.
    ///
    /// Clients cut long results unless the tool states a limit; Claude Code accepts up to 500,000.
    /// One target's result with the default `max_bytes` (two outputs of 20,000 bytes) is far below.
    private static let largeResult: JSON.Object = ["anthropic/maxResultSizeChars": 400_000]

    /// Passes a call to the agent that its arguments name, or to each agent, and returns the
    /// answer.
    ///
    /// `joining` makes one list of the agents' answers, which have their own entries only; nil:
    /// their entries follow each other.
    func pass(
        _ call: ToolCall, _ method: Wire.Method, routes: [Route]? = nil,
        joining: (@Sendable ([JSON]) -> JSON.Object)? = nil
    ) async throws(Fault) -> ToolResult {
        guard let row = method.row.tool else { return ToolResult(structured: .null) }
        let routes = routes ?? row.routes
        let fields = Fields(object: call.arguments)
        let principal = try router.principal(of: call)
        let way = AgentCall(
            method, call.rawArguments, fields, for: principal, key: try call.key(),
            progress: ProgressWatch(call))
        switch try router.destination(routes, fields, principal) {
        case .one(let member):
            let answer = try await router.send(way, to: member)
            guard case .each(let list)? = routes.last else {
                return ToolResult(structured: .raw(answer.result), holding: answer)
            }
            return try await join([(member, .success(answer))], list, joining)
        case .each(let members, let list):
            // With no agent to judge them, the arguments are judged here.
            if members.isEmpty, method == .closeSession { _ = try CloseSession(fields) }
            return try await join(await router.send(way, to: members), list, joining)
        }
    }

    /// Joins the lists that several agents answered, and names those that did not answer.
    ///
    /// If one agent finds the arguments invalid, they are invalid for all.
    private func join(
        _ answers: [(member: Fleet.Member, answer: Result<AgentAnswer, Fault>)], _ list: String,
        _ joining: (@Sendable ([JSON]) -> JSON.Object)?
    ) async throws(Fault) -> ToolResult {
        var found: [(claims: Claims, answer: AgentAnswer)] = []
        var unanswered: [String] = []
        for (member, answer) in answers {
            switch answer {
            case .success(let answer): found.append((router.claims(of: member), answer))
            case .failure(let fault) where fault.code == .invalidArgument: throw fault
            case .failure(let fault): unanswered.append("\(member.record.name): \(fault)")
            }
        }
        let (lists, names) = (found, unanswered)
        let bytes = lists.reduce(0) { $0 + $1.answer.result.bytes.count }
        let made = await JSON.made(from: bytes) {
            let owned = lists.map { claims, answer -> JSON in
                var object =
                    (try? answer.result.parsed(limits: .answer))?.objectValue ?? JSON.Object()
                object[list] = .array(claims.own(object[list]?.arrayValue ?? []))
                return .object(object)
            }
            var joined =
                joining?(owned) ?? [list: .array(owned.flatMap { $0[list]?.arrayValue ?? [] })]
            let leftOut = lists.compactMap { $0.claims.leftOut(of: $0.answer.result) }
            if !leftOut.isEmpty {
                joined[Shared.leftOut.name] = .array(leftOut.map { .string($0) })
            }
            if !names.isEmpty {
                joined[Shared.unanswered.name] = .array(names.map { .string($0) })
            }
            return .object(joined)
        }
        return ToolResult(structured: made, holding: lists.map(\.answer))
    }
}
