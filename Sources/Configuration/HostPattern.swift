// `[USER@]HOST[:PORT]` with `*` and `?`, as access rules name hosts. A host is compared in one
// spelling: lower case, no dot at the end, one form for each numeric address. Pure.
// Invariant: a part that the pattern names is compared with that part alone, so that no user name
// or port can make another host fit.

/// A pattern of hosts, and of the users and ports on them.
public struct HostPattern: Sendable, Hashable, CustomStringConvertible {
    /// As it was written.
    public let description: String
    /// The host's part as it was written, without brackets.
    public let name: String
    private let user: String?
    private let host: String
    private let port: String?

    /// Reads a pattern; an IPv6 address with a port is in brackets.
    public init(_ text: String) {
        description = text
        var rest = text[...]
        let at = rest.lastIndex(of: "@")
        user = at.map { String(text[..<$0]) }
        if let at { rest = rest[rest.index(after: at)...] }
        var port: String?
        if rest.hasPrefix("["), let end = rest.lastIndex(of: "]") {
            let after = rest[rest.index(after: end)...]
            if after.hasPrefix(":") { port = String(after.dropFirst()) }
            rest = rest[rest.index(after: rest.startIndex)..<end]
        } else if let colon = rest.firstIndex(of: ":"), colon == rest.lastIndex(of: ":") {
            port = String(rest[rest.index(after: colon)...])
            rest = rest[..<colon]
        }
        self.port = port
        name = String(rest)
        host = HostName.canonical(name)
    }

    /// Whether it names neither a user nor a port.
    public var isHostAlone: Bool { user == nil && port == nil }

    /// Whether a text is a pattern that can cover what it looks like: an IPv6 address with `*`
    /// cannot, as its groups have many spellings.
    public static func isReadable(_ text: String) -> Bool {
        let pattern = HostPattern(text)
        return !pattern.host.contains(":") || !pattern.host.contains { "*?".contains($0) }
    }

    /// Whether it covers a host; a user or port of nil is not known yet, and not compared.
    public func matches(host: String, user: String?, port: UInt16?) -> Bool {
        guard Glob.matches(self.host, HostName.canonical(host)) else { return false }
        if let own = self.user, let user, !Glob.matches(own, user) { return false }
        if let own = self.port, let port, !Glob.matches(own, String(port)) { return false }
        return true
    }

    /// Patterns that together cover what both cover, or less (`Glob.intersection`).
    ///
    /// There are at most `limit`.
    public func intersection(_ other: HostPattern, limit: Int = 64) -> [HostPattern] {
        let users = Self.common(user, other.user, limit)
        let ports = Self.common(port, other.port, limit)
        var patterns: [HostPattern] = []
        for host in Glob.intersection(host, other.host, limit: limit) {
            for user in users {
                for port in ports {
                    guard patterns.count < limit else { return patterns }
                    let place = host.contains(":") ? "[\(host)]" : host
                    let text = (user.map { "\($0)@" } ?? "") + place + (port.map { ":\($0)" } ?? "")
                    if Self.isReadable(text) { patterns.append(HostPattern(text)) }
                }
            }
        }
        return patterns
    }

    private static func common(_ one: String?, _ other: String?, _ limit: Int) -> [String?] {
        guard let one, let other else { return [one ?? other] }
        return Glob.intersection(one, other, limit: limit)
    }
}

/// The one spelling in which host names are compared.
public enum HostName {
    /// Lower case, without dots at the end; a numeric address in its usual form.
    ///
    /// The resolver (inet_aton(3)) also reads `0x7f.1`, `2130706433` and `0` as IPv4 addresses, and
    /// `::ffff:127.0.0.1` reaches the same host as `127.0.0.1`.
    public static func canonical(_ name: String) -> String {
        var name = name.lowercased()
        while name.count > 1, name.hasSuffix(".") { name.removeLast() }
        if let four = ipv4(name) { return dotted(four) }
        guard let groups = ipv6(name) else { return name }
        if groups[..<5].allSatisfy({ $0 == 0 }), groups[5] == 0xffff {
            return dotted(UInt32(groups[6]) << 16 | UInt32(groups[7]))
        }
        return groups.map { String($0, radix: 16) }.joined(separator: ":")
    }

    private static func dotted(_ address: UInt32) -> String {
        [24, 16, 8, 0].map { String(address >> $0 & 255) }.joined(separator: ".")
    }

    /// One to four numbers, decimal, octal or hexadecimal; the last one fills the rest.
    private static func ipv4(_ text: String) -> UInt32? {
        let words = text.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...4).contains(words.count) else { return nil }
        var address: UInt64 = 0
        for (index, word) in words.enumerated() {
            let isHex = word.hasPrefix("0x")
            let isOctal = !isHex && word.count > 1 && word.hasPrefix("0")
            let digits = isHex ? word.dropFirst(2) : word
            guard !digits.isEmpty, digits.utf8.allSatisfy({ $0 != 43 && $0 != 45 }),
                let value = UInt64(digits, radix: isHex ? 16 : isOctal ? 8 : 10)
            else { return nil }
            let isLast = index == words.count - 1
            let bits = isLast ? 8 * (4 - index) : 8
            guard value < 1 << UInt64(bits) else { return nil }
            address = address << UInt64(bits) | value
        }
        return UInt32(truncatingIfNeeded: address)
    }

    /// Eight groups; a zone (`%eth0`) is not part of the address.
    private static func ipv6(_ text: String) -> [UInt16]? {
        var text = text.prefix { $0 != "%" }
        guard text.contains(":") else { return nil }
        // An IPv4 address at the end stands for two groups.
        if let colon = text.lastIndex(of: ":"), text[colon...].contains("."),
            let four = ipv4(String(text[text.index(after: colon)...]))
        {
            let pair = "\(String(four >> 16, radix: 16)):\(String(four & 0xffff, radix: 16))"
            text = text[...colon] + pair
        }
        let halves = text.components(around: "::")
        guard halves.count <= 2 else { return nil }
        var groups: [[UInt16]] = []
        for half in halves {
            let words =
                half.isEmpty ? [] : half.split(separator: ":", omittingEmptySubsequences: false)
            let numbers = words.compactMap { $0.count <= 4 ? UInt16($0, radix: 16) : nil }
            guard numbers.count == words.count else { return nil }
            groups.append(numbers)
        }
        guard groups.count == 2 else { return groups[0].count == 8 ? groups[0] : nil }
        let missing = 8 - groups[0].count - groups[1].count
        guard missing >= 1 else { return nil }
        return groups[0] + Array(repeating: 0, count: missing) + groups[1]
    }
}

extension Substring {
    /// The parts around each occurrence of `separator`.
    fileprivate func components(around separator: String) -> [Substring] {
        var parts: [Substring] = []
        var rest = self
        while let range = rest.firstRange(of: separator) {
            parts.append(rest[..<range.lowerBound])
            rest = rest[range.upperBound...]
        }
        return parts + [rest]
    }
}
