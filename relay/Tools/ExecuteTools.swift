// ssh_execute and the ssh_command_* tools: one command on one or many targets, without a session.
import JSON
import Loop
import MCP
import Wire

extension Router {
    /// The tools of one-shot commands.
    func executeTools() -> [Tool] { [execute, commandOutput, commandList, commandCancel] }

    /// Reaching a target and logging in, before the wait for the command begins.
    private static let connecting: Duration = .seconds(60)

    private static let runShape: JSON.Object = [
        "target": ["type": "string"], "command_id": ["type": "string"],
        "state": ["type": "string"], "exit_code": Shape.nullable("integer", "The exit code."),
        "signal": ["type": "string"], "stdout": ["type": "string"], "stderr": ["type": "string"],
        "omitted_bytes": ["type": "integer"], "stdout_next_offset": ["type": "integer"],
        "stderr_next_offset": ["type": "integer"], "duration_ms": ["type": "integer"],
        "error": Shape.string("Why the command was not run on this target."),
    ]

    private var execute: Tool {
        var properties: JSON.Object = [
            "target": Shape.string("Where: agent/host, or agent/local."),
            "targets": Shape.list(of: ["type": "string"], "Several targets, in place of target."),
            "command": Shape.string("The command line for the user's shell there."),
            "stdin": Shape.string("What the command reads."),
            "env": [
                "type": "object", "additionalProperties": ["type": "string"],
                "description": "Variables to set for it.",
            ],
            "cwd": Shape.string("Where it runs (the user's home)."),
            "pty": Shape.flag("Give it a terminal (false); stderr then comes with stdout."),
            "wait_s": Shape.number(0...50, "How long to wait before answering running (10)."),
            "timeout_s": Shape.number(1...86_400, "End it after this time (180)."),
            "background": Shape.flag("Answer at once; follow with ssh_command_output (false)."),
            "max_bytes": Shape.integer(0...1_000_000, "The most of each output (20000)."),
        ]
        for (key, value) in Self.access { properties[key] = value }
        return Tool(
            name: "ssh_execute", title: "Run a command on targets",
            description: """
                Runs one command on one or many targets, with separate stdout, stderr and exit code. \
                Nothing is kept between calls: for that open a session.
                """,
            inputSchema: Shape.input(["command"], properties),
            outputSchema: Shape.output(
                ["results", "succeeded", "failed"],
                [
                    "results": [
                        "type": "array",
                        "items": ["type": "object", "properties": .object(Self.runShape)],
                    ],
                    "succeeded": ["type": "integer"], "failed": ["type": "integer"],
                ]),
            annotations: ToolAnnotations(
                readOnly: false, destructive: true, idempotent: false, openWorld: true),
            scope: Scope.sessionsExec.rawValue, meta: Self.largeResult
        ) { call in
            await answering { () throws(Fault) in try await self.runEverywhere(call) }
        }
    }

    /// Runs the command on each target at once; one target's failure is its own.
    private func runEverywhere(_ call: ToolCall) async throws(Fault) -> JSON {
        let fields = Fields(object: call.arguments)
        let principal = try principal(of: call)
        var targets = try fields.strings("targets", limit: 256) ?? []
        if let target = try fields.optionalString("target") { targets.append(target) }
        guard !targets.isEmpty else {
            throw Fault(.invalidArgument, "give \"target\" or \"targets\"; target_list shows them")
        }
        let watch = ProgressWatch(call)
        if targets.count == 1, fields.object["targets"] == nil {
            // One target that cannot be reached is an error of the call itself.
            let raw = try await run(
                on: targets[0], call.rawArguments, fields, principal, watch, label: nil)
            return Self.joined([raw])
        }
        let runs = targets.map { target in
            var object = call.arguments
            object["targets"] = nil
            object["target"] = .string(target)
            let arguments = RawJSON(.object(object))
            return IO.task { () -> RawJSON in
                do throws(Fault) {
                    return try await self.run(
                        on: target, arguments, fields, principal, watch, label: target)
                } catch {
                    return RawJSON(["target": .string(target), "error": .string(error.message)])
                }
            }
        }
        var results: [RawJSON] = []
        for run in runs { results.append(await run.value) }
        return Self.joined(results)
    }

    private func run(
        on target: String, _ arguments: RawJSON, _ fields: Fields, _ principal: Principal,
        _ watch: ProgressWatch?, label: String?
    ) async throws(Fault) -> RawJSON {
        let member = try member(forTarget: target, principal)
        let wait = try fields.seconds("wait_s", in: 0...50) ?? .seconds(10)
        let make: @IO (Caller) async throws(Fault) -> RawJSON = { caller throws(Fault) in
            try await self.fleet.call(
                member, .execute, caller: caller, arguments: arguments,
                deadline: Self.connecting + wait + Self.grace)
        }
        let caller = caller(principal, at: member)
        guard let watch else { return try await make(caller) }
        return try await watch.during(fleet, member, caller, label: label, make)
    }

    private static func joined(_ results: [RawJSON]) -> JSON {
        let succeeded = results.count { raw in
            let members = (try? JSON.members(of: raw.bytes)) ?? []
            return members.contains { member in
                member.name == "exit_code" && raw.bytes[member.value].elementsEqual([0x30])
            }
        }
        return [
            "results": .array(results.map { .raw($0) }), "succeeded": .integer(succeeded),
            "failed": .integer(results.count - succeeded),
        ]
    }

    private var commandOutput: Tool {
        commandTool(
            "ssh_command_output", "Read a command's output",
            "Reads a one-shot command's output from the given offsets on and tells how far it is.",
            [
                "command_id": Shape.string("The command, from ssh_execute."),
                "stdout_offset": Shape.integer(
                    0...Contract.integers.upperBound, "Where to begin in stdout (0)."),
                "stderr_offset": Shape.integer(
                    0...Contract.integers.upperBound, "Where to begin in stderr (0)."),
                "wait_s": Shape.number(0...50, "Wait for more output or the end (0)."),
                "max_bytes": Shape.integer(1...1_000_000, "The most of each output (20000)."),
            ],
            .readCommand,
            ToolAnnotations(readOnly: true, destructive: false, idempotent: true, openWorld: true))
    }

    private var commandCancel: Tool {
        commandTool(
            "ssh_command_cancel", "End a command",
            "Ends a one-shot command: the signal first, KILL two seconds later.",
            [
                "command_id": Shape.string("The command."),
                "signal": Shape.choice(
                    ["TERM", "INT", "HUP", "QUIT", "KILL"], "The signal (TERM)."),
            ],
            .cancelCommand,
            ToolAnnotations(readOnly: false, destructive: true, idempotent: true, openWorld: true))
    }

    private func commandTool(
        _ name: String, _ title: String, _ description: String, _ properties: JSON.Object,
        _ method: Wire.Method, _ annotations: ToolAnnotations
    ) -> Tool {
        Tool(
            name: name, title: title, description: description,
            inputSchema: Shape.input(["command_id"], properties),
            outputSchema: Shape.output(["command_id", "state"], Self.runShape),
            annotations: annotations, scope: Scope.needed(forTool: name).first?.rawValue,
            meta: Self.largeResult
        ) { call in
            await self.pass(call, handle: "command_id", as: "command", to: method)
        }
    }

    private var commandList: Tool {
        Tool(
            name: "ssh_command_list", title: "List commands",
            description: "Lists your one-shot commands that run, and the ones that ended lately.",
            inputSchema: Shape.input([], ["agent": Shape.string("Only this agent's commands.")]),
            outputSchema: Shape.output(
                ["commands"],
                [
                    "commands": ["type": "array", "items": ["type": "object"]],
                    "unanswered": ["type": "array", "items": ["type": "string"]],
                ]),
            annotations: ToolAnnotations(
                readOnly: true, destructive: false, idempotent: true, openWorld: false),
            scope: Scope.sessionsRead.rawValue
        ) { call in
            await self.fanOut(call, .listCommands, "commands")
        }
    }
}
