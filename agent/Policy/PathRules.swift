// The paths that file tools may touch, by this site's rules. Pure; part of Policy. A path is judged
// as it is written: a symbolic link at the target is not seen here, so a caller that can resolve
// the path at the target (SFTP REALPATH) checks the result as well.
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
    private let path: String

    /// Reads a pattern; nil unless its path begins with `/` or `*`.
    init?(_ text: String) {
        self.text = text
        let name = text.prefix { $0 != "/" }
        let colon = name.lastIndex(of: ":")
        target = colon.map { text[..<$0].lowercased() } ?? "*"
        var path = String(colon.map { text[text.index(after: $0)...] } ?? text[...])
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        self.path = path
        guard path.hasPrefix("/") || path.hasPrefix("*"), !target.isEmpty else { return nil }
    }

    /// Whether the rule covers this normalized path, directly or through a parent.
    func covers(_ path: String, on names: [String]) -> Bool {
        guard names.contains(where: { Glob.matches(target, $0.lowercased()) }) else { return false }
        let below = self.path == "/" ? "/*" : self.path + "/*"
        return Glob.matches(self.path, path) || Glob.matches(below, path)
    }
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
        guard let rule = refusal(of: plain, on: names, for: use) else { return plain }
        throw .refused("\(use.rawValue) \(plain)", by: rule)
    }

    /// The rule that refuses a normalized path; nil if none does.
    private func refusal(of path: String, on names: [String], for use: PathUse) -> String? {
        if let rule = denied.first(where: { $0.covers(path, on: names) }) {
            return "DenyPath \(rule.text)"
        }
        if !allowed.isEmpty, !allowed.contains(where: { $0.covers(path, on: names) }) {
            return "AllowPath \(allowed.map(\.text).joined(separator: ","))"
        }
        guard use == .writing else { return nil }
        return readOnly.first { $0.covers(path, on: names) }.map { "ReadOnlyPath \($0.text)" }
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
}
