// ssh_command_output for several commands, which may be at several agents, and ssh_command_list of
// all agents. Flow: one call for each command or agent, whose answers are joined here.
// Invariant: a command that cannot be read does not keep the others from the caller.
import JSON
import Loop
import MCP
import Wire

extension Tools {
    /// Reads one command, or waits for several.
    func readCommands(_ call: ToolCall) async throws(Fault) -> ToolResult {
        let fields = Fields(object: call.arguments)
        let ids = try fields[SeveralCommands.ids]
        guard fields.has(SeveralCommands.ids.name) else {
            guard fields.has(Shared.commandIDName) else {
                throw Fault(
                    .invalidArgument,
                    "say which command: give \"command_id\" or \"command_ids\"; ssh_command_list shows"
                        + " them")
            }
            let wanted = try ReadCommand(fields)
            if let transfer = try await dropAsCommand(wanted.commandID, call, wait: wanted.wait) {
                return ToolResult(structured: transfer.json)
            }
            return try await pass(call, .readCommand)
        }
        if let other = SeveralCommands.single.first(where: fields.has) {
            throw Fault(
                .invalidArgument,
                "\"\(other)\" is for one command: leave it out with \"command_ids\"")
        }
        guard !ids.isEmpty, Set(ids).count == ids.count else {
            throw Fault(.invalidArgument, "\"command_ids\" must name commands, each of them once")
        }
        var arguments = call.arguments
        arguments[SeveralCommands.ids.name] = nil
        if !fields.has(SeveralCommands.goal) {
            arguments[SeveralCommands.goal] = .string(ReadCommand.Goal.end.rawValue)
        }
        let goal = try ReadCommand(
            Fields(object: arguments).with(Shared.commandIDName, .string(ids[0]))
        ).goal
        let watch = ProgressWatch(call)
        let answers = await Self.answers(to: ids, untilFirst: goal == .first) { id, isWaiting in
            var own = arguments
            own[Shared.commandIDName] = .string(id)
            if !isWaiting { own[SeveralCommands.wait] = 0 }
            return await read(id, own, for: call, watch)
        }
        let results = answers.map(\.result)
        let bytes = results.reduce(0) { $0 + $1.bytes.count }
        let running = await Blocking.run(ifLong: bytes) {
            results.count { SeveralCommands.isRunning($0) }
        }
        return ToolResult(
            structured: SeveralCommands.json(results, running: running), holding: answers)
    }

    private func read(
        _ id: String, _ arguments: JSON.Object, for call: ToolCall, _ watch: ProgressWatch?
    ) async -> AgentAnswer {
        do throws(Fault) {
            let time = try ReadCommand(Fields(object: arguments)).wait
            if let transfer = try await dropAsCommand(id, call, wait: time) {
                return AgentAnswer(RawJSON(transfer.json))
            }
            let principal = try router.principal(of: call)
            let way = AgentCall(.readCommand, arguments, for: principal, progress: watch)
            return try await router.send(way, label: id)
        } catch {
            return AgentAnswer(SeveralCommands.entry(id, error: error.message))
        }
    }

    /// The answer for each id, when all have come; or when one has that says that its command is
    /// over (`untilFirst`), and the others are asked again without a wait.
    private static func answers(
        to ids: [String], untilFirst: Bool,
        _ ask: @escaping @IO (_ id: String, _ isWaiting: Bool) async -> AgentAnswer
    ) async -> [AgentAnswer] {
        let isOver = Condition()
        var found: [Int: AgentAnswer] = [:]
        var hasEnded = false
        let tasks = ids.enumerated().map { index, id in
            IO.task {
                let answer = await ask(id, true)
                guard !Task.isCancelled else { return }
                found[index] = answer
                hasEnded = hasEnded || !SeveralCommands.isRunning(answer.result)
                isOver.broadcast()
            }
        }
        // Each call has a deadline of its own.
        await isOver.wait(until: IO.now + .seconds(120)) {
            found.count == ids.count || untilFirst && hasEnded
        }
        for task in tasks { task.cancel() }
        let known = found
        return await IO.values(
            of: ids.enumerated().map { index, id in
                IO.task {
                    if let answer = known[index] { return answer }
                    return await ask(id, false)
                }
            })
    }

    /// The newest commands of one agent or all.
    func listCommands(_ call: ToolCall) async throws(Fault) -> ToolResult {
        let limit = try ListCommands(Fields(object: call.arguments)).limit
        return try await pass(call, .listCommands) { lists in
            ListCommands.joined(lists, limit: limit)
        }
    }
}
