// A one-shot command as the target's shell gets it, and the script that ends one. A value. A
// command carries its id in its environment, so that everything it started can be found, even
// outside its process group; OpenSSH refuses signals where root logs in.
// Invariant: what is quoted here reaches the command as it was given.
import SSH
import Wire

/// A command with what is set before it.
struct CommandText: Sendable {
    /// The code.
    var command: String
    /// Variables to set for it.
    var environment: [(String, String)] = []
    /// Where it runs; nil: the user's home.
    var directory: String?
    /// Whether it gets a terminal.
    var hasTerminal = false
    /// Whether a Unix shell runs it; any other program gets the command as it is.
    var hasShell = true

    /// The terminal a command gets: wide, because wrapped lines are hard for programs to read.
    static let terminal = TerminalSize(columns: 200, rows: 50)

    /// The variable that names the command.
    static let mark = "HOMELINE_COMMAND"

    /// The command with its mark, variables and folder set before it.
    func wrapped(mark id: String?) -> String {
        guard hasShell else { return command }
        // On lines of their own: fish shows the line of an error.
        var text = ""
        // tcsh knows no export, and keeps both backslashes between quotes. The test reads no
        // variable: a start file may make an unset one an error (set -u).
        if let id {
            text +=
                #"test "\\" = \\ && "# + "export \(Self.mark)=\(id) || setenv \(Self.mark) \(id)\n"
        }
        for (name, value) in environment { text += "export \(name)=\(Self.quoted(value))\n" }
        if let directory { text += "cd -- \(Self.quoted(directory)) || exit 125\n" }
        return text + command
    }

    /// The command where the account runs no Unix shell; throws if it needs one.
    var withoutShell: CommandText {
        get throws(Fault) {
            guard environment.isEmpty, directory == nil else {
                throw Fault(
                    .invalidArgument,
                    "\"env\" and \"cwd\" are set by the account's Unix shell, which this host is said"
                        + " not to have (\"shell\": \"none\", or UnixShell no in agent.conf): leave them"
                        + " out")
            }
            var text = self
            text.hasShell = false
            return text
        }
    }

    /// What to do where a program showed the line that marks a command: a shell would have run it.
    static func advice(mark id: String, _ texts: [String]) -> String? {
        guard texts.contains(where: { $0.contains("export \(mark)=\(id)") }) else { return nil }
        return "the host's program seems to have taken the line that marks the command for the"
            + " command: if the account runs no Unix shell (a forced command, git-shell, a device),"
            + " call again with \"shell\": \"none\""
    }

    /// Refuses what cannot be passed to a shell.
    func check() throws(Fault) {
        guard !command.utf8.allSatisfy({ $0 == 32 || $0 == 9 || $0 == 10 }) else {
            throw Fault(.invalidArgument, "\"command\" is empty")
        }
        for (name, value) in environment {
            let isName = name.utf8.allSatisfy { byte in
                byte == UInt8(ascii: "_") || (byte | 32) >= 97 && (byte | 32) <= 122
                    || byte >= 48 && byte <= 57
            }
            guard isName, let first = name.utf8.first, !(48...57).contains(first) else {
                throw Fault(.invalidArgument, "\"\(name.prefix(60))\" cannot name a variable")
            }
            guard !value.utf8.contains(0) else {
                throw Fault(.invalidArgument, "the variable \(name) holds a zero byte")
            }
        }
        guard !command.utf8.contains(0), directory?.utf8.contains(0) != true else {
            throw Fault(.invalidArgument, "\"command\" and \"cwd\" cannot hold a zero byte")
        }
        guard command.utf8.count <= 100_000 else {
            throw Fault(
                .limitReached,
                "the command is over 100,000 bytes: send the script as \"stdin\" to sh, or write"
                    + " it to a file")
        }
    }

    /// A command that signals everything that carries the mark, and after two seconds kills what is
    /// left.
    static func end(mark id: String, signal: String) -> String {
        // No quote and no backslash inside, so that any login shell passes it to sh unchanged. The
        // mark is put together there: a forced command carries this text in its environment.
        let script = """
            m=\(mark); m=$m=\(id)
            f() { if [ -d /proc/self ]; then grep -ls $m /proc/[0-9]*/environ \
            2>/dev/null | tr -cd 0-9/ | tr -s / " "; \
            else ps axeww 2>/dev/null | grep $m | grep -v grep | \
            while read -r p r; do echo $p; done; fi; }
            p=$(f); [ -n "$p" ] || exit 0; kill -\(signal) $p 2>/dev/null
            i=0; while [ $i -lt 4 ]; do p=$(f); [ -n "$p" ] || exit 0; \
            sleep 0.5 || sleep 1; i=$((i+1)); done
            kill -KILL $p 2>/dev/null; exit 0
            """
        return "exec /bin/sh -c '\(script)'"
    }

    /// Whether a server runs a Unix shell, by its version line; network devices do not.
    static func isUnix(_ version: String) -> Bool {
        // Nearly every server; this is checked for every command.
        let name = "SSH-2.0-OpenSSH_"
        if version.hasPrefix(name), let next = version.utf8.dropFirst(name.utf8.count).first,
            next >= 48 && next <= 57
        {
            return true
        }
        return ["OpenSSH", "dropbear", "AsyncSSH", "libssh", "Go", "paramiko"].contains {
            version.contains($0)
        } && !version.contains("Windows")
    }

    /// The text in single quotes, for a shell.
    static func quoted(_ text: String) -> String {
        "'"
            + text.split(separator: "'", omittingEmptySubsequences: false).joined(
                separator: "'\\''")
            + "'"
    }
}
