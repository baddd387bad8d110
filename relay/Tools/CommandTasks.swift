// Commands as tasks of MCP: the call of a client that knows tasks becomes one where its wait passes
// before its command ends. Flow: a tool's answer → `task`; tasks/get and tasks/cancel → `source` →
// the tools for commands. Invariant: a task is its command, by the command's id and under its
// rights; nothing of it is kept here.
import Glibc
import JSON
import Loop
import MCP
import Wire

/// The tasks of a relay's clients.
@IO struct CommandTasks {
    let tools: Tools

    /// How long a command is kept after its end.
    private static let kept = Duration.seconds(3600)
    /// How often a client should ask: a person who waits for a command notices a second or two.
    private static let pollInterval = Duration.seconds(2)

    /// The tools whose calls may become tasks: a command in a session may wait for its client, who
    /// then needs the session's tools.
    private enum Maker: String, CaseIterable {
        case execute = "ssh_execute"
        case transfer = "file_transfer"
    }

    /// The names of a task: the tool that made it, and its command.
    private struct Name {
        let maker: Maker
        let command: String

        init(_ maker: Maker, _ command: String) { (self.maker, self.command) = (maker, command) }

        init?(_ text: String) {
            let parts = text.split(separator: "/", maxSplits: 1)
            guard parts.count == 2, let maker = Maker(rawValue: String(parts[0])) else {
                return nil
            }
            self.init(maker, String(parts[1]))
        }

        var text: String { "\(maker.rawValue)/\(command)" }
    }

    /// What clients ask of their tasks.
    nonisolated var source: TaskSource {
        TaskSource(
            get: { (id, caller) in await find(id, caller) },
            // No command asks through its task.
            update: { _, _, _ in },
            cancel: { (id, caller) in await cancel(id, caller) })
    }

    /// The task that a call becomes; nil: its answer is final, its caller did not want to wait, or
    /// the client does not know tasks.
    static func task(of call: ToolCall, _ answer: ToolResult) -> MCPTask? {
        guard call.capabilities.has(.tasks), let maker = Maker(rawValue: call.name),
            call.arguments["background"] != true, call.arguments["wait_s"] != 0,
            let command = running(answer, maker), let id = command["command_id"]?.stringValue
        else { return nil }
        return working(Name(maker, id), command)
    }

    /// What an answer says of its one command, if that still runs.
    private static func running(_ answer: ToolResult, _ maker: Maker) -> JSON.Object? {
        guard !answer.isError, let all = answer.structured?.opened else { return nil }
        let command: JSON?
        switch maker {
        case .execute: command = all["results"]?.arrayValue?.count == 1 ? all["results"]?[0] : nil
        case .transfer: command = all
        }
        guard let command = command?.opened,
            command["state"]?.stringValue == RunState.running.rawValue
        else { return nil }
        return command.objectValue
    }

    private static func working(_ name: Name, _ command: JSON.Object) -> MCPTask {
        // An agent may say anything; a year is longer than any command runs.
        let age = Duration.milliseconds(
            min(max(0, command["duration_ms"]?.intValue ?? 0), 365 * 86_400_000))
        let now = Int64(time(nil))
        return MCPTask(
            id: name.text, status: .working, message: "\(name.command) is running",
            createdAt: UTCTime(now - age.components.seconds), updatedAt: UTCTime(now),
            lifetime: age + kept, pollInterval: pollInterval)
    }

    private func find(_ id: String, _ caller: MCP.Principal) async -> MCPTask? {
        guard let name = Name(id), let row = Self.row(of: name.maker),
            caller.holds(Scope.text(row.scopes))
        else { return nil }
        let answer: ToolResult
        do throws(Fault) { answer = try await state(of: name, caller) } catch { return nil }
        if let command = Self.running(answer, name.maker) { return Self.working(name, command) }
        let now = UTCTime(Int64(time(nil)))
        let result = await AnswerText(row: row).given(to: answer)
        return MCPTask(
            id: id, status: Self.isCancelled(answer, name.maker) ? .cancelled : .completed(result),
            createdAt: now, updatedAt: now, lifetime: Self.kept)
    }

    /// The answer that the tool would give now.
    private func state(of name: Name, _ caller: MCP.Principal) async throws(Fault) -> ToolResult {
        let arguments: JSON.Object = ["command_id": .string(name.command), "wait_s": 0]
        let call = ToolCall(name: name.maker.rawValue, arguments: arguments, principal: caller)
        switch name.maker {
        case .execute: return try await tools.execution(of: call)
        case .transfer: return try await tools.transferFiles(call)
        }
    }

    private func cancel(_ id: String, _ caller: MCP.Principal) async {
        guard let name = Name(id), let row = Self.row(of: name.maker),
            caller.holds(Scope.text(row.scopes))
        else { return }
        let call = ToolCall(
            name: name.maker.rawValue, arguments: ["command_id": .string(name.command)],
            principal: caller)
        // Its state says how that went.
        _ = try? await tools.cancelCommand(call)
    }

    private static func isCancelled(_ answer: ToolResult, _ maker: Maker) -> Bool {
        let all = answer.structured?.opened
        let command = maker == .execute ? all?["results"]?[0]?.opened : all
        return command?["state"]?.stringValue == RunState.cancelled.rawValue
    }

    private static func row(of maker: Maker) -> ToolRow? {
        switch maker {
        case .execute: Wire.Method.execute.row.tool
        case .transfer: TransferFiles.tool
        }
    }
}
