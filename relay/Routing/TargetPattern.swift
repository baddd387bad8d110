// A word that stands for targets: a name, a glob `site*/web*`, or `tag:NAME`. Pure.
// Invariant: a word without `*`, `?` and `tag:` is a name, whatever else is in it.
import Configuration

/// What one word of `targets` stands for.
enum TargetPattern: Equatable {
    /// One target, `agent/host`.
    case name(String)
    /// The hosts that fit, of the agents that fit.
    case those(agents: Agents, hosts: String)

    /// Which agents.
    enum Agents: Equatable {
        case named(String)
        case tagged(String)
    }

    /// Reads a word; nil: it has a glob and does not say which hosts.
    init?(_ word: String) {
        let isTag = word.hasPrefix("tag:")
        guard isTag || word.contains(where: { "*?".contains($0) }) else {
            self = .name(word)
            return
        }
        let body = isTag ? word.dropFirst(4) : word[...]
        let slash = body.firstIndex(of: "/")
        let agents = String(body[..<(slash ?? body.endIndex)])
        let hosts = slash.map { String(body[body.index(after: $0)...]) } ?? (isTag ? "*" : "")
        guard !agents.isEmpty, !hosts.isEmpty else { return nil }
        self = .those(agents: isTag ? .tagged(agents) : .named(agents), hosts: hosts)
    }

    /// Whether an agent may have targets that fit.
    func fits(agent: String, tags: [String]) -> Bool {
        switch self {
        case .name: false
        case .those(.named(let glob), _): Glob.matches(glob, agent)
        case .those(.tagged(let glob), _): tags.contains { Glob.matches(glob, $0) }
        }
    }

    /// Whether a host of an agent that fits does too, whatever the case of its letters.
    func fits(host: some StringProtocol) -> Bool {
        guard case .those(_, let glob) = self else { return false }
        return Glob.matches(glob.lowercased(), host.lowercased())
    }
}
