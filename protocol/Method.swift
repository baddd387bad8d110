// The names of the calls, and the row of each. An agent answers an unknown name with the fault
// `unknown_method`. Invariant: every method has a row; a method without one does not compile.

/// A call the relay makes.
public enum Method: String, Sendable, CaseIterable {
    /// First on every tunnel: the agent proves who it is.
    case hello = "agent.hello"
    /// The relay accepts the agent; calls may follow.
    case welcome = "agent.welcome"
    /// The relay refuses the agent and closes the tunnel.
    case refuse = "agent.refuse"
    /// The relay's process is about to end.
    case drain = "agent.drain"
    /// Asks the agent for its next key.
    case offerKey = "agent.offer_key"
    /// Has the agent use the key that it offered.
    case useKey = "agent.use_key"
    /// The agent's machine, its open sessions and commands, and its SSH links.
    case describe = "agent.describe"
    /// What has happened since the relay asked last.
    case events = "agent.events"
    /// The progress of a waiting call.
    case progress = "call.progress"
    /// The principals whose sessions and commands the agent holds.
    case listPrincipals = "principal.list"
    /// Ends what belongs to a principal whose token was revoked.
    case endPrincipal = "principal.end"
    /// The targets the agent knows by name.
    case listTargets = "target.list"
    /// Opens a session.
    case openSession = "session.open"
    /// Runs a command in a session.
    case runCommand = "session.command"
    /// Sends input to the program that runs in a session.
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
    /// Replaces text in a file.
    case editFile = "file.edit"
    /// Makes directories, moves, copies, deletes files and changes modes.
    case manageFiles = "file.manage"
    /// Looks for files.
    case findFiles = "file.find"
    /// Gives a ticket for a raw stream of a file's content.
    case streamFile = "file.stream"
    /// Gives a ticket for the stream of files that a transfer to another agent takes.
    case sendFiles = "transfer.send"
    /// Begins a transfer of files to a target.
    case startTransfer = "transfer.start"
    /// Waits for the end of a transfer.
    case awaitTransfer = "transfer.wait"
    /// Reads one subject of a host, as rows.
    case readHost = "host.read"
    /// Takes a first look at a host.
    case reportHost = "host.report"
    /// Opens a TCP forward.
    case openForward = "forward.open"
    /// Lists TCP forwards.
    case listForwards = "forward.list"
    /// Closes a TCP forward.
    case closeForward = "forward.close"
    /// Makes a connection of a forward that listens at the relay, and gives a ticket for it.
    case connectForward = "forward.connect"

    /// The row that declares the call.
    public var row: MethodRow {
        switch self {
        case .hello: Hello.row
        case .welcome: Welcome.row
        case .refuse: Refusal.row
        case .drain: Drain.row
        case .offerKey: OfferKey.row
        case .useKey: UseKey.row
        case .describe: AgentDescription.row
        case .events: AskEvents.row
        case .progress: AskProgress.row
        case .listPrincipals: PrincipalList.row
        case .endPrincipal: EndPrincipal.row
        case .listTargets: ListTargets.row
        case .openSession: OpenSession.row
        case .runCommand: RunCommand.row
        case .sendInput: SendInput.row
        case .readOutput: ReadOutput.row
        case .updateSession: UpdateSession.row
        case .listSessions: ListSessions.row
        case .closeSession: CloseSession.row
        case .execute: ExecuteCommand.row
        case .readCommand: ReadCommand.row
        case .listCommands: ListCommands.row
        case .cancelCommand: CancelCommand.row
        case .listFiles: ListFiles.row
        case .readFile: ReadFile.row
        case .writeFile: WriteFile.row
        case .editFile: EditFile.row
        case .manageFiles: ManageFiles.row
        case .findFiles: FindFiles.row
        case .streamFile: StreamFile.row
        case .sendFiles: SendFiles.row
        case .startTransfer: StartTransfer.row
        case .awaitTransfer: AwaitTransfer.row
        case .readHost: ReadHost.row
        case .reportHost: ReportHost.row
        case .openForward: OpenForward.row
        case .listForwards: ListForwards.row
        case .closeForward: CloseForward.row
        case .connectForward: ConnectForward.row
        }
    }

    /// The name of the tool that makes the call for a client; nil if there is none.
    public var tool: String? { row.tool?.name }
}

extension ToolRow {
    /// Every tool, in the order in which clients see them.
    public static let all =
        [
            ListAgents.tool, UpdateAgent.tool, CompareFiles.tool, TransferFiles.tool,
            UseDropBox.tool,
        ]
        + Method.allCases.compactMap(\.row.tool)
}
