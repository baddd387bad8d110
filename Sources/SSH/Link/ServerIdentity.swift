// What an SSH server reveals up to the end of a login: who it is and what was negotiated. A value.

/// The known facts about the server of a link.
public struct ServerIdentity: Sendable {
    /// Its version line (`SSH-2.0-OpenSSH_9.2p1 …`).
    public internal(set) var version = ""
    /// The key it identified itself with.
    public internal(set) var hostKey: HostKey?
    /// Its banner before login.
    ///
    /// It is sent only when the methods are asked for, which is not needed if the first key is
    /// accepted.
    public internal(set) var banner = ""
    /// The agreed cipher.
    public internal(set) var cipher = ""
    /// What an operator should know of how the host key was checked.
    public internal(set) var notes: [String] = []
}
