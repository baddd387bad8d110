// Which tools a client sees: all, or the few that everyday work needs, with fewer arguments shown.
// Clients that give the whole list to their model with each request are served the few.
// Invariant: what a tool takes is the same in each profile; only what is shown differs.

/// The tools that are shown.
public enum ToolProfile: String, Sendable, CaseIterable {
    /// Every tool, with every argument.
    case all
    /// The tools and arguments of everyday work.
    case core

    /// The tools of everyday work, each with the arguments that are shown of it.
    ///
    /// A session answers for files that are read and directories that are listed (`cat`, `ls`);
    /// what a shell does badly, exact edits and contents with quotes, has tools of its own.
    /// `ssh_command_output` follows both kinds of commands.
    private static let everyday: [String: Set<String>] = [
        "target_list": ["query", "probe"],
        "ssh_execute": [
            "target", "targets", "command", "stdin", "cwd", "wait_s", "timeout_s", "background",
        ],
        "ssh_command_output": [
            "command_id", "stdout_offset", "wait_s", "wait_for", "max_bytes",
        ],
        "ssh_session_open": ["target", "name", "reopen", "connect"],
        "ssh_session_command": [
            "session_id", "command", "wait_s", "timeout_s", "until", "view", "max_bytes",
        ],
        "ssh_session_send": [
            "session_id", "text", "keys", "enter", "adopt", "secret", "wait_s", "view",
        ],
        "file_write": [
            "target", "session_id", "path", "content", "mode", "append", "create_dirs",
        ],
        "file_edit": ["target", "session_id", "path", "edits"],
    ]

    /// Whether a tool is shown.
    public func shows(_ tool: String) -> Bool {
        switch self {
        case .all: true
        case .core: Self.everyday[tool] != nil
        }
    }

    /// The arguments that are shown of a tool.
    func shown(_ arguments: [Declaration], of tool: String) -> [Declaration] {
        guard self == .core, let names = Self.everyday[tool] else { return arguments }
        return arguments.filter { names.contains($0.name) }
    }
}
