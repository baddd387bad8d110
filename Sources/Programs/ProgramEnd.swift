// How a program ended, independent of what ran it: a child, a program on a terminal, an SSH
// channel. A value that Loop and SSH report and that sessions and commands pass on.
// Invariant: a code or a signal is what was reported, never what was assumed.

/// How a program ended.
public enum ProgramEnd: Equatable, Sendable {
    /// The program exited with a code.
    case exited(Int32)
    /// A signal ended the program, by its name without `SIG`: `TERM`.
    case signalled(String)
    /// The host ended the program's channel and reported neither code nor signal: the program may
    /// still run there.
    case unreported
    /// The end of the program is not known, for this reason.
    case lost(String)
}

extension ProgramEnd {
    /// What an unreported end means, for the note of a result.
    public static let unreportedNote =
        "the host closed the channel and sent no exit status: whether it failed, succeeded or"
        + " still runs there is not known"
}
