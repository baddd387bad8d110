// Why SSH failed, one case per cause, so that an operator can act on it. Made where the cause is
// known (dialling, handshake, host key, login, channel); every call of the module throws only this.

/// Why an SSH operation failed.
public enum SSHError: Error, Equatable, Sendable {
    /// The host name does not resolve.
    case nameNotFound(host: String)
    /// The resolver gave no answer.
    case nameLookupFailed(host: String, reason: String)
    /// No address could be reached.
    case unreachable(address: String, reason: String)
    /// The host answers, but nothing listens on the port.
    case connectionRefused(address: String)
    /// No address answered within the limit.
    case connectTimedOut(address: String, limit: Duration)
    /// Connected, but the SSH handshake did not end within the limit.
    case handshakeTimedOut(address: String, limit: Duration)
    /// The handshake broke off.
    case handshakeFailed(address: String, reason: String)
    /// No algorithm in common; what the server offers, per kind, and the lists of the
    /// configuration, if it has any.
    case algorithmsRefused(address: String, offered: String, allowed: String? = nil)
    /// The server chose a group for the key exchange that is too large to compute with.
    case groupTooLarge(address: String, bits: Int)
    /// A later key exchange of a connection took much longer than its first.
    case exchangeTooSlow(time: Duration)
    /// The server identifies itself only by host certificates, which cannot be checked here.
    case hostCertificatesOnly(address: String, offered: [String])
    /// Strict checking, and no key of this host is stored; at most an authority for it (at
    /// `file:line`), which is not supported here.
    case hostKeyUnknown(host: String, key: HostKey, authority: String? = nil)
    /// As `hostKeyUnknown`, where files that may store the key could not be read: which, and why.
    case hostKeyNotFound(host: String, key: HostKey, unread: [String])
    /// The key differs from those stored.
    case hostKeyChanged(host: String, known: [String], offered: HostKey)
    /// The key is marked `@revoked` in known_hosts, or revoked by `file` (`RevokedHostKeys`).
    case hostKeyRevoked(host: String, key: HostKey, file: String? = nil)
    /// The file of `RevokedHostKeys` cannot be used, so that no key can be trusted.
    case revokedKeysUnusable(file: String, reason: String)
    /// The server's RSA key has fewer bits than `RequiredRSASize` asks for.
    case hostKeyTooSmall(host: String, bits: Int, required: Int)
    /// The server takes no connections from this machine for a while (`PerSourcePenalties`).
    case notAllowedNow(address: String)
    /// The server accepted none of what was tried.
    case authenticationFailed(user: String, tried: [LoginAttempt], accepted: [String])
    /// Authentication did not end within the limit.
    case loginTimedOut(user: String, tried: [LoginAttempt], limit: Duration)
    /// A key cannot be used.
    case keyUnreadable(file: String, reason: String)
    /// The server refused another channel (`MaxSessions`) or this kind of channel.
    case channelRefused(reason: String)
    /// The server did not connect to `address`: it allows no forwards, or it could not.
    case streamRefused(address: String, isForbidden: Bool, reason: String)
    /// The server refused the request on an open channel (`pty-req`, `exec`, `shell`).
    case requestRefused(request: String)
    /// The connection was lost before the server confirmed that a program was started.
    case requestUnanswered(request: String, reason: String)
    /// The server did not answer a channel request within the limit.
    case channelTimedOut(limit: Duration)
    /// The server has no SFTP: it refused the subsystem, or has no program for it.
    case sftpMissing(reason: String)
    /// SFTP was started, but does not work.
    case sftpUnusable(reason: String)
    /// The connection is gone.
    case linkLost(reason: String)
    /// The known_hosts file could not be read or written.
    case knownHosts(file: String, reason: String)
    /// The program of KnownHostsCommand did not say which keys the host has.
    case knownHostsCommandFailed(command: String, reason: String)
    /// The local system or library refused.
    case local(reason: String)
}

extension SSHError {
    /// The host and its key, where no readable file stores the key, so that a person may trust it.
    public var unknownKey: (host: String, key: HostKey)? {
        switch self {
        case .hostKeyUnknown(let host, let key, _), .hostKeyNotFound(let host, let key, _):
            (host, key)
        default: nil
        }
    }

    /// Whether a retry may succeed a moment later (a server at its `MaxStartups`, a route or
    /// resolver that comes back); never after an answer that a person must act on.
    public var isTransient: Bool {
        switch self {
        case .nameLookupFailed, .unreachable, .handshakeFailed, .linkLost: true
        case .nameNotFound, .connectionRefused, .connectTimedOut, .handshakeTimedOut,
            .algorithmsRefused, .groupTooLarge, .exchangeTooSlow, .hostCertificatesOnly,
            .hostKeyUnknown, .hostKeyNotFound, .hostKeyChanged, .hostKeyRevoked,
            .revokedKeysUnusable,
            .hostKeyTooSmall, .notAllowedNow,
            .authenticationFailed, .loginTimedOut, .keyUnreadable, .channelRefused,
            .streamRefused, .requestRefused, .requestUnanswered, .channelTimedOut, .sftpMissing,
            .sftpUnusable, .knownHosts,
            .knownHostsCommandFailed, .local:
            false
        }
    }
}

extension SSHError: CustomStringConvertible {
    /// One plain line: what is wrong and what to do next.
    public var description: String { words(for: nil) }

    /// The line with the name of the target in what to do next; nil: its host stands for it.
    public func words(for target: String?) -> String {
        switch self {
        case .nameNotFound(let host):
            "the name \(host) does not resolve: check its spelling and the agent's DNS"
        case .nameLookupFailed(let host, let reason):
            "cannot look up \(host) (\(reason)): check the agent's DNS, then try again"
        case .unreachable(let address, let reason):
            "cannot reach \(address) (\(reason)): check the address and the network at the agent"
        case .connectionRefused(let address):
            "\(address) refused the connection: check the port and that the SSH server runs"
        case .connectTimedOut(let address, let limit):
            "\(address) did not answer within \(limit): check the address and firewalls"
        case .handshakeTimedOut(let address, let limit):
            "\(address) accepted the connection but did not speak SSH within \(limit): check the"
                + " port"
        case .handshakeFailed(let address, let reason):
            "the SSH handshake with \(address) failed: \(reason)"
        case .algorithmsRefused(let address, let offered, let allowed):
            "no SSH algorithm in common with \(address): it offers \(offered)"
                + (allowed.map {
                    "; ssh_config allows, of what this agent's SSH library has, \($0)"
                }
                    ?? "")
        case .groupTooLarge(let address, let bits):
            "\(address) wants to exchange keys with a group of \(bits) bits, and this agent computes"
                + " with at most \(FirstExchange.groupLimit): \(Self.otherExchange)"
        case .exchangeTooSlow(let time):
            "the SSH connection is closed, as its server asked for new keys by a method that kept"
                + " this agent busy for \(Int(time / .milliseconds(1))) ms: \(Self.otherExchange)"
        case .hostCertificatesOnly(let address, let offered):
            "\(address) identifies itself only by host certificates (\(Self.list(offered))), which"
                + " this agent's SSH library cannot check: have its sshd offer its plain key too"
                + " (HostKeyAlgorithms), then run `homeline-agent targets trust` for it"
        case .hostKeyUnknown(let host, let key, let authority?):
            "known_hosts trusts an authority for \(host) (@cert-authority, \(authority)), but this"
                + " agent's SSH library cannot check host certificates; verify the host's own key"
                + " (\(key.name) \(key.fingerprint)), then run"
                + " `homeline-agent targets trust \(Self.target(target, host))`"
        case .hostKeyUnknown(let host, let key, nil):
            "the host key of \(host) is not known (\(key.name) \(key.fingerprint)): verify it, then"
                + " run `homeline-agent targets trust \(Self.target(target, host))`"
        case .hostKeyNotFound(let host, let key, let unread):
            "the host key of \(host) (\(key.name) \(key.fingerprint)) is in none of the known_hosts"
                + " files that can be read; not read: \(unread.joined(separator: "; "))"
        case .hostKeyChanged(let host, let known, let offered):
            "THE HOST KEY OF \(host) HAS CHANGED: stored \(known.joined(separator: ", ")), offered"
                + " \(offered.name) \(offered.fingerprint); if the change is real, a person runs"
                + " `homeline-agent targets forget \(Self.target(target, host))` and trusts the new"
                + " key"
        case .hostKeyRevoked(let host, let key, let file?):
            "the host key of \(host) (\(key.name) \(key.fingerprint)) is revoked by \(file)"
                + " (RevokedHostKeys): the server needs a new key"
        case .revokedKeysUnusable(let file, let reason):
            "no host key is trusted, as the file of RevokedHostKeys, \(file), cannot be used:"
                + " \(reason)"
        case .hostKeyTooSmall(let host, let bits, let required):
            "the host key of \(host) is an RSA key of \(bits) bits, and RequiredRSASize asks for"
                + " \(required): the server needs a longer key, or one of another kind"
        case .notAllowedNow(let address):
            "\(address) takes no connections from this agent's machine for now (it says"
                + " \u{201C}Not allowed at this time\u{201D}: PerSourcePenalties of its sshd, after logins"
                + " that failed or connections without a login); wait a minute, then try once"
        case .hostKeyRevoked(let host, let key, nil):
            "the host key of \(host) (\(key.name) \(key.fingerprint)) is marked @revoked: the server"
                + " needs a new key"
        case .authenticationFailed(let user, let tried, let accepted):
            "login as \(user) failed: "
                + LoginAttempt.summary(
                    tried, or: "no key file, ssh-agent, password or code is configured")
                + "; the server accepts"
                + " \(accepted.isEmpty ? "no method it names" : accepted.joined(separator: ", "))"
        case .loginTimedOut(let user, let tried, let limit):
            "login as \(user) did not end within \(limit): "
                + LoginAttempt.summary(
                    tried, or: "the server has not answered which methods it accepts")
        case .keyUnreadable(let file, let reason):
            "cannot use the key \(file): \(reason)"
        case .channelRefused(let reason):
            "the server refused another channel (\(reason)): close a session or raise MaxSessions"
        case .streamRefused(let address, true, _):
            "its SSH server does not forward connections to \(address): AllowTcpForwarding and"
                + " PermitOpen in its sshd_config, or restrict in authorized_keys, decide that"
        case .streamRefused(let address, false, let reason):
            "it cannot connect to \(address), as its SSH server says (\(reason)): nothing listens"
                + " there, or a firewall or the name is in the way"
        case .requestRefused(let request):
            "the server refused the \(request) request: \(Self.meaning(ofRefused: request))"
        case .requestUnanswered(let request, let reason):
            "the SSH connection was lost before the server confirmed the \(request) request, so"
                + " whether it was started is not known: \(reason)"
        case .channelTimedOut(let limit):
            "the server did not answer a channel request within \(limit)"
        case .sftpMissing(let reason):
            "the server has no SFTP: \(reason)"
        case .sftpUnusable(let reason):
            "SFTP does not work on this host: \(reason)"
        case .linkLost(let reason):
            "the SSH connection is lost: \(reason)"
        case .knownHosts(let file, let reason):
            "known_hosts file \(file): \(reason)"
        case .knownHostsCommandFailed(let command, let reason):
            "no host key is trusted, as the program of KnownHostsCommand, \(command), failed:"
                + " \(reason)"
        case .local(let reason):
            reason
        }
    }
}

extension SSHError {
    /// What the refusal of a channel request says of a server.
    private static func meaning(ofRefused request: String) -> String {
        switch request {
        case "exec": "it runs no commands for this user; a server for files alone (SFTP) runs none"
        case "pty-req", "shell":
            "it gives this user no shell on a terminal; a server for files alone (SFTP) gives none"
        case "tcpip-forward":
            "the port is in use there or not this user's to take, or AllowTcpForwarding and"
                + " PermitListen in its sshd_config forbid it"
        default: "it does not serve this to this user"
        }
    }

    /// What an operator can do about a costly key exchange.
    private static let otherExchange =
        "have its sshd offer curve25519-sha256 (KexAlgorithms), or only groups of 2048 to"
        + " \(FirstExchange.groupLimit) bits (its moduli file)"

    /// A target as the agent's commands take it: known_hosts writes `[host]:port`.
    private static func target(_ name: String?, _ host: String) -> String {
        if let name { return name }
        guard host.hasPrefix("["), let end = host.firstIndex(of: "]") else { return host }
        let name = host[host.index(after: host.startIndex)..<end]
        return name.contains(":") ? host : String(name + host[host.index(after: end)...])
    }

    /// Names that a server chose, shortened.
    private static func list(_ names: [String]) -> String {
        names.prefix(8).map { String($0.prefix(60)) }.joined(separator: ", ")
    }
}

/// One way that was tried to log in, and how it went.
public struct LoginAttempt: Equatable, Sendable, CustomStringConvertible {
    /// The method and what it used: `publickey /home/u/.ssh/id_ed25519`, `password`.
    public let method: String
    /// How it went: `refused`, `needs a passphrase`.
    public let outcome: String

    /// An attempt and its outcome.
    public init(method: String, outcome: String) {
        self.method = method
        self.outcome = outcome
    }

    /// `method: outcome`.
    public var description: String { "\(method): \(outcome)" }

    static func summary(_ attempts: [LoginAttempt], or none: String) -> String {
        attempts.isEmpty ? none : attempts.map(\.description).joined(separator: "; ")
    }
}
