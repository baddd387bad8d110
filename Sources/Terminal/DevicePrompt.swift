// The prompt of a device that is no Unix shell (a switch, a router): learned once, then known again
// with another mode in it, as in `router1#`, `router1(config-if)#`. Also what such a device asks at
// the end of a page. Invariant: only the unfinished last line can be a prompt.

/// A learned prompt.
public struct DevicePrompt: Sendable, Equatable {
    /// What the prompt begins with, whatever the mode: the device's name.
    public let base: String

    private static let ends: Set<Character> = ["#", ">", "$", "%", "]"]
    /// Prompts are longer nowhere; output may be.
    private static let limit = 200

    /// Learns from the line a device shows when it waits; nil: it is no prompt.
    public init?(learning line: String) {
        let line = Self.trimmed(line)
        guard let last = line.last, Self.ends.contains(last), line.count <= Self.limit else {
            return nil
        }
        let name = line.dropLast().prefix { $0 != "(" && !Self.ends.contains($0) }
        guard name.contains(where: { $0.isLetter || $0.isNumber }) else { return nil }
        base = String(name)
    }

    /// Whether an unfinished line is this prompt, in any mode.
    public func matches(_ line: String) -> Bool {
        let line = Self.trimmed(line)
        guard line.count <= Self.limit, let last = line.last, Self.ends.contains(last),
            line.hasPrefix(base)
        else { return false }
        let mode = line.dropFirst(base.count).dropLast()
        if mode.isEmpty { return true }
        return mode.first == "(" && mode.last == ")" && !mode.contains(" ")
    }

    /// Whether an unfinished line asks for a key before the next page.
    public static func asksForPage(_ line: String) -> Bool {
        let line = trimmed(line).lowercased()
        let text = String(line.suffix(60))
        guard text.contains("more") else { return false }
        return ["--more--", "-- more --", "<--- more --->", "--- more ---", "---(more)---"]
            .contains { text.hasSuffix($0) }
            || text.contains("---(more ") && text.hasSuffix(")---")
    }

    private static func trimmed(_ line: String) -> String {
        var line = Substring(line)
        while line.last?.isWhitespace == true { line.removeLast() }
        while line.first?.isWhitespace == true { line.removeFirst() }
        return String(line)
    }
}
