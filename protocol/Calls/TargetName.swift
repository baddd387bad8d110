// A target as callers write it: `agent/host`, where host is `local`, an ssh_config alias (which may
// have slashes of its own), `=local` for an alias of that name, or `user@host:port`. The relay and
// the agent take it apart with the same code, and judge what comes of it, never how it was spelt.
// Pure. Invariants: a name that passed is safe on ssh's command line and within a path; the agent's
// own machine and the alias `local` have different names, so that no right or rule on one holds for
// the other.

/// The host part of a target, taken apart.
public struct TargetName: Hashable, Sendable, CustomStringConvertible {
    /// The alias or host.
    public let host: String
    /// The user; nil if it is not known yet.
    public let user: String?
    /// The port; nil if it is not known yet.
    public let port: UInt16?
    /// Jump hosts in place of the configured ones, the nearest first.
    public private(set) var via: [TargetName] = []

    /// The agent's own machine.
    public static let local = TargetName(host: localHost, user: nil, port: nil)
    private static let localHost = "local"

    /// Whether it is the agent's own machine.
    public var isLocal: Bool { host == Self.localHost }

    /// A name from its parts.
    public init(host: String, user: String?, port: UInt16?, via: [TargetName] = []) {
        (self.host, self.user, self.port, self.via) = (host, user, port, via)
    }

    /// As callers write it.
    public var description: String {
        let place = host.contains(":") && port != nil ? "[\(host)]" : host
        return (user.map { $0 + "@" } ?? "") + place + (port.map { ":\($0)" } ?? "")
    }

    /// The name of an alias, as ssh_config or a ProxyJump has it, among the hosts.
    public static func ofAlias(_ name: String) -> String {
        isLocal(name[...]) ? "\(aliasMark)\(name)" : name
    }

    /// The name that ssh knows a host by.
    public static func sshName(_ host: String) -> String {
        host.first == aliasMark ? String(host.dropFirst()) : host
    }

    /// In front of the name of an alias that would otherwise be the agent's own machine; no name in
    /// ssh_config begins with it.
    private static let aliasMark: Character = "="

    /// Reads `agent/host`, or a host alone if there is no slash; throws `invalid_argument`.
    public init(_ target: String) throws(Fault) {
        let slash = target.firstIndex(of: "/")
        try self.init(target[(slash.map(target.index(after:)) ?? target.startIndex)...], of: target)
    }

    /// Reads a host as it is written after `agent/`; throws `invalid_argument`.
    public init(place: String) throws(Fault) { try self.init(place[...], of: place) }

    private init(_ place: Substring, of target: String) throws(Fault) {
        var rest = place
        var user: String?
        if let at = rest.lastIndex(of: "@") {
            user = String(rest[..<at])
            rest = rest[rest.index(after: at)...]
        }
        var port: UInt16?
        if rest.hasPrefix("["), let end = rest.firstIndex(of: "]") {
            let after = rest[rest.index(after: end)...]
            if after.hasPrefix(":") {
                port = UInt16(after.dropFirst())
                guard port != nil, port != 0 else { throw Self.wrong(target) }
            } else if !after.isEmpty {
                throw Self.wrong(target)
            }
            rest = rest[rest.index(after: rest.startIndex)..<end]
            // Written without its brackets, anything else would be read as another host and port.
            let isIPv6 =
                rest.utf8.allSatisfy({ $0 != 64 })
                && rest.firstIndex(of: ":") != rest.lastIndex(of: ":")
            // `ssh -G` puts the brackets around every jump host of digits and dots.
            let isIPv4 = rest.utf8.allSatisfy { (48...57).contains($0) || $0 == 46 }
            guard isIPv6 || isIPv4 else { throw Self.wrong(target) }
        } else if let colon = rest.firstIndex(of: ":"), colon == rest.lastIndex(of: ":") {
            port = UInt16(rest[rest.index(after: colon)...])
            guard port != nil, port != 0 else { throw Self.wrong(target) }
            rest = rest[..<colon]
        }
        guard Self.isHost(rest), user.map({ Self.isPlain($0[...]) }) ?? true else {
            throw Self.wrong(target)
        }
        host = Self.isLocal(rest) ? Self.localHost : String(rest)
        self.user = user
        self.port = port
        guard !isLocal || user == nil && port == nil else {
            throw Fault(
                .invalidArgument,
                "agent/local is the agent's own machine, used as the agent's own user: it takes"
                    + " no user and no port")
        }
    }

    /// The same host, with the user, the port and the jump hosts of `access`; throws
    /// `invalid_argument`.
    public func with(_ access: TargetAccess) throws(Fault) -> TargetName {
        var name = self
        if access.username != nil || access.port != nil {
            var text = host.contains(":") ? "[\(host)]" : host
            if let user = access.username ?? user { text = "\(user)@\(text)" }
            if let port = access.port ?? port { text += ":\(port)" }
            name = try TargetName(place: text)
        }
        for hop in access.via {
            let hop = try TargetName(place: hop)
            guard !hop.isLocal else { throw Self.wrong("local") }
            name.via.append(hop)
        }
        return name
    }

    /// Whether a host is the agent's own machine: hosts are compared without case and final dots,
    /// so that a right to use `local` never leads to a host of that name in DNS.
    private static func isLocal(_ host: Substring) -> Bool {
        var host = host
        while host.hasSuffix(".") { host.removeLast() }
        return host.lowercased() == localHost
    }

    /// Whether it is a name of a host: parts between slashes.
    ///
    /// A path in ssh_config that has the name stays below its folder. There is no colon beside a
    /// slash, as ssh would read an address (`ssh://host`).
    private static func isHost(_ text: Substring) -> Bool {
        var text = text
        if text.first == aliasMark {
            text.removeFirst()
            guard isLocal(text) else { return false }
        }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard text.utf8.count <= 255, parts.count == 1 || !text.contains(":") else { return false }
        return parts.allSatisfy { $0 != "." && $0 != ".." && isPlain($0) }
    }

    /// No option, no shell syntax, nothing that ssh would expand.
    private static func isPlain(_ text: Substring) -> Bool {
        guard (1...255).contains(text.utf8.count), !text.hasPrefix("-") else { return false }
        return text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), 0x80...:
                true
            default: "._-:@+\\".utf8.contains(byte)
            }
        }
    }

    private static func wrong(_ target: String) -> Fault {
        Fault(
            .invalidArgument,
            "\"\(target.prefix(100))\" is not a target: write agent/host, agent/user@host:port or"
                + " agent/local; target_list shows the configured hosts")
    }
}
