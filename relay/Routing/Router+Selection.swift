// The targets that names, globs and tags stand for: agents that fit are asked for their lists.
// Invariant: a target is selected once, in the order of the words and then of its agent's list; a
// word that stands for nothing fails the call before anything has begun.
import JSON
import Loop
import Wire

/// The targets of one call.
struct TargetSelection: Sendable {
    /// Each once, in the order of the words.
    var targets: [String] = []
    /// What could not be asked: as a target would be written (`site/web*`), and why.
    var unknown: [(target: String, fault: Fault)] = []
}

extension Router {
    /// The targets that words stand for, at most `limit`.
    func select(
        _ words: [String], atMost limit: Int, _ principal: Principal
    ) async throws(Fault) -> TargetSelection {
        var selection = TargetSelection()
        var seen: Set<String> = []
        var lists: [String: Result<[String], Fault>] = [:]
        for word in words {
            guard let pattern = TargetPattern(word) else {
                throw Fault(
                    .invalidArgument,
                    "\"\(word)\" does not say which hosts: write agent/host, such as \(word)/* for"
                        + " every target of these agents")
            }
            guard case .those(_, let hosts) = pattern else {
                if seen.insert(word).inserted { selection.targets.append(word) }
                continue
            }
            try checkScopes(of: Wire.Method.listTargets.row, principal)
            let members = visible(to: principal).filter {
                pattern.fits(agent: $0.record.name, tags: $0.record.tags)
            }.sorted { $0.record.name < $1.record.name }
            let unlisted = members.filter { lists[$0.record.id] == nil }
            for (member, list) in await targets(of: unlisted, principal) {
                lists[member.record.id] = list
            }
            var isFound = false
            for member in members {
                switch lists[member.record.id] {
                case .success(let targets)?:
                    for target in targets where pattern.fits(host: Self.host(of: target)) {
                        isFound = true
                        if seen.insert(target).inserted { selection.targets.append(target) }
                    }
                case .failure(let fault)?:
                    isFound = true
                    let name = "\(member.record.name)/\(hosts)"
                    if seen.insert(name).inserted { selection.unknown.append((name, fault)) }
                case nil: break
                }
            }
            guard isFound else {
                throw Fault(
                    .invalidArgument,
                    "no target fits \"\(word)\"; target_list shows the targets, agent_list the tags"
                )
            }
            guard selection.targets.count <= limit else {
                throw Fault(
                    .limitReached,
                    "the targets are more than \(limit), the most of one call: name fewer at once")
            }
        }
        return selection
    }

    private static func host(of target: String) -> Substring {
        target.firstIndex(of: "/").map { target[target.index(after: $0)...] } ?? ""
    }

    /// The names of all targets of several agents, asked at once.
    private func targets(
        of members: [Fleet.Member], _ principal: Principal
    ) async -> [(Fleet.Member, Result<[String], Fault>)] {
        let lists = members.map { member in
            IO.task { () -> Result<[String], Fault> in
                do throws(Fault) {
                    return .success(try await self.targets(of: member, principal))
                } catch { return .failure(error) }
            }
        }
        return zip(members, await IO.values(of: lists)).map { ($0, $1) }
    }

    /// The names of an agent's targets, page by page.
    private func targets(
        of member: Fleet.Member, _ principal: Principal
    ) async throws(Fault) -> [String] {
        var names: [String] = []
        var offset = 0
        while true {
            let page = ListTargets.page(at: offset)
            let answer = try await send(AgentCall(.listTargets, page, for: principal), to: member)
            let entries = ListTargets.entries(of: await answer.result.parsedBesideLoop())
            names += claims(of: member).own(entries).compactMap {
                $0[Shared.target.name]?.stringValue
            }
            offset += entries.count
            guard entries.count == ListTargets.largest, offset < Self.mostTargets else {
                return names
            }
        }
    }

    /// The most targets of one agent that are looked through, so that an agent whose pages never
    /// end does not keep the call going.
    private static var mostTargets: Int { 20_000 }
}
