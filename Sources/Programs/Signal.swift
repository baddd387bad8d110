// The names of signals: this machine's table, used to send them and to report them.
// Invariant: a name is written without `SIG`, as SSH (RFC 4254 §6.10) and `kill -l` write it.
import Glibc

/// Names and numbers of signals on this machine.
public enum Signal {
    /// The name of a signal, or its number as text if the table lacks it.
    public static func name(_ number: Int32) -> String {
        table.first { $0.number == number }?.name ?? String(number)
    }

    /// The number of the signal with this name; nil when the name is unknown.
    public static func number(_ name: String) -> Int32? {
        table.first { $0.name == name }?.number
    }

    private static let table: [(number: Int32, name: String)] = [
        (SIGHUP, "HUP"), (SIGINT, "INT"), (SIGQUIT, "QUIT"), (SIGILL, "ILL"), (SIGTRAP, "TRAP"),
        (SIGABRT, "ABRT"), (SIGBUS, "BUS"), (SIGFPE, "FPE"), (SIGKILL, "KILL"), (SIGUSR1, "USR1"),
        (SIGSEGV, "SEGV"), (SIGUSR2, "USR2"), (SIGPIPE, "PIPE"), (SIGALRM, "ALRM"),
        (SIGTERM, "TERM"), (SIGCHLD, "CHLD"), (SIGCONT, "CONT"), (SIGSTOP, "STOP"),
        (SIGTSTP, "TSTP"), (SIGTTIN, "TTIN"), (SIGTTOU, "TTOU"), (SIGURG, "URG"),
        (SIGXCPU, "XCPU"), (SIGXFSZ, "XFSZ"), (SIGVTALRM, "VTALRM"), (SIGPROF, "PROF"),
        (SIGWINCH, "WINCH"), (SIGIO, "IO"), (SIGSYS, "SYS"),
    ]
}
