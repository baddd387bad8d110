// `Target` blocks of agent.conf: what this agent's operator sets for hosts, which overrides
// ssh_config. Pure. Invariant: the first block that names a host and sets a value wins, as in
// ssh_config.
import Configuration
import SSH

/// One block of settings for the hosts its patterns match.
struct TargetBlock: Sendable, Equatable {
    /// Names or patterns of hosts.
    var patterns: [String]
    var hostname: String?
    var port: UInt16?
    var user: String?
    var identityFiles: [String] = []
    var certificateFiles: [String] = []
    var jump: String?
    /// Names of secrets: the password, the one-time code, the passphrase of the keys.
    var password: String?
    var code: String?
    var passphrase: String?
    /// Secrets that may be typed on the host.
    var secretInputs: [SecretInput] = []
    var acceptsNew: Bool?
    var allowsLegacy: Bool?
    var compresses: Bool?
    var hasShell: Bool?

    /// The names that are not patterns, for listing.
    var names: [String] {
        patterns.filter { pattern in !pattern.contains { "*?!".contains($0) } }
    }

    /// Whether it applies to this host.
    func matches(_ host: String) -> Bool {
        patterns.contains { Glob.matches($0.lowercased(), host.lowercased()) }
    }
}

extension [TargetBlock] {
    /// The secrets that may be typed on a host: those of all blocks that match it.
    func secretInputs(on host: String) -> [SecretInput] {
        filter { $0.matches(host) }.flatMap { block in
            block.secretInputs
                + (block.password.map { [SecretInput(loginPassword: $0)] } ?? [])
        }
    }

    /// The names of the secrets that may be sent to a host as the password of a login.
    func passwords(on host: String) -> Set<String> {
        Set(filter { $0.matches(host) }.compactMap(\.password))
    }
}

extension SSHTarget {
    /// Applies the blocks that match it.
    mutating func apply(_ blocks: [TargetBlock], home: String) {
        // From the last to the first, so that the first block that sets a value wins.
        for block in blocks.reversed() where block.matches(name) {
            hostname = block.hostname ?? hostname
            port = block.port ?? port
            user = block.user ?? user
            if !block.identityFiles.isEmpty {
                credentials.identityFiles = block.identityFiles.map { Self.inHome($0, home) }
            }
            if !block.certificateFiles.isEmpty {
                credentials.certificateFiles = block.certificateFiles.map { Self.inHome($0, home) }
            }
            if let way = block.jump {
                jump = way == "none" ? nil : way
                proxyCommand = nil
            }
            credentials.password = block.password ?? credentials.password
            credentials.code = block.code ?? credentials.code
            credentials.passphrase = block.passphrase ?? credentials.passphrase
            hostKeys.acceptsNew = block.acceptsNew ?? hostKeys.acceptsNew
            algorithms.allowsLegacy = block.allowsLegacy ?? algorithms.allowsLegacy
            network.compresses = block.compresses ?? network.compresses
            hasShell = block.hasShell ?? hasShell
        }
    }
    private static func inHome(_ path: String, _ home: String) -> String {
        path.hasPrefix("~/") ? home + path.dropFirst() : path
    }
}
