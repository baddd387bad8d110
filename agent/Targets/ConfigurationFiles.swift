// The files of the SSH configuration, read again when the last reading is too old. Between Targets,
// which asks for what they name, and ConfigurationScanner, which reads one text.
// Invariant: files are read in the pool, never on the loop.
import Crypto
import Glibc
import Loop

/// What the files of the SSH configuration name.
@IO final class ConfigurationFiles {
    /// The state of the files when they were read.
    struct Scan: Sendable {
        let names: [String]
        let keys: [String]
        let paths: [String]
        /// The lists of known_hosts files that they write.
        let fileLists: [[String]]
        /// The values of `HostName`.
        let hostNames: Set<String>
        let fingerprint: Int
        let isDynamic: Bool
        fileprivate let since = IO.now
    }

    /// How long a scan stays valid.
    private let freshness: Duration
    private var last: Scan?

    init(freshness: Duration) { self.freshness = freshness }

    /// What `given` names with all that it includes; without it, what the user's own and the
    /// system's configuration name.
    func scan(home: String, given: String?) async -> Scan {
        if let last, IO.now - last.since < freshness { return last }
        let scan = await Blocking.run { () -> Scan in
            var scanner = ConfigurationScanner(home: home, read: Self.text, glob: Self.files)
            if let given {
                scanner.scan(given, folder: "\(home)/.ssh")
            } else {
                scanner.scan("\(home)/.ssh/config", folder: "\(home)/.ssh")
                scanner.scan("/etc/ssh/ssh_config", folder: "/etc/ssh")
            }
            return Scan(
                names: scanner.names, keys: scanner.keys, paths: scanner.paths,
                fileLists: scanner.fileLists, hostNames: scanner.hostNames,
                fingerprint: scanner.fingerprint, isDynamic: scanner.isDynamic)
        }
        last = scan
        return scan
    }

    private nonisolated static func text(_ file: String) -> String? {
        (try? SecureFile.read(file)).map { String(decoding: $0, as: UTF8.self) }
    }

    private nonisolated static func files(_ pattern: String) -> [String] {
        guard pattern.contains(where: { "*?[".contains($0) }) else { return [pattern] }
        var found = unsafe glob_t()
        defer { unsafe globfree(&found) }
        guard unsafe glob(pattern, 0, nil, &found) == 0 else { return [] }
        return unsafe (0..<min(Int(found.gl_pathc), 200)).compactMap { index in
            unsafe found.gl_pathv[index].map { unsafe String(cString: $0) }
        }
    }
}
