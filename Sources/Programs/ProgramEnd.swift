// How a program ended, independent of what ran it: a child, a program on a terminal, an SSH
// channel. A value that Loop and SSH report and that sessions and commands pass on.
// Invariant: a code or a signal is what was reported; an unreported end is `lost`, except on an SSH
// channel, where libssh2 gives code 0 for it.

/// How a program ended.
public enum ProgramEnd: Equatable, Sendable {
    /// The program exited with a code.
    case exited(Int32)
    /// A signal ended the program, by its name without `SIG`: `TERM`.
    case signalled(String)
    /// The end of the program is not known, for this reason.
    case lost(String)
}
