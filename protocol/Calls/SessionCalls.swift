// The calls on an open session: `session.command`, `session.send`, `session.read`. Arguments carry
// the names, units and defaults that the MCP tools show, as the relay passes them on unchanged.
public import JSON

/// What the answer to a command or to input shows.
public enum SessionView: String, Sendable, CaseIterable {
    /// The output as clean text.
    case text
    /// What a person would see on the terminal, in any state.
    case screen

    static let argument = Field<SessionView>.choice(
        "view",
        "screen: answer with what a person would see, in any state, in place of output."
    ).or(.text)
}

/// The arguments of `session.command`.
public struct RunCommand: CallArguments {
    /// The session.
    public var sessionID: String
    /// The command: any shell code, including several lines; no NUL.
    public var command: String
    /// How long to wait for the command to end before answering with state `running`.
    public var wait: Duration
    /// When to interrupt the command (Ctrl-C); nil for never.
    public var timeout: Duration?
    /// A regular expression: the answer comes as soon as a line of the output matches.
    public var until: String?
    /// What the answer shows.
    public var view: SessionView
    /// The most bytes of output in the answer.
    public var maxBytes: Int

    private static let command = Field.text(
        "command", atMost: Contract.contentBytes,
        "Code for the session's shell, also several lines and here-documents.")
    private static let wait = Shared.wait(
        .seconds(10),
        "How long to wait for the end before answering with state running.")
    private static let timeout = Field.seconds(
        "timeout_s", in: 0.1...86_400,
        "Interrupt the command (Ctrl-C) after this time. Absent: never."
    ).optional
    private static let until = Shared.until(
        "Answer as soon as a line of the output matches this regular expression, before the command "
            + "ends")
    static let maxBytes = Shared.maxBytes(
        from: 0,
        "The most bytes of output in the answer, cut to head and tail.")

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        sessionID = try fields[Shared.sessionID]
        command = try fields[Self.command]
        wait = try fields[Self.wait]
        timeout = try fields[Self.timeout]
        until = try fields[Self.until]
        view = try fields[SessionView.argument]
        maxBytes = try fields[Self.maxBytes]
    }

    static let row = MethodRow(
        does: "runs code in a session", deadline: Deadline(.seconds(15), plus: [wait]),
        changesTargets: true, hasProgress: true, limit: maxBytes,
        arguments: [
            Shared.sessionID.declaration, command.declaration, wait.declaration,
            timeout.declaration, until.declaration, SessionView.argument.declaration,
            maxBytes.declaration,
        ],
        result: CommandResult.members,
        tool: ToolRow(
            "ssh_session_command", title: "Run a command in a session",
            """
            Runs a command in an open session's own shell and answers when it ends or asks something, \
            or after wait_s. state is done (exit_code; a non-zero one is no error of the tool); \
            running: go on with ssh_command_output; line_input, secret, \
            fullscreen, maybe_input: answer with ssh_session_send; incomplete: send the rest, or keys \
            ctrl-c; stopped: run fg; aborted: it did not run to its end; shell_exited, link_lost: \
            ssh_session_open with reopen. evidence says what a state rests on, where that is not the \
            shell's exact mark: probe (the kernel), prompt, eof, regex (a guess). cwd comes when the \
            command has changed it.
            """,
            scopes: [.sessionsExec],
            hints: .changes(destructive: true, idempotent: false, atTargets: true),
            routes: [.session("session_id")], isLarge: true, form: .session))
}

/// The arguments of `session.send`.
public struct SendInput: CallArguments {
    /// The session.
    public var sessionID: String
    /// Text to type.
    public var text: String
    /// Named keys to press after the text: `ctrl-c`, `up`, `enter`, ….
    public var keys: [String]
    /// Whether Enter follows the text.
    public var enter: Bool
    /// Whether to take over the shell that the running program (su, ssh, bash) has started.
    public var adopt: Bool
    /// The answer to a program that asks for a secret; never logged, never shown.
    public var password: String?
    /// The name of a secret in the agent's configuration, to use as that answer.
    public var secret: String?
    /// How long to wait for a reaction to the input.
    public var wait: Duration
    /// A regular expression: the answer comes as soon as a line of the output matches.
    public var until: String?
    /// What the answer shows.
    public var view: SessionView
    /// The most bytes of output in the answer.
    public var maxBytes: Int

    private static let text = Field.text(
        "text", atMost: Contract.contentBytes,
        "Text to type, unchanged, into the running program. Several lines go into an editor as one "
            + "paste: send its commands one a call."
    ).optional
    private static let keys = Field.texts(
        "keys", atMost: 100,
        "Named keys to press after the text: enter, tab, esc, up, page-down, f1, ctrl-c, alt-x, or "
            + "single characters."
    ).or([])
    private static let enter = Field.flag(
        "enter", "Press Enter after text and keys. Absent: true with text, else false."
    ).optional
    private static let adopt = Field.flag(
        "adopt",
        "Only by itself: take over the shell that su, sudo -i, ssh, docker exec or "
            + "bash has started here (marks \"lost\"), so that results are exact again."
    ).or(false)
    private static let secret = Field.text(
        "secret",
        "Only by itself: the name of a secret, in agent.conf or for a person who is asked, that answers a password prompt (state "
            + "secret), with Enter. It is typed only while the program that asked still asks, and "
            + "no result shows it."
    ).optional
    private static let password = Field.text(
        "password",
        "Like secret, with the password itself (at most 1024 bytes). It passes through the model: "
            + "prefer secret."
    ).optional
    private static let wait = Shared.wait(
        .seconds(1), "How long to wait for a reaction to the input.")
    private static let until = Shared.until(
        "Wait until a line of the output from here on, the echo of the input included, matches this "
            + "regular expression")

    /// Reads the arguments.
    ///
    /// Without text, keys are not followed by Enter.
    public init(_ fields: Fields) throws(Fault) {
        sessionID = try fields[Shared.sessionID]
        let text = try fields[Self.text]
        self.text = text ?? ""
        keys = try fields[Self.keys]
        enter = try fields[Self.enter] ?? (text != nil)
        adopt = try fields[Self.adopt]
        secret = try fields[Self.secret]
        password = try fields[Self.password]
        let alone = (adopt ? 1 : 0) + (secret == nil ? 0 : 1) + (password == nil ? 0 : 1)
        guard alone == 0 || alone == 1 && text == nil && keys.isEmpty else {
            let name = adopt ? "adopt" : secret == nil ? "password" : "secret"
            throw Fault(.invalidArgument, "give \"\(name)\" alone, without other input")
        }
        guard alone == 1 || !self.text.isEmpty || !keys.isEmpty || enter else {
            throw Fault(
                .invalidArgument,
                "nothing to send: give \"text\", \"keys\", \"adopt\", \"secret\" or \"password\";"
                    + " to look at the session use ssh_session_read")
        }
        wait = try fields[Self.wait]
        until = try fields[Self.until]
        guard until == nil || !adopt else {
            throw Fault(.invalidArgument, "give \"adopt\" without \"until\"")
        }
        view = try fields[SessionView.argument]
        maxBytes = try fields[RunCommand.maxBytes]
    }

    static let row = MethodRow(
        does: "types into what runs in a session",
        deadline: Deadline(.seconds(15), plus: [wait]), changesTargets: true, hasProgress: true,
        limit: RunCommand.maxBytes,
        arguments: [
            Shared.sessionID.declaration, text.declaration, keys.declaration, enter.declaration,
            adopt.declaration, secret.declaration, password.declaration, wait.declaration,
            until.declaration, SessionView.argument.declaration,
            RunCommand.maxBytes.declaration,
        ],
        result: CommandResult.members,
        tool: ToolRow(
            "ssh_session_send", title: "Send input to a session",
            """
            Types into the program that runs in a session: answers to its questions, or keys such as \
            ctrl-c; with view screen the answer is what it draws then. To run a command use \
            ssh_session_command, which explains the states. When a command has started another shell \
            (su, ssh, bash: marks "lost"), send adopt and continue with ssh_session_command.
            """,
            scopes: [.sessionsExec],
            hints: .changes(destructive: true, idempotent: false, atTargets: true),
            routes: [.session("session_id")], isLarge: true, form: .session))
}

/// The arguments of `session.read`.
public struct ReadOutput: CallArguments {
    /// How the bytes are shown.
    public enum View: String, Sendable, CaseIterable {
        /// Clean text.
        case text
        /// The bytes as received, with invalid UTF-8 replaced.
        case raw
        /// What a person would see on the terminal.
        case screen
    }

    /// What a read waits for.
    public enum Goal: String, Sendable, CaseIterable {
        /// The end of the command, or its question.
        case end
        /// Any output that the caller has not read.
        case output
    }

    /// The session.
    public var sessionID: String
    /// Where to begin; if nil, where the caller's last answer ended (for a screen: now).
    public var offset: Int?
    /// How long to wait.
    public var wait: Duration
    /// What to wait for.
    public var goal: Goal
    /// A regular expression: waits until a line from the offset on matches.
    public var until: String?
    /// How to show it.
    public var view: View
    /// Whether it leaves the place from which the caller reads on.
    public var isPeek: Bool
    /// The most bytes of output in the answer.
    public var maxBytes: Int

    private static let offset = Field.count(
        "offset",
        "Where to begin: next_offset of an earlier answer. Absent: where your last "
            + "answer ended."
    ).optional
    private static let wait = Shared.wait(
        .zero,
        "The longest wait for what wait_for names.")
    private static let goal = Field<Goal>.choice(
        "wait_for",
        "end: the command's end, or a question of it (view screen: a change). output: "
            + "any new output."
    ).or(.end)
    private static let until = Shared.until(
        "Not with view screen. Wait until a line from offset on (absent: of the newest command's "
            + "output) matches this regular expression")
    private static let view = Field<View>.choice(
        "view",
        "text: clean lines. raw: as received. screen: what a person would see, for "
            + "full-screen programs."
    ).or(.text)
    private static let maxBytes = Shared.maxBytes(
        from: 1, "The most bytes of output in the answer, from the offset on.")
    private static let peek = Field.flag(
        "peek",
        "The answer does not count as read: the caller's next read goes on where it would have. "
            + "For readers beside the one that drives the session."
    ).or(false)

    /// The arguments of a call that leaves no trace: the screen, or the text from `offset` on.
    public static func peek(
        at id: String, _ view: View, offset: Int? = nil, atMost limit: Int
    ) -> JSON.Object {
        var arguments: JSON.Object = [
            Shared.sessionID.name: .string(id), Self.view.name: .string(view.rawValue),
            peek.name: true, maxBytes.name: .integer(limit),
        ]
        arguments[Self.offset.name] = offset.map { .integer($0) }
        return arguments
    }

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        sessionID = try fields[Shared.sessionID]
        offset = try fields[Self.offset]
        wait = try fields[Self.wait]
        view = try fields[Self.view]
        goal = try fields[Self.goal]
        until = try fields[Self.until]
        guard until == nil || view != .screen else {
            throw Fault(
                .invalidArgument, "\"until\" looks at lines: use it with \"view\" text or raw")
        }
        maxBytes = try fields[Self.maxBytes]
        isPeek = try fields[Self.peek]
    }

    static let row = MethodRow(
        does: "reads a session's output by offset",
        deadline: Deadline(.seconds(15), plus: [wait]), changesTargets: false, movesReader: true,
        hasProgress: true, limit: maxBytes,
        arguments: [
            Shared.sessionID.declaration, offset.declaration, wait.declaration, goal.declaration,
            until.declaration, view.declaration, maxBytes.declaration,
        ],
        relayArguments: [peek.declaration], result: CommandResult.members,
        tool: ToolRow(
            "ssh_session_read", title: "Read a session's output",
            """
            Reads output from where your last answer ended, and the command's state, which \
            ssh_session_command explains. With wait_s it waits for the command's end or question \
            (wait_for), or, with until, for a line that matches. Offsets are bytes and never reused. \
            view screen shows what a person would see of vim, top, less and the like; \
            ssh_session_send types keys into them.
            """,
            scopes: [.sessionsRead], hints: .looks(atTargets: true),
            routes: [.session("session_id")], isLarge: true, form: .session))
}
