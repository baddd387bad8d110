// Which agents and targets a token reaches: `*`, `lab-*`, `web/db-?`, `tag:lab/*`, comma-joined.
// Pure.
import Configuration

/// The agents and targets a principal may see and use.
struct AccessPattern: Sendable, Hashable, CustomStringConvertible {
    /// One alternative: agents by name or tag, and targets on them.
    private struct Part: Sendable, Hashable {
        let agent: String
        let isTag: Bool
        let target: String
    }

    /// Everything.
    static let all = AccessPattern(parts: [Part(agent: "*", isTag: false, target: "*")], text: "*")

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
            guard !agent.isEmpty, !target.isEmpty else { return nil }
            parts.append(Part(agent: agent, isTag: isTag, target: target))
        }
        self.init(parts: parts, text: text)
    }

    /// Whether the agent may be seen.
    func allows(agent: String, tags: [String]) -> Bool {
        parts.contains { Self.matches($0, agent: agent, tags: tags) }
    }

    /// Whether the target `target` on the agent may be used.
    func allows(agent: String, tags: [String], target: String) -> Bool {
        reach(agent: agent, tags: tags).contains { Glob.matches($0, target) }
    }

    /// The patterns of the targets on an agent that may be used, for the agent to check.
    func reach(agent: String, tags: [String]) -> [String] {
        let targets = parts.filter { Self.matches($0, agent: agent, tags: tags) }.map(\.target)
        return targets.contains("*") ? ["*"] : targets
    }

    private static func matches(_ part: Part, agent: String, tags: [String]) -> Bool {
        part.isTag
            ? tags.contains { Glob.matches(part.agent, $0) } : Glob.matches(part.agent, agent)
    }
}
