// What an SSH server says of itself until a login is over: who it is and what was agreed. A value.

/// What is known of the server of a link.
public struct ServerIdentity: Sendable {
    /// Its version line (`SSH-2.0-OpenSSH_9.2p1 …`).
    public internal(set) var version = ""
    /// The key it identified itself with.
    public internal(set) var hostKey: HostKey?
    /// What it had to say before login; it says so only when it is asked for its methods, which the
    /// first key that is accepted makes needless.
    public internal(set) var banner = ""
    /// The agreed cipher.
    public internal(set) var cipher = ""
}
