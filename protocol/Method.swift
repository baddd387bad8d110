// The names of the calls. An agent answers an unknown one with the fault `unknown_method`.

/// A call the relay makes.
public enum Method: String, Sendable, CaseIterable {
    /// First on every tunnel: the agent proves who it is.
    case hello = "agent.hello"
    /// The relay accepts the agent; calls may follow.
    case welcome = "agent.welcome"
    /// The relay refuses the agent and closes the tunnel.
    case refuse = "agent.refuse"
    /// Facts, load and policy of the agent's machine.
    case describe = "agent.describe"
    /// How far a call is that waits.
    case progress = "call.progress"
    /// The targets the agent knows by name.
    case listTargets = "target.list"
    /// Opens a session.
    case openSession = "session.open"
    /// Runs a command in a session.
    case runCommand = "session.command"
    /// Sends input to what runs in a session.
    case sendInput = "session.send"
    /// Reads a session's output by offset.
    case readOutput = "session.read"
    /// Changes a session's name, size or idle time.
    case updateSession = "session.update"
    /// Lists sessions.
    case listSessions = "session.list"
    /// Closes sessions.
    case closeSession = "session.close"
    /// Runs one command without a session.
    case execute = "command.execute"
    /// Reads a one-shot command's output.
    case readCommand = "command.output"
    /// Lists one-shot commands.
    case listCommands = "command.list"
    /// Ends a one-shot command.
    case cancelCommand = "command.cancel"
    /// Lists files.
    case listFiles = "file.list"
    /// Reads a file.
    case readFile = "file.read"
    /// Writes a file.
    case writeFile = "file.write"

    /// The tool that makes the call for a client, by which policies name it; nil: none does.
    public var tool: String? {
        switch self {
        case .hello, .welcome, .refuse, .progress: nil
        case .describe: "agent_describe"
        case .listTargets: "target_list"
        case .openSession: "ssh_session_open"
        case .runCommand: "ssh_session_command"
        case .sendInput: "ssh_session_send"
        case .readOutput: "ssh_session_read"
        case .updateSession: "ssh_session_update"
        case .listSessions: "ssh_session_list"
        case .closeSession: "ssh_session_close"
        case .execute: "ssh_execute"
        case .readCommand: "ssh_command_output"
        case .listCommands: "ssh_command_list"
        case .cancelCommand: "ssh_command_cancel"
        case .listFiles: "file_list"
        case .readFile: "file_read"
        case .writeFile: "file_write"
        }
    }

    /// Whether the call may change something at a target.
    public var changesTargets: Bool {
        switch self {
        case .openSession, .runCommand, .sendInput, .execute, .writeFile: true
        default: false
        }
    }
}
