// The paths that file tools may touch, by this site's rules. Pure; part of Policy. A path is judged
// as it is written: a symbolic link at the target is not seen here, so Files follows links at the
// target and checks the result as well.
// Invariant: a rule on a folder covers everything below it, and a denying rule wins.
import Configuration
import Wire

/// What a call does with a path.
enum PathUse: String, Sendable, CaseIterable {
    /// Its content, its name in a list, its metadata.
    case reading
    /// Anything that changes it.
    case writing
}

/// One pattern of a rule: `[TARGET:]PATH`.
struct PathRule: Sendable, Equatable {
    /// As the operator wrote it.
    let text: String
    /// The pattern of targets.
    let target: String
    private let host: HostPattern
    private let path: String
    /// The path in one case of letters.
    private let folded: String

    /// Reads a pattern; nil unless its path begins with `/` or `*`, and its target is a host alone:
    /// a rule on paths holds for every user and port.
    init?(_ text: String) {
        self.text = text
        let colon = Self.endOfTarget(in: text)
        target = colon.map { text[..<$0].lowercased() } ?? "*"
        var path = String(colon.map { text[text.index(after: $0)...] } ?? text[...])
        host = HostPattern(target)
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        self.path = path
        folded = path.folded
        guard path.hasPrefix("/") || path.hasPrefix("*"), !target.isEmpty, host.isHostAlone
        else { return nil }
    }

    /// The colon after the target: the last one before the path's first slash, or, where what
    /// follows that would not be a path, the first one before a slash or a star (`prod/db1:/etc`).
    private static func endOfTarget(in text: String) -> String.Index? {
        let name = text.prefix { $0 != "/" }
        let colon = name.lastIndex(of: ":")
        let path = colon.map { text[text.index(after: $0)...] } ?? text[...]
        if path.hasPrefix("/") || path.hasPrefix("*") { return colon }
        let start =
            text.hasPrefix("[") ? text.firstIndex(of: "]") ?? text.startIndex : text.startIndex
        return [":/", ":*"].compactMap { text[start...].firstRange(of: $0)?.lowerBound }.min()
    }

    /// Whether the rule is about a target of these names.
    func concerns(_ names: [String]) -> Bool {
        names.contains {
            Glob.matches(target, $0.lowercased()) || host.matches(host: $0, user: nil, port: nil)
        }
    }

    /// Whether the rule covers this normalized path, directly or through a parent.
    func covers(_ path: String, on names: [String]) -> Bool {
        concerns(names) && Self.covers(self.path, path)
    }

    /// The same without regard to case: some file systems do not distinguish it, and a rule that
    /// denies must hold there too.
    func coversInAnyCase(_ path: String, on names: [String]) -> Bool {
        concerns(names) && Self.covers(folded, path.folded)
    }

    private static func covers(_ rule: String, _ path: String) -> Bool {
        Glob.matches(rule, path) || Glob.matches(rule == "/" ? "/*" : rule + "/*", path)
    }
}

extension String {
    /// The text in one case: by way of capitals, as `ſ` and `S` may be one letter.
    fileprivate var folded: String { uppercased().lowercased() }
}

/// The rules on paths.
struct PathRules: Sendable, Equatable {
    /// What may be used; empty: everything.
    var allowed: [PathRule] = []
    /// What may not be used.
    var denied: [PathRule] = []
    /// What may be read but not written.
    var readOnly: [PathRule] = []

    /// The patterns of targets in the rules.
    var targets: [String] { (allowed + denied + readOnly).map(\.target) }

    /// Whether a rule may refuse a path on a target of these names.
    func concern(_ names: [String]) -> Bool {
        !allowed.isEmpty || (denied + readOnly).contains { $0.concerns(names) }
    }

    /// The longest path that is accepted, in bytes: PATH_MAX on Linux.
    static let longest = 4096

    /// The normalized path, which is the one to use; throws if a rule refuses it.
    ///
    /// `names` are all names of the target. Without rules every path passes unchanged.
    func admit(_ path: String, on names: [String], for use: PathUse) throws(Fault) -> String {
        guard self != PathRules() else { return path }
        guard let plain = Self.plain(path) else {
            throw Fault(
                .invalidArgument,
                "write \"\(path.prefix(200))\" as an absolute path of at most \(Self.longest)"
                    + " bytes: this site has rules on paths")
        }
        guard Self.hasOneSpelling(plain) else {
            throw Fault(
                .refusedByPolicy,
                "write \"\(path.prefix(200))\" in full, without \\, ~1, : or a final dot or space"
                    + " in a name: this site has rules on paths, and Windows knows one file under"
                    + " several such names")
        }
        guard let rule = refusal(of: plain, on: names, for: use) else { return plain }
        throw .refused("\(use.rawValue) \(plain)", by: rule)
    }

    /// The rule that refuses a normalized path; nil if none does.
    private func refusal(of path: String, on names: [String], for use: PathUse) -> String? {
        if let rule = denied.first(where: { $0.coversInAnyCase(path, on: names) }) {
            return "DenyPath \(rule.text)"
        }
        if !allowed.isEmpty, !allowed.contains(where: { $0.covers(path, on: names) }) {
            return "AllowPath \(allowed.map(\.text).joined(separator: ","))"
        }
        guard use == .writing else { return nil }
        return readOnly.first { $0.coversInAnyCase(path, on: names) }.map {
            "ReadOnlyPath \($0.text)"
        }
    }

    /// An absolute path without `.`, `..` and double slashes; nil if it is not absolute, too long,
    /// or contains a NUL.
    static func plain(_ path: String) -> String? {
        guard path.hasPrefix("/"), path.utf8.count <= longest, !path.utf8.contains(0) else {
            return nil
        }
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }

    /// Whether a normalized path is a drive of Windows, in the form of its OpenSSH: `/C:`.
    static func isDrive(_ path: String) -> Bool {
        let bytes = Array(path.utf8.prefix(4))
        return bytes.count == 3 && bytes[2] == UInt8(ascii: ":")
            && (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(bytes[1] | 32)
    }

    /// Whether a normalized path names its file in the only way; on a drive of Windows a name may
    /// also end in dots or spaces, be shortened (`PROGRA~1`), or name a stream (`name::$DATA`).
    private static func hasOneSpelling(_ path: String) -> Bool {
        let parts = path.dropFirst().split(separator: "/")
        guard let drive = parts.first, isDrive("/\(drive)") else { return true }
        return parts.dropFirst().allSatisfy { part in
            let bytes = Array(part.utf8)
            let isShort = zip(bytes, bytes.dropFirst()).contains { one, next in
                one == UInt8(ascii: "~") && (48...57).contains(next)
            }
            return !isShort && part.last != "." && part.last != " "
                && !part.contains { $0 == "\\" || $0 == ":" }
        }
    }
}
