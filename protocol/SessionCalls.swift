// The arguments and results of the `session.*` calls. Arguments carry the names, units and
// defaults that the MCP tools show, as the relay passes them through untouched.
public import JSON

/// What the other end of a session is taken for.
public enum ShellChoice: String, Sendable, CaseIterable {
    /// What the shell says it is.
    case auto
    case bash, dash, ash, zsh, mksh, fish, tcsh
    /// A device with a command line of its own.
    case network
    /// Anything: only text and keys, and what comes back.
    case raw
}

/// The arguments of `session.open`.
public struct OpenSession: Sendable {
    /// `agent/host`; the agent reads what follows the first slash.
    ///
    /// Empty with `reopen`.
    public var target: String
    /// A session that is over: a new shell in its place.
    public var reopen: String?
    /// A name for people.
    public var name: String?
    /// How to enter the target.
    public var access: TargetAccess
    /// The terminal's width and height.
    public var columns: Int
    /// The terminal's height.
    public var rows: Int
    /// `TERM`.
    public var terminal: String
    /// What the shell is taken for.
    public var shell: ShellChoice
    /// Keeps the session when idle.
    public var isPersistent: Bool
    /// Idle time after which the session is closed.
    public var idleTimeout: Duration
    /// The limit on reaching the target.
    public var connectTimeout: Duration
    /// The limit on logging in and starting the shell.
    public var loginTimeout: Duration
    /// Attempts after the first, for failures that may pass within the limit.
    public var retries: Int

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        reopen = try fields.optionalString("reopen")
        if reopen == nil {
            target = try fields.string("target")
        } else {
            target = ""
            guard try fields.optionalString("target") == nil else {
                throw Fault(.invalidArgument, "give either \"target\" or \"reopen\"")
            }
        }
        name = try fields.optionalString("name")
        access = try TargetAccess(fields)
        let term = try fields.fields("term")
        columns = try term?.integer("cols", in: 20...1000) ?? 511
        rows = try term?.integer("rows", in: 5...500) ?? 50
        terminal = try term?.optionalString("type") ?? "xterm-256color"
        let shell = try fields.optionalString("shell") ?? ShellChoice.auto.rawValue
        guard let known = ShellChoice(rawValue: shell) else {
            let names = ShellChoice.allCases.map(\.rawValue).joined(separator: ", ")
            throw Fault(.invalidArgument, "\"shell\" must be one of \(names)")
        }
        self.shell = known
        isPersistent = try fields.flag("persistent") ?? false
        idleTimeout = try fields.seconds("idle_timeout_s", in: 1...604_800) ?? .seconds(1800)
        connectTimeout = try fields.seconds("connect_timeout_s", in: 1...300) ?? .seconds(30)
        loginTimeout = try fields.seconds("login_timeout_s", in: 1...300) ?? .seconds(30)
        retries = try fields.integer("retries", in: 0...10) ?? 3
    }
}

/// A session as it is told.
public struct SessionInfo: Sendable, Equatable {
    /// The handle.
    public var sessionID: String
    /// `agent/host`.
    public var target: String
    /// The name, when it has one.
    public var name: String?
    /// The principal it belongs to.
    public var owner: String
    /// `bash`, `zsh`, ….
    public var shell: String
    /// How many shells inside each other were adopted.
    public var depth = 0
    /// The shell's working directory, as far as known.
    public var cwd: String?
    /// What the last command is doing; `done` when the shell is at its prompt.
    public var state: CommandState
    /// The command that runs, cut to 200 characters.
    public var command: String?
    /// Seconds since it was last used.
    public var idleSeconds: Int
    /// Seconds of idleness after which it is closed; 0 for a persistent one.
    public var idleTimeoutSeconds: Int
    /// Where the next read goes on.
    public var nextOffset: Int
    /// The terminal's width.
    public var columns: Int
    /// The terminal's height.
    public var rows: Int

    /// A session by its handle.
    public init(
        sessionID: String, target: String, name: String?, owner: String, shell: String,
        cwd: String?, state: CommandState, command: String?, idleSeconds: Int,
        idleTimeoutSeconds: Int, nextOffset: Int, columns: Int, rows: Int
    ) {
        self.sessionID = sessionID
        self.target = target
        self.name = name
        self.owner = owner
        self.shell = shell
        self.cwd = cwd
        self.state = state
        self.command = command
        self.idleSeconds = idleSeconds
        self.idleTimeoutSeconds = idleTimeoutSeconds
        self.nextOffset = nextOffset
        self.columns = columns
        self.rows = rows
    }

    /// As an object.
    public var json: JSON {
        var object: JSON.Object = [
            "session_id": .string(sessionID), "target": .string(target),
        ]
        object.add("name", JSON(name))
        object["owner"] = .string(owner)
        object["shell"] = .string(shell)
        if depth > 0 { object["depth"] = JSON(depth) }
        object.add("cwd", JSON(cwd))
        object["state"] = .string(state.rawValue)
        object.add("command", JSON(command))
        object["idle_s"] = JSON(idleSeconds)
        object["idle_timeout_s"] = JSON(idleTimeoutSeconds)
        object["next_offset"] = JSON(nextOffset)
        object["cols"] = JSON(columns)
        object["rows"] = JSON(rows)
        return .object(object)
    }
}

/// The result of `session.open`.
public struct SessionOpened: Sendable {
    /// The session.
    public var info: SessionInfo
    /// What the target showed at login, cleaned, at most 4 KiB.
    public var banner: String
    /// The host key's type and SHA-256 fingerprint; nil for `local`.
    public var hostKey: String?
    /// Milliseconds it took.
    public var durationMS: Int
    /// The session in whose place this shell is, and what it was given of it.
    public var reopened: (from: String, restored: Restored)?

    /// A session that was opened.
    public init(info: SessionInfo, banner: String, hostKey: String?, durationMS: Int) {
        self.info = info
        self.banner = banner
        self.hostKey = hostKey
        self.durationMS = durationMS
    }

    /// As an object.
    public var json: JSON {
        guard case .object(var object) = info.json else { return info.json }
        object["banner"] = .string(banner)
        object.add("host_key", JSON(hostKey))
        object["duration_ms"] = JSON(durationMS)
        if let reopened {
            object["reopened_from"] = .string(reopened.from)
            object["restored"] = reopened.restored.json
            object["note"] = .string(Restored.note)
        }
        return .object(object)
    }
}

/// What a new shell was given of one that is gone.
public struct Restored: Sendable, Equatable {
    /// The directory it was brought to; nil: that was not known, or is gone.
    public var directory: String?
    /// The names of the variables it was given.
    public var variables: [String] = []

    /// Nothing yet.
    public init() {}

    static let note =
        "this is a new shell: directory and exported variables as in restored; functions, aliases, "
        + "options, other variables and running programs of the old one are gone"

    var json: JSON {
        var object: JSON.Object = [:]
        object.add("cwd", JSON(directory))
        object["variables"] = .array(variables.map { .string($0) })
        return .object(object)
    }
}

/// The arguments of `session.command`.
public struct RunCommand: Sendable {
    /// The session.
    public var sessionID: String
    /// The command: any code the shell reads, several lines too; no NUL.
    public var command: String
    /// How long to wait for its end before answering `running`.
    public var wait: Duration
    /// When to interrupt it (Ctrl-C); nil: never.
    public var timeout: Duration?
    /// The most bytes of output in the answer.
    public var maxBytes: Int

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        sessionID = try fields.string("session_id")
        command = try fields.string("command")
        wait = try fields.seconds("wait_s", in: 0...50) ?? .seconds(10)
        timeout = try fields.seconds("timeout_s", in: 0.1...86_400)
        maxBytes = try fields.integer("max_bytes", in: 0...1_000_000) ?? 20_000
    }
}

/// The arguments of `session.send`.
public struct SendInput: Sendable {
    /// The session.
    public var sessionID: String
    /// Text to type.
    public var text: String
    /// Named keys to press after the text: `ctrl-c`, `up`, `enter`, ….
    public var keys: [String]
    /// Whether Enter follows the text.
    public var enter: Bool
    /// Makes the shell that what runs has brought (su, ssh, bash) the one that is driven.
    public var adopt: Bool
    /// The answer to a program that asks for a secret; never logged, never shown.
    public var password: String?
    /// The name of a secret that the agent's configuration defines, as the same answer.
    public var secret: String?
    /// How long to wait for something to happen.
    public var wait: Duration
    /// The most bytes of output in the answer.
    public var maxBytes: Int

    /// Reads the arguments.
    ///
    /// Keys alone are not followed by Enter.
    public init(_ fields: Fields) throws(Fault) {
        sessionID = try fields.string("session_id")
        let text = try fields.optionalString("text")
        self.text = text ?? ""
        keys = try fields.strings("keys", limit: 100) ?? []
        enter = try fields.flag("enter") ?? (text != nil)
        adopt = try fields.flag("adopt") ?? false
        secret = try fields.optionalString("secret")
        password = try fields.optionalString("password")
        let alone = (adopt ? 1 : 0) + (secret == nil ? 0 : 1) + (password == nil ? 0 : 1)
        guard alone == 0 || alone == 1 && text == nil && keys.isEmpty else {
            let name = adopt ? "adopt" : secret == nil ? "password" : "secret"
            throw Fault(.invalidArgument, "give \"\(name)\" alone, without other input")
        }
        wait = try fields.seconds("wait_s", in: 0...50) ?? .seconds(1)
        maxBytes = try fields.integer("max_bytes", in: 0...1_000_000) ?? 20_000
    }
}

/// The arguments of `session.read`.
public struct ReadOutput: Sendable {
    /// How the bytes are shown.
    public enum View: String, Sendable, CaseIterable {
        /// Clean text.
        case text
        /// The bytes as they came, repaired to UTF-8.
        case raw
        /// What a person would see on the terminal.
        case screen
    }

    /// The session.
    public var sessionID: String
    /// Where to begin; nil: where the last command's output begins (a screen: now).
    public var offset: Int?
    /// How long to wait for new output or the end of the command.
    public var wait: Duration
    /// A regular expression: waits until a line from the offset on matches.
    public var until: String?
    /// How to show it.
    public var view: View
    /// The most bytes of output in the answer.
    public var maxBytes: Int

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        sessionID = try fields.string("session_id")
        offset = try fields.integer("offset", in: 0...Contract.integers.upperBound)
        wait = try fields.seconds("wait_s", in: 0...50) ?? .zero
        let view = try fields.optionalString("view") ?? "text"
        guard let known = View(rawValue: view) else {
            throw Fault(.invalidArgument, "\"view\" must be \"text\", \"raw\" or \"screen\"")
        }
        self.view = known
        until = try fields.optionalString("until")
        guard until == nil || known != .screen else {
            throw Fault(
                .invalidArgument, "\"until\" looks at lines: use it with \"view\" text or raw")
        }
        maxBytes = try fields.integer("max_bytes", in: 1...1_000_000) ?? 20_000
    }
}

/// The arguments of `session.update`: what is absent stays as it is.
public struct UpdateSession: Sendable {
    /// The session.
    public var sessionID: String
    /// Another name; an empty one takes it away.
    public var name: String?
    /// Whether it is kept when idle.
    public var isPersistent: Bool?
    /// The terminal's width.
    public var columns: Int?
    /// The terminal's height.
    public var rows: Int?
    /// Idle time after which the session is closed.
    public var idleTimeout: Duration?

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        sessionID = try fields.string("session_id")
        name = try fields.optionalString("name")
        isPersistent = try fields.flag("persistent")
        columns = try fields.integer("cols", in: 20...1000)
        rows = try fields.integer("rows", in: 5...500)
        idleTimeout = try fields.seconds("idle_timeout_s", in: 1...604_800)
    }
}

/// The arguments of `session.close`: one session, or all of the caller's.
public struct CloseSession: Sendable {
    /// The session; nil with `all`.
    public var sessionID: String?

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        sessionID = try fields.optionalString("session_id")
        let all = try fields.flag("all") ?? false
        guard (sessionID != nil) != all else {
            throw Fault(.invalidArgument, "give either \"session_id\" or \"all\": true")
        }
    }
}
