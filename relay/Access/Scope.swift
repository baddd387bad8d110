// What a token may do, and what each tool and resource needs.
// Invariant: a tool that stands in no row needs `admin`.

/// One permission of a token.
enum Scope: String, Sendable, Hashable, CaseIterable {
    case fleetRead = "fleet:read"
    case sessionsRead = "sessions:read"
    case sessionsExec = "sessions:exec"
    case filesRead = "files:read"
    case filesWrite = "files:write"
    case forwards
    /// Holds every other.
    case admin

    /// What a call of `tool` needs, all of it.
    static func needed(forTool tool: String) -> Set<Scope> {
        switch tool {
        case "agent_list", "agent_describe", "target_list": [.fleetRead]
        case "ssh_session_read", "ssh_session_list", "ssh_command_output", "ssh_command_list":
            [.sessionsRead]
        case "ssh_session_open", "ssh_session_command", "ssh_session_send", "ssh_session_update",
            "ssh_session_close", "ssh_execute", "ssh_command_cancel":
            [.sessionsExec]
        case "file_list", "file_read", "file_diff": [.filesRead]
        case "file_write": [.filesWrite]
        case "file_transfer": [.filesRead, .filesWrite]
        case "forward_open", "forward_list", "forward_close": [.forwards]
        default: [.admin]
        }
    }

    /// What reading the resource at `uri` needs.
    static func needed(forResource uri: String) -> Set<Scope> {
        let scheme = "homeline://"
        guard uri.hasPrefix(scheme) else { return [.admin] }
        switch uri.dropFirst(scheme.count).prefix(while: { $0 != "/" }) {
        case "agents", "targets", "stats": return [.fleetRead]
        case "sessions", "commands": return [.sessionsRead]
        case "files": return [.filesRead]
        default: return [.admin]
        }
    }

    /// The scopes as one text, in the order of their declaration.
    static func text(_ scopes: Set<Scope>) -> String {
        allCases.filter(scopes.contains).map(\.rawValue).joined(separator: " ")
    }
}
