// known_hosts as OpenSSH reads it (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT). Pure: text in, verdicts
// out. libssh2's own reader accepts revoked keys and stops at the first bad line.
// Invariant: only an equal key on a matching, unmarked line is a match.
internal import Crypto

/// The stored host keys.
public struct KnownHosts: Sendable {
    /// What the files say about a key that a server offers.
    public enum Verdict: Equatable, Sendable {
        /// This key is stored for this host.
        case match
        /// No key is stored for this host.
        case unknown
        /// Other keys are stored for this host: which, and where.
        case changed(known: [String])
        /// The key is marked `@revoked`.
        case revoked
    }

    /// A line that was not used, and why.
    public struct Warning: Equatable, Sendable {
        /// The file.
        public let file: String
        /// The line, from 1.
        public let line: Int
        /// Why it was skipped.
        public let reason: String
    }

    struct Entry: Sendable {
        enum Marker: Sendable { case none, revoked, authority }
        let marker: Marker
        let hosts: HostPattern
        let key: HostKey
        let file: String
        let line: Int
    }

    private(set) var entries: [Entry] = []
    /// The lines that were skipped.
    public private(set) var warnings: [Warning] = []
    /// The files that could not be read, and why.
    public internal(set) var unread: [String] = []

    /// No keys.
    public init() {}

    /// Adds the lines of one file.
    public mutating func add(_ text: String, file: String) {
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false)
            .enumerated()
        {
            let fields = line.split(whereSeparator: {
                $0 == " " || $0 == "\t" || $0 == "\r\n" || $0 == "\r"
            })
            guard let first = fields.first, !first.hasPrefix("#") else { continue }
            do throws(Skipped) {
                let entry = try Self.entry(fields, file: file, line: index + 1)
                entries.append(entry)
                if entry.marker == .authority {
                    skip("@cert-authority is not used: store the host's own key", file, index + 1)
                }
            } catch {
                skip(error.reason, file, index + 1)
            }
        }
    }

    /// What the files say about `key` for a host.
    public func verdict(_ key: HostKey, host: String, port: UInt16, alias: String? = nil) -> Verdict
    {
        let name = Self.name(host: host, port: port, alias: alias)
        let plain = Self.name(host: host, port: 22, alias: alias)
        let known = entries.filter { $0.hosts.matches(name) }
        let also = name == plain ? [] : entries.filter { $0.hosts.matches(plain) }
        if (known + also).contains(where: { $0.marker == .revoked && $0.key == key }) {
            return .revoked
        }
        let valid = known.filter { $0.marker == .none }
        if valid.contains(where: { $0.key == key }) { return .match }
        guard valid.isEmpty else {
            return .changed(
                known: valid.map { "\($0.key.name) \($0.key.fingerprint) (\($0.file):\($0.line))" })
        }
        // Like OpenSSH: on another port, the host's plain entry counts if its key is equal.
        return also.contains { $0.marker == .none && $0.key == key } ? .match : .unknown
    }

    /// Where an authority for a host is stored; it is not trusted here.
    public func authority(host: String, port: UInt16, alias: String? = nil) -> String? {
        let names = [port, 22].map { Self.name(host: host, port: $0, alias: alias) }
        let entry = entries.first { entry in
            entry.marker == .authority && names.contains(where: entry.hosts.matches)
        }
        return entry.map { "\($0.file):\($0.line)" }
    }

    /// The types of the keys stored for a host, in file order.
    ///
    /// Off port 22, the host's plain entries count only where there are none for the port: a key
    /// of their type would be taken for a changed one.
    public func keyTypes(host: String, port: UInt16, alias: String? = nil) -> [String] {
        for port in [port, 22] {
            let name = Self.name(host: host, port: port, alias: alias)
            var types: [String] = []
            for entry in entries where entry.marker == .none && entry.hosts.matches(name) {
                if !types.contains(entry.key.type) { types.append(entry.key.type) }
            }
            if !types.isEmpty { return types }
        }
        return []
    }

    /// The name under which a host is stored: `host`, or `[host]:port` off port 22; an alias as it
    /// is.
    static func name(host: String, port: UInt16, alias: String?) -> String {
        if let alias { return alias.lowercased() }
        return port == 22 ? host.lowercased() : "[\(host.lowercased())]:\(port)"
    }

    /// A line that stores `key` under the hashed name of a host.
    static func line(_ key: HostKey, host: String, port: UInt16, alias: String?) -> String {
        let salt = Random.bytes(20)
        let name = Self.name(host: host, port: port, alias: alias)
        let hash = HMAC.sha1(key: salt, Array(name.utf8))
        return "|1|\(Base64.encode(salt))|\(Base64.encode(hash)) \(key.type)"
            + " \(Base64.encode(key.blob))\n"
    }

    private mutating func skip(_ reason: String, _ file: String, _ line: Int) {
        // A file of garbage must not fill memory with warnings.
        if warnings.count < 100 { warnings.append(Warning(file: file, line: line, reason: reason)) }
    }

    private struct Skipped: Error {
        let reason: String
    }

    private static func entry(
        _ fields: [Substring], file: String, line: Int
    ) throws(Skipped) -> Entry {
        var rest = fields[...]
        var marker = Entry.Marker.none
        if let first = rest.first, first.hasPrefix("@") {
            switch first {
            case "@revoked": marker = .revoked
            case "@cert-authority": marker = .authority
            default: throw Skipped(reason: "unknown marker \(first.prefix(40))")
            }
            rest = rest.dropFirst()
        }
        guard rest.count >= 3 else { throw Skipped(reason: "not host, key type and key") }
        let (hosts, type, text) = (rest.removeFirst(), rest.removeFirst(), rest.removeFirst())
        guard let blob = Base64.decode(String(text)), let key = HostKey(blob: blob),
            key.type == type
        else { throw Skipped(reason: "the key is not base64 of the type it names") }
        guard let pattern = HostPattern(hosts) else {
            throw Skipped(reason: "the hashed host name is damaged")
        }
        return Entry(marker: marker, hosts: pattern, key: key, file: file, line: line)
    }
}

/// The hosts a line is about: one hashed name, or patterns with `*`, `?` and `!`.
enum HostPattern: Sendable {
    case hashed(salt: [UInt8], hash: [UInt8])
    case patterns([String])

    init?(_ text: Substring) {
        guard text.hasPrefix("|") else {
            self = .patterns(text.split(separator: ",").map { $0.lowercased() })
            return
        }
        let parts = text.split(separator: "|", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[1] == "1", let salt = Base64.decode(String(parts[2])),
            let hash = Base64.decode(String(parts[3])), hash.count == 20
        else { return nil }
        self = .hashed(salt: salt, hash: hash)
    }

    /// Whether the pattern covers a lower-case name.
    func matches(_ name: String) -> Bool {
        switch self {
        case .hashed(let salt, let hash):
            return HMAC.sha1(key: salt, Array(name.utf8)) == hash
        case .patterns(let patterns):
            var found = false
            for pattern in patterns {
                if pattern.hasPrefix("!") {
                    if Self.glob(Array(pattern.utf8.dropFirst()), Array(name.utf8)) { return false }
                } else if !found {
                    found = Self.glob(Array(pattern.utf8), Array(name.utf8))
                }
            }
            return found
        }
    }

    /// `*` for any run of bytes, `?` for one; linear in practice, never exponential.
    private static func glob(_ pattern: [UInt8], _ name: [UInt8]) -> Bool {
        var (at, position) = (0, 0)
        var star: (pattern: Int, name: Int)?
        while position < name.count {
            if at < pattern.count, pattern[at] == UInt8(ascii: "*") {
                star = (at, position)
                at += 1
            } else if at < pattern.count,
                pattern[at] == name[position] || pattern[at] == UInt8(ascii: "?")
            {
                at += 1
                position += 1
            } else if let last = star {
                star = (last.pattern, last.name + 1)
                at = last.pattern + 1
                position = last.name + 1
            } else {
                return false
            }
        }
        return pattern[at...].allSatisfy { $0 == UInt8(ascii: "*") }
    }
}
