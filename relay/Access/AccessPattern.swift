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
        parts: [Part(agent: "*", isTag: false, target: anyHost)], text: "*")

    private static let anyHost = HostPattern("*")

    private let parts: [Part]
    let description: String

    private init(parts: [Part], text: String) {
        self.parts = parts
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
        self.init(parts: parts, text: text)
    }

    /// Whether the agent may be seen.
    func allows(agent: String, tags: [String]) -> Bool {
        parts.contains { Self.matches($0, agent: agent, tags: tags) }
    }

    /// Whether the target on the agent, and each jump host that the caller chose, may be used.
    ///
    /// A user or port that the caller leaves to the agent's configuration is judged by the agent.
    func allows(agent: String, tags: [String], target: TargetName) -> Bool {
        let hosts = hosts(agent: agent, tags: tags)
        return (target.via + [target]).allSatisfy { place in
            hosts.contains {
                $0.matches(host: place.host, user: place.user, port: place.port)
            }
        }
    }

    /// The patterns of the targets on an agent that may be used, for the agent to check.
    func reach(agent: String, tags: [String]) -> [String] {
        hosts(agent: agent, tags: tags).map(\.description)
    }

    /// Whether it covers the agent by its name; `*` covers all agents and names none.
    func names(agent: String) -> Bool {
        parts.contains { !$0.isTag && $0.agent != "*" && Glob.matches($0.agent, agent) }
    }

    private func hosts(agent: String, tags: [String]) -> [HostPattern] {
        let hosts = parts.filter { Self.matches($0, agent: agent, tags: tags) }.map(\.target)
        return hosts.contains(Self.anyHost) ? [Self.anyHost] : hosts
    }

    private static func matches(_ part: Part, agent: String, tags: [String]) -> Bool {
        part.isTag
            ? tags.contains { Glob.matches(part.agent, $0) } : Glob.matches(part.agent, agent)
    }
}
