// The ssh_session_* tools: a shell that keeps its state between calls.
import JSON
import Loop
import MCP
import Wire

extension Router {
    /// The tools of stateful sessions.
    func sessionTools() -> [Tool] {
        [
            sessionOpen, sessionCommand, sessionSend, sessionRead, sessionUpdate, sessionList,
            sessionClose,
        ]
    }

    private static let changes = ToolAnnotations(
        readOnly: false, destructive: true, idempotent: false, openWorld: true)

    /// Clients cut long results unless the tool says how long one may be.
    static let largeResult: JSON.Object = ["anthropic/maxResultSizeChars": 400_000]

    static let access: JSON.Object = [
        "username": Shape.string("The user at the target, if not the configured one."),
        "port": Shape.integer(1...65535, "The port, if not the configured one."),
        "via": Shape.list(
            of: ["type": "string"], "Hosts to go through, the nearest first (as configured)."),
        "key": Shape.string("A private key file on the agent's machine."),
        "secret": Shape.string("The name of a secret in agent.conf, used as the password."),
        "password": Shape.string(
            "A password. Prefer keys or ssh-agent at the agent; this text passes through the model."
        ),
    ]

    static let commandShape = Shape.output(
        ["session_id", "state", "output", "offset", "next_offset"],
        [
            "session_id": ["type": "string"], "command_id": ["type": "string"],
            "state": Shape.choice(
                CommandState.allCases.map(\.rawValue), "How far the command is; done is exact."),
            "exit_code": Shape.nullable("integer", "The exit code, when the command is done."),
            "signal": ["type": "string"], "cwd": ["type": "string"],
            "output": Shape.string("Clean text: no prompt, echo or colour."),
            "truncated": ["type": "boolean"], "omitted_bytes": ["type": "integer"],
            "lost_bytes": ["type": "integer"], "offset": ["type": "integer"],
            "next_offset": ["type": "integer"], "duration_ms": ["type": "integer"],
            "depth": Shape.integer(nil, "How many shells inside each other were adopted."),
            "shell": Shape.string("The adopted shell that is driven."),
            "foreground": ["type": "string"], "prompt": ["type": "string"],
            "marks": Shape.string("lost: a shell that is not adopted has the terminal."),
            "evidence": ["type": "array", "items": ["type": "string"]],
            "matched": Shape.flag("Whether a line matched until, when that was given."),
            "screen": screenShape, "note": ["type": "string"],
        ])

    private static let screenShape = Shape.output(
        ["rows", "cursor", "title", "cols", "rows_count", "alternate"],
        [
            "rows": Shape.list(
                of: ["type": "string"], "From the top; empty rows at the bottom are left out."),
            "cursor": Shape.output(
                ["row", "col"],
                [
                    "row": Shape.integer(nil, "Counted from 0."),
                    "col": Shape.integer(nil, "Counted from 0."),
                ]),
            "title": ["type": "string"], "cols": ["type": "integer"],
            "rows_count": ["type": "integer"],
            "alternate": Shape.flag("A full-screen program has taken the screen."),
            "modes": ["type": "array", "items": ["type": "string"]],
        ])

    private static let waitAndSize: JSON.Object = [
        "wait_s": Shape.number(0...50, "How long to wait before answering with what there is."),
        "max_bytes": Shape.integer(
            0...1_000_000, "The most output in the answer (20000): head and tail beyond it."),
    ]

    private var sessionOpen: Tool {
        var properties: JSON.Object = [
            "target": Shape.string("Where: agent/host as target_list shows it, or agent/local."),
            "reopen": Shape.string(
                """
                In place of target: a session whose state is link_lost or shell_exited. A new shell \
                there, in its directory and with the variables it had exported (see restored).
                """),
            "name": Shape.string("A name to recognise the session by."),
        ]
        for (key, value) in Self.access { properties[key] = value }
        properties["term"] = [
            "type": "object", "additionalProperties": false,
            "description": "The terminal (511 × 50, xterm-256color).",
            "properties": [
                "cols": ["type": "integer"], "rows": ["type": "integer"],
                "type": ["type": "string"],
            ],
        ]
        properties["shell"] = Shape.choice(
            ShellChoice.allCases.map(\.rawValue),
            """
            What the other end is (auto: a Unix shell, which is asked). network: a switch or router: \
            commands end when its learned prompt is back, without an exit code. raw: anything else: \
            only ssh_session_send and ssh_session_read work.
            """)
        properties["persistent"] = Shape.flag("Keep it when idle (false).")
        properties["idle_timeout_s"] = Shape.number(
            1...604_800, "Close it after this idle time (1800).")
        properties["connect_timeout_s"] = Shape.number(1...300, "Limit on reaching the host (30).")
        properties["login_timeout_s"] = Shape.number(1...300, "Limit on logging in (30).")
        properties["retries"] = Shape.integer(
            0...10, "New attempts after failures that may pass, within the limit (3).")
        return Tool(
            name: "ssh_session_open", title: "Open a session",
            description: """
                Opens a shell on a host through its agent and keeps it open: directory, variables \
                and background jobs stay between ssh_session_command calls. Close it when done.
                """,
            inputSchema: Shape.input([], properties),
            outputSchema: Shape.output(
                ["session_id", "target", "shell", "next_offset"],
                [
                    "session_id": ["type": "string"], "target": ["type": "string"],
                    "shell": ["type": "string"], "cwd": ["type": "string"],
                    "banner": ["type": "string"], "host_key": ["type": "string"],
                    "next_offset": ["type": "integer"],
                    "reopened_from": Shape.string("The session in whose place this new shell is."),
                    "restored": Shape.output(
                        ["variables"],
                        [
                            "cwd": ["type": "string"],
                            "variables": ["type": "array", "items": ["type": "string"]],
                        ]),
                    "note": ["type": "string"],
                ]),
            annotations: ToolAnnotations(
                readOnly: false, destructive: false, idempotent: false, openWorld: true),
            scope: Scope.sessionsExec.rawValue
        ) { call in
            await answering { () throws(Fault) in
                let fields = Fields(object: call.arguments)
                let principal = try self.principal(of: call)
                let reopened = try fields.optionalString("reopen")
                let member =
                    if let reopened {
                        try self.member(forHandle: reopened, as: "session", principal)
                    } else {
                        try self.member(forTarget: try fields.string("target"), principal)
                    }
                let restoring: Duration = reopened == nil ? .zero : .seconds(25)
                let connect = try fields.seconds("connect_timeout_s", in: 1...300) ?? .seconds(30)
                let login = try fields.seconds("login_timeout_s", in: 1...300) ?? .seconds(30)
                return .raw(
                    try await self.fleet.call(
                        member, .openSession, caller: self.caller(principal, at: member),
                        arguments: call.rawArguments,
                        deadline: connect + login + restoring + Self.grace))
            }
        }
    }

    private var sessionCommand: Tool {
        var properties: JSON.Object = [
            "session_id": Shape.string("The session, from ssh_session_open."),
            "command": Shape.string("Any shell code; several lines and here-documents too."),
            "timeout_s": Shape.number(1...86_400, "Interrupt it (Ctrl-C) after this time (never)."),
        ]
        for (key, value) in Self.waitAndSize { properties[key] = value }
        return sessionTool(
            "ssh_session_command", "Run a command in a session",
            """
            Runs a command in an open session and answers when it ends, or after wait_s (10) with \
            state "running": then follow with ssh_session_read. exit_code and cwd are exact; a \
            non-zero exit_code is no error of the tool.
            """,
            ["session_id", "command"], properties, .runCommand)
    }

    private var sessionSend: Tool {
        var properties: JSON.Object = [
            "session_id": Shape.string("The session."),
            "text": Shape.string("Text to type into what runs."),
            "keys": Shape.list(
                of: ["type": "string"],
                "Named keys after the text: ctrl-c, enter, up, page-down, esc, tab, alt-x, f1…"),
            "enter": Shape.flag("Press Enter after the text (true when there is text)."),
            "secret": Shape.string(
                """
                Alone: the name of a secret in agent.conf that answers a password prompt (state \
                secret), with Enter. Typed only while the program that asked still asks, and shown \
                in no result.
                """),
            "password": Shape.string(
                "The same with the password itself, which passes through the model: prefer secret."
            ),
            "adopt": Shape.flag(
                """
                Alone: drive the shell that su, sudo -i, ssh, docker exec or bash has started here \
                (marks "lost"), with exact results; its exit leads back.
                """),
        ]
        for (key, value) in Self.waitAndSize { properties[key] = value }
        return sessionTool(
            "ssh_session_send", "Send input to a session",
            """
            Types into the program that runs in a session: answers to its questions, or keys such as \
            ctrl-c. To run a command use ssh_session_command. When a command has started a shell of its \
            own (su, ssh, bash: marks "lost"), send adopt and go on with ssh_session_command in it.
            """,
            ["session_id"], properties, .sendInput)
    }

    private var sessionRead: Tool {
        var properties: JSON.Object = [
            "session_id": Shape.string("The session."),
            "offset": Shape.integer(
                0...Contract.integers.upperBound,
                "Where to begin: next_offset of an earlier answer."),
            "until": Shape.string(
                """
                Wait until a line from offset on matches this regular expression (with wait_s; one \
                line at a time, no look-around or back-references).
                """),
            "view": Shape.choice(
                ["text", "raw", "screen"],
                """
                text: clean lines (default); raw: the bytes as they came; screen: what a person \
                would see, for full-screen programs.
                """),
        ]
        for (key, value) in Self.waitAndSize { properties[key] = value }
        return sessionTool(
            "ssh_session_read", "Read a session's output",
            """
            Reads output from an offset on, and tells how far the command is. With wait_s it waits \
            for new output or the command's end; with until as well, for a line that matches \
            (matched tells), the end, or the time. Offsets are bytes and never reused. For vim, top, \
            less and the like ask for view "screen"; ssh_session_send types keys into them.
            """,
            ["session_id"], properties, .readOutput,
            ToolAnnotations(readOnly: true, destructive: false, idempotent: true, openWorld: true))
    }

    /// A tool whose arguments go to the session's agent, and whose result comes back, as bytes.
    private func sessionTool(
        _ name: String, _ title: String, _ description: String, _ required: [String],
        _ properties: JSON.Object, _ method: Wire.Method, _ annotations: ToolAnnotations = changes
    ) -> Tool {
        Tool(
            name: name, title: title, description: description,
            inputSchema: Shape.input(required, properties), outputSchema: Self.commandShape,
            annotations: annotations, scope: Scope.needed(forTool: name).first?.rawValue,
            meta: Self.largeResult
        ) { call in
            await self.pass(call, handle: "session_id", as: "session", to: method)
        }
    }

    static let sessionMembers: JSON.Object = [
        "session_id": ["type": "string"], "target": ["type": "string"],
        "name": ["type": "string"], "owner": ["type": "string"], "shell": ["type": "string"],
        "depth": ["type": "integer"],
        "cwd": ["type": "string"], "state": ["type": "string"], "command": ["type": "string"],
        "idle_s": ["type": "integer"], "idle_timeout_s": ["type": "integer"],
        "next_offset": ["type": "integer"], "cols": ["type": "integer"],
        "rows": ["type": "integer"],
    ]

    private var sessionUpdate: Tool {
        Tool(
            name: "ssh_session_update", title: "Change a session",
            description: """
                Changes what is given and leaves the rest: name, idle time, or the terminal's size \
                (what runs in it is told and draws anew). Answers with the session.
                """,
            inputSchema: Shape.input(
                ["session_id"],
                [
                    "session_id": Shape.string("The session."),
                    "name": Shape.string("Another name; an empty one takes it away."),
                    "persistent": Shape.flag("Keep it when idle."),
                    "cols": Shape.integer(20...1000, "The terminal's width."),
                    "rows": Shape.integer(5...500, "The terminal's height."),
                    "idle_timeout_s": Shape.number(1...604_800, "Close it after this idle time."),
                ]),
            outputSchema: Shape.output(
                ["session_id", "target", "shell", "state", "next_offset", "cols", "rows"],
                Self.sessionMembers),
            annotations: ToolAnnotations(
                readOnly: false, destructive: false, idempotent: true, openWorld: false),
            scope: Scope.sessionsExec.rawValue
        ) { call in
            await self.pass(call, handle: "session_id", as: "session", to: .updateSession)
        }
    }

    private var sessionList: Tool {
        Tool(
            name: "ssh_session_list", title: "List sessions",
            description: "Lists your open sessions with their state, directory and idle time.",
            inputSchema: Shape.input(
                [],
                [
                    "agent": Shape.string("Only sessions of this agent."),
                    "target": Shape.string("Only sessions on this target."),
                ]),
            outputSchema: Shape.output(
                ["sessions"],
                [
                    "sessions": ["type": "array", "items": ["type": "object"]],
                    "unanswered": ["type": "array", "items": ["type": "string"]],
                ]),
            annotations: ToolAnnotations(
                readOnly: true, destructive: false, idempotent: true, openWorld: false),
            scope: Scope.sessionsRead.rawValue
        ) { call in
            await self.fanOut(call, .listSessions, "sessions")
        }
    }

    private var sessionClose: Tool {
        Tool(
            name: "ssh_session_close", title: "Close sessions",
            description: """
                Closes a session (or, with all, every one of yours): its shell and what runs in it \
                get a hang-up.
                """,
            inputSchema: Shape.input(
                [],
                [
                    "session_id": Shape.string("The session."),
                    "all": Shape.flag("Close all of your sessions."),
                ]),
            outputSchema: Shape.output(
                ["closed"],
                [
                    "closed": ["type": "array", "items": ["type": "string"]],
                    "unanswered": ["type": "array", "items": ["type": "string"]],
                ]),
            annotations: ToolAnnotations(
                readOnly: false, destructive: true, idempotent: true, openWorld: false),
            scope: Scope.sessionsExec.rawValue
        ) { call in
            guard let handle = call.arguments["session_id"]?.stringValue else {
                return await self.fanOut(call, .closeSession, "closed")
            }
            return await answering { () throws(Fault) in
                let principal = try self.principal(of: call)
                let member = try self.member(forHandle: handle, as: "session", principal)
                return .raw(
                    try await self.fleet.call(
                        member, .closeSession, caller: self.caller(principal, at: member),
                        arguments: call.rawArguments, deadline: Self.grace))
            }
        }
    }

    /// Asks every agent that is online, or the one that is named, and joins their lists.
    func fanOut(_ call: ToolCall, _ method: Wire.Method, _ member: String) async -> ToolResult {
        await answering { () throws(Fault) in
            let principal = try self.principal(of: call)
            var members = self.visible(to: principal).filter { $0.connection != nil }
            let fields = Fields(object: call.arguments)
            if let target = try fields.optionalString("target") {
                members = [try self.member(forTarget: target, principal)]
            } else if let agent = try fields.optionalString("agent") {
                members = [try self.member(named: agent, principal)]
            }
            let answers = await self.ask(
                members, method, principal, arguments: call.rawArguments,
                deadline: Self.grace)
            return Self.merge(answers, member)
        }
    }
}
