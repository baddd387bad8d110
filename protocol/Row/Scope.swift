// What a token may do. Each tool's row in the contract lists the scopes that a call of it needs.

/// One permission of a token.
public enum Scope: String, Sendable, Hashable, CaseIterable {
    /// Sees agents and targets.
    case fleetRead = "fleet:read"
    /// Sees its own sessions and commands.
    case sessionsRead = "sessions:read"
    /// Opens sessions and runs commands.
    case sessionsExec = "sessions:exec"
    /// Lists and reads files, and reads a host's state (`host_read`).
    case filesRead = "files:read"
    /// Writes files.
    case filesWrite = "files:write"
    /// Opens, lists and closes TCP forwards.
    case forwards
    /// Includes every other scope, and sees and controls what belongs to others.
    case admin

    /// What a client asks for at first, and gets if it asks for nothing: read access.
    public static let askedAtFirst: Set<Scope> = [.fleetRead, .sessionsRead]

    /// The scopes as one text, in the order of their declaration.
    public static func text(_ scopes: Set<Scope>) -> String {
        words(scopes).joined(separator: " ")
    }

    /// Their names in the order of their declaration.
    public static func words(_ scopes: Set<Scope>) -> [String] {
        allCases.filter(scopes.contains).map(\.rawValue)
    }

    /// What it allows, for a person who is to grant it: the end of "it may …".
    public var words: String {
        switch self {
        case .fleetRead: "see the agents and the hosts that they reach"
        case .sessionsRead: "see your sessions and commands, and read their output"
        case .sessionsExec: "open sessions and run commands"
        case .filesRead: "list and read files, and read the state of hosts"
        case .filesWrite: "write, move and delete files"
        case .forwards: "open, list and close TCP forwards"
        case .admin: "do all that this relay offers, also with what belongs to others"
        }
    }
}
