// Which agents and targets a token reaches: `*`, `lab-*`, `web/db-?`, `web/deploy@db-?:22`,
// `tag:lab/*`, comma-joined. Pure. Invariant: the agent's name and the parts of the target are each
// compared with their own part of the pattern.
import Configuration
import Wire

/// The agents and targets a principal may see and use.
struct AccessPattern: Sendable, Hashable, CustomStringConvertible {
    /// One alternative: agents by name or tag, and targets on them.
    private struct Part: Sendable, Hashable {
        let agent: String
        let isTag: Bool
        let target: HostPattern
    }

    /// Everything.
    static let all = AccessPattern(
        [[Part(agent: "*", isTag: false, target: anyHost)]], text: "*")

    private static let anyHost = HostPattern("*")

    /// Lists of alternatives: each list must allow what is to be allowed.
    private let lists: [[Part]]
    let description: String

    private init(_ lists: [[Part]], text: String) {
        self.lists = lists
        description = text
    }

    /// Reads a pattern; nil if the text is not one.
    init?(_ text: String) {
        guard !text.isEmpty, text.utf8.count <= 4096,
            text.utf8.allSatisfy({ $0 > 32 && $0 != 127 })
        else { return nil }
        var parts: [Part] = []
        for word in text.split(separator: ",", omittingEmptySubsequences: false) {
            let isTag = word.hasPrefix("tag:")
            let body = isTag ? word.dropFirst(4) : word
            let slash = body.firstIndex(of: "/")
            let agent = String(body[..<(slash ?? body.endIndex)])
            let target = slash.map { String(body[body.index(after: $0)...]) } ?? "*"
            guard !agent.isEmpty, !target.isEmpty, HostPattern.isReadable(target) else {
                return nil
            }
            parts.append(Part(agent: agent, isTag: isTag, target: HostPattern(target)))
        }
        self.init([parts], text: text)
    }

    /// What both patterns reach: the rights of a program within those of its person.
    func within(_ other: AccessPattern) -> AccessPattern {
        if other == .all || other == self { return self }
        if self == .all { return other }
        return AccessPattern(
            lists + other.lists, text: "\(description) within \(other.description)")
    }

    /// Whether the agent may be seen.
    func allows(agent: String, tags: [String]) -> Bool {
        lists.allSatisfy { parts in
            parts.contains { Self.matches($0, agent: agent, tags: tags) }
        }
    }

    /// Whether the target on the agent, and each jump host that the caller chose, may be used.
    ///
    /// A user or port that the caller leaves to the agent's configuration is judged by the agent.
    func allows(agent: String, tags: [String], target: TargetName) -> Bool {
        lists.allSatisfy { parts in
            let hosts = Self.hosts(parts, agent: agent, tags: tags)
            return (target.via + [target]).allSatisfy { place in
                hosts.contains {
                    $0.matches(host: place.host, user: place.user, port: place.port)
                }
            }
        }
    }

    /// The patterns of the targets on an agent that may be used, for the agent to check.
    func reach(agent: String, tags: [String]) -> [String] {
        var reach: [HostPattern] = [Self.anyHost]
        for parts in lists {
            let hosts = Self.hosts(parts, agent: agent, tags: tags)
            reach =
                if reach == [Self.anyHost] {
                    hosts
                } else if hosts == [Self.anyHost] {
                    reach
                } else {
                    Self.common(reach, hosts)
                }
        }
        return reach.map(\.description)
    }

    /// The most patterns that two lists have in common: the agent reads them with each call.
    private static let mostHosts = 256
    /// The most that two patterns have in common: two with a star each have two, and the search for
    /// more takes 64 steps for each of them.
    private static let mostOfPair = 8

    private static func common(_ some: [HostPattern], _ others: [HostPattern]) -> [HostPattern] {
        var common: [HostPattern] = []
        for one in some {
            for other in others {
                common += one.intersection(other, limit: min(mostOfPair, mostHosts - common.count))
                guard common.count < mostHosts else { return common }
            }
        }
        return common
    }

    /// Whether it covers the agent by its name; `*` covers all agents and names none.
    func names(agent: String) -> Bool {
        let names = lists.contains { parts in
            parts.contains { !$0.isTag && $0.agent != "*" && Glob.matches($0.agent, agent) }
        }
        return names && allows(agent: agent, tags: [])
    }

    private static func hosts(_ parts: [Part], agent: String, tags: [String]) -> [HostPattern] {
        let hosts = parts.filter { matches($0, agent: agent, tags: tags) }.map(\.target)
        return hosts.contains(anyHost) ? [anyHost] : hosts
    }

    private static func matches(_ part: Part, agent: String, tags: [String]) -> Bool {
        part.isTag
            ? tags.contains { Glob.matches(part.agent, $0) } : Glob.matches(part.agent, agent)
    }
}
