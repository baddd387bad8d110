// The names in one answer of an agent: of its sessions, its commands, its targets, or of the files
// in a directory. Flow: an agent's list → KnownNames → BriefMemory. Invariant: of an answer only
// the names and what ranks them are kept, and of a long list only the beginning.
import JSON
import Wire

/// What one answer names.
enum KnownNames: Sendable {
    /// What a list holds.
    enum Kind: Hashable, Sendable {
        case sessions
        case commands
        case targets
        case files

        /// The call that lists it.
        var method: Wire.Method {
            switch self {
            case .sessions: .listSessions
            case .commands: .listCommands
            case .targets: .listTargets
            case .files: .listFiles
            }
        }

        /// The member of the answer that is the list.
        var list: String {
            switch self {
            case .sessions: "sessions"
            case .commands: "commands"
            case .targets: "targets"
            case .files: "entries"
            }
        }
    }

    case sessions([KnownSession])
    case commands([KnownCommand])
    case texts([String])

    /// The most names of one answer: as many as a list of files has entries.
    static let limit = 1000
    /// What a value takes beside the bytes of its texts, about: references, numbers, the place in
    /// an array.
    private static let valueBytes = 128

    /// The names in an answer that are the agent's own; none if it has no such list.
    init(_ kind: Kind, in answer: RawJSON, _ claims: Claims) {
        let members = (try? answer.parsed(limits: .answer))?.objectValue ?? [:]
        let entries = claims.own(members[kind.list]?.arrayValue ?? []).prefix(Self.limit)
        self =
            switch kind {
            case .sessions: .sessions(entries.compactMap { KnownSession($0) })
            case .commands: .commands(entries.compactMap { KnownCommand($0) })
            case .targets: .texts(entries.compactMap { $0[Shared.target.name]?.stringValue })
            case .files: .texts(entries.compactMap { Self.file($0) })
            }
    }

    /// The name of a file; that of a directory ends in a slash.
    private static func file(_ entry: JSON) -> String? {
        guard entry["unusable"] == nil, let name = entry["path"]?.stringValue else { return nil }
        return entry["type"] == "directory" ? name + "/" : name
    }

    var sessions: [KnownSession] {
        if case .sessions(let all) = self { all } else { [] }
    }

    var commands: [KnownCommand] {
        if case .commands(let all) = self { all } else { [] }
    }

    var texts: [String] {
        if case .texts(let all) = self { all } else { [] }
    }

    /// What it takes of memory, about, in bytes.
    var bytes: Int {
        switch self {
        case .sessions(let all): all.reduce(0) { $0 + $1.bytes + Self.valueBytes }
        case .commands(let all): all.reduce(0) { $0 + $1.bytes + Self.valueBytes }
        case .texts(let all): all.reduce(0) { $0 + $1.utf8.count + Self.valueBytes }
        }
    }
}

/// A session as lists show it.
struct KnownSession: Sendable {
    /// What changes when there is something new to read.
    struct Mark: Hashable {
        let nextOffset: Int
        let state: String?
        let columns: Int64?
        let rows: Int64?
    }

    let id: String
    let target: String
    let name: String?
    /// Seconds since it was used.
    let idle: Int64
    let mark: Mark

    /// The end of its output.
    var nextOffset: Int { mark.nextOffset }

    /// The bytes of its texts.
    var bytes: Int {
        id.utf8.count + target.utf8.count + (name?.utf8.count ?? 0)
            + (mark.state?.utf8.count ?? 0)
    }

    init?(_ entry: JSON) {
        guard let id = entry["session_id"]?.stringValue,
            let target = entry["target"]?.stringValue
        else { return nil }
        (self.id, self.target) = (id, target)
        name = entry["name"]?.stringValue
        idle = entry["idle_s"]?.intValue ?? 0
        mark = Mark(
            // An agent's number: no offset is negative.
            nextOffset: max(0, Int(clamping: entry["next_offset"]?.intValue ?? 0)),
            state: entry["state"]?.stringValue, columns: entry["cols"]?.intValue,
            rows: entry["rows"]?.intValue)
    }
}

/// A command as lists show it.
struct KnownCommand: Sendable {
    let id: String
    /// The command line, cut.
    let text: String
    /// Seconds since its start.
    let age: Int64

    /// The bytes of its texts.
    var bytes: Int { id.utf8.count + text.utf8.count }

    init?(_ entry: JSON) {
        guard let id = entry["command_id"]?.stringValue else { return nil }
        self.id = id
        text = entry["command"]?.stringValue ?? ""
        age = entry["started_s_ago"]?.intValue ?? 0
    }
}
