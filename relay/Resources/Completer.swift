// Completes what people type for a template's variable or a prompt's argument. Flow:
// completion/complete → the kind of the argument → Completer → Directory.
// Invariant: what a principal may not see is never a value; an answer takes about a second at most.
import Loop
import MCP
import Wire

/// The kinds of values that can be completed.
enum Completable: String, CaseIterable, Sendable {
    /// An agent's name.
    case agent
    /// A target, `agent/host`.
    case target
    /// What stands after `agent/` in a target, for the argument `agent`.
    case host
    /// A session's id, by its id, name or target.
    case session
    /// A command's id, by its id or its text.
    case command
    /// A path at the argument `target`, or at `agent` and `host`.
    case path
    /// What can be read of a host.
    case subject
}

/// Finds values.
@IO struct Completer {
    let directory: Directory

    /// The longest text in bytes that is completed: that of a path.
    private static let limit = 4096

    /// The values that fit what was typed, the best first; `settled` are the other arguments.
    func values(
        _ kind: Completable, _ typed: String, _ settled: [String: String],
        for principal: Principal
    ) async -> [String] {
        guard typed.utf8.count <= Self.limit else { return [] }
        switch kind {
        case .agent: return agents(typed, principal)
        case .target: return await targets(typed, principal)
        case .host: return await hosts(typed, of: settled["agent"], principal)
        case .session: return await sessions(typed, principal)
        case .command: return await commands(typed, principal)
        case .path: return await paths(typed, settled, principal)
        case .subject: return HostView.all.map(\.name).filter { Self.begins($0, typed) }
        }
    }

    /// Agents by name, then by tag; those that are online first.
    private func agents(_ typed: String, _ principal: Principal) -> [String] {
        let members = directory.agents(of: principal)
        let ranked = members.enumerated().compactMap { place, member -> (Int, Int, String)? in
            let record = member.record
            let isTagged = record.tags.contains { Self.begins($0, typed) }
            guard Self.begins(record.name, typed) || isTagged else { return nil }
            let rank = Self.begins(record.name, typed) ? 0 : 2
            return (rank + (member.connection == nil ? 1 : 0), place, record.name)
        }
        return ranked.sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map(\.2)
    }

    /// Targets: those used last, by the whole text, by the host's name, by a tag of the agent.
    private func targets(_ typed: String, _ principal: Principal) async -> [String] {
        let slash = typed.firstIndex(of: "/")
        var members = directory.agents(of: principal)
        if let slash {
            let agent = typed[..<slash].lowercased()
            members = members.filter { $0.record.name.lowercased() == agent }
        } else {
            // Where not all can be asked, those whose names fit are.
            let (near, far) = (
                members.filter { Self.begins($0.record.name, typed) },
                members.filter { !Self.begins($0.record.name, typed) }
            )
            members = near + far
        }
        let recent = router.uses.targets(of: principal.id)
        let all = await directory.targets(of: members, for: principal)
        let ranked = all.enumerated().compactMap { place, entry -> (Int, Int, String)? in
            let host = entry.target.drop { $0 != "/" }.dropFirst()
            let rank: Int
            if Self.begins(entry.target, typed) {
                rank = 0
            } else if slash == nil, Self.begins(String(host), typed) {
                rank = 1
            } else if slash == nil, entry.tags.contains(where: { Self.begins($0, typed) }) {
                rank = 2
            } else {
                return nil
            }
            // What was used last comes first, wherever it fits.
            guard let used = recent.firstIndex(of: entry.target) else {
                return (rank, place, entry.target)
            }
            return (-1, used, entry.target)
        }
        return ranked.sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map(\.2)
    }

    private func hosts(
        _ typed: String, of agent: String?, _ principal: Principal
    ) async -> [String] {
        guard let agent else { return [] }
        return await targets("\(agent)/\(typed)", principal).compactMap { target in
            target.firstIndex(of: "/").map { String(target[target.index(after: $0)...]) }
        }
    }

    /// Sessions by id, name or target; the one used last first.
    private func sessions(_ typed: String, _ principal: Principal) async -> [String] {
        await directory.sessions(of: principal).filter { session in
            [session.id, session.name ?? "", session.target].contains { Self.begins($0, typed) }
        }.sorted { ($0.idle, $0.id) < ($1.idle, $1.id) }.map(\.id)
    }

    /// Commands by id, or by a part of their text; the newest first.
    private func commands(_ typed: String, _ principal: Principal) async -> [String] {
        await directory.commands(of: principal).filter { command in
            Self.begins(command.id, typed)
                || command.text.lowercased().contains(typed.lowercased())
        }.map(\.id)
    }

    /// Paths at a target: what is in the directory that was typed.
    private func paths(
        _ typed: String, _ settled: [String: String], _ principal: Principal
    ) async -> [String] {
        var target = settled["target"]
        if target == nil, let agent = settled["agent"], let host = settled["host"] {
            target = "\(agent)/\(host)"
        }
        guard let target else { return [] }
        let slash = typed.lastIndex(of: "/")
        let folder = slash.map { String(typed[...$0]) } ?? ""
        let start = slash.map { String(typed[typed.index(after: $0)...]) } ?? typed
        // A URI has no slash before an absolute path, and does not need one.
        let isAbsolute = folder.hasPrefix("/") || folder.hasPrefix("~/")
        let names = await directory.names(
            in: isAbsolute ? folder : "/\(folder)", beginningWith: start, at: target,
            for: principal)
        return names.sorted().map { folder + $0 }
    }

    private var router: Router { directory.router }

    private static func begins(_ text: String, _ typed: String) -> Bool {
        text.lowercased().hasPrefix(typed.lowercased())
    }
}

extension FleetResources {
    /// What a variable of a template stands for; nil if its values cannot be listed.
    static func kind(of variable: String, in template: String) -> Completable? {
        guard templates.contains(where: { $0.uri == template }) else { return nil }
        switch variable {
        case "id": return template.contains("://commands/") ? .command : .session
        case "agent": return .agent
        case "host": return .host
        case "path": return .path
        case "what": return .subject
        default: return nil
        }
    }
}
