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

    /// A pattern for grep that fits the variable of a command, and does not fit this pattern.
    static func pattern(of id: String) -> String { "\(mark.dropLast())[\(mark.suffix(1))]=\(id)" }

    /// Whether it is the command that its mark names; one that only looks after that is not.
    var isMarked = true
    /// Whether /bin/sh runs it, whatever the account's shell is.
    var isForSh = false

    /// The command with its mark, folder and variables set before it; `mark` is set only where it
    /// `isMarked` by the text.
    func wrapped(mark id: String, isMarked: Bool) -> String {
        guard hasShell else { return command }
        // On lines of their own: fish shows the line of an error.
        var text = isMarked ? Self.setting(Self.mark, to: id) : ""
        // Before the variables: one of them may be HOME.
        if let directory { text += Self.entering(directory, mark: id) }
        for (name, value) in environment { text += Self.setting(name, to: Self.quoted(value)) }
        return isForSh ? Self.throughSh(text + command) : text + command
    }

    /// A line that exports a variable in every shell.
    ///
    /// tcsh knows no export, and keeps both backslashes between quotes. The test reads no variable:
    /// a start file may make an unset one an error (set -u).
    private static func setting(_ name: String, to value: String) -> String {
        #"test "\\" = \\ && "# + "export \(name)=\(value) || setenv \(name) \(value)\n"
    }

    /// A line that enters a folder in every shell, or ends with a sentence of ours and
    /// `notEntered`.
    private static func entering(_ directory: String, mark id: String) -> String {
        let path = Self.path(directory)
        // tcsh ends at a cd that fails, so a test comes first.
        return "test -d \(path) && test -x \(path) && cd \(path) || exec /bin/sh -c '"
            + #"if test -d "$1"; then r=refused; elif test -e "$1"; then r=file; else r=missing; fi;"#
            + " echo \(Obstacle.line(id))$r >&2; exit \(Obstacle.code)' sh \(path)\n"
    }

    /// A path as every shell takes it; `~` is the user's home, as for the file tools.
    private static func path(_ directory: String) -> String {
        if directory == "~" { return "~" }
        if directory.hasPrefix("~/") { return "~/" + quoted(String(directory.dropFirst(2))) }
        // Neither an option nor searched for in CDPATH.
        return quoted(directory.hasPrefix("/") ? directory : "./" + directory)
    }

    /// A script for /bin/sh as a command that every login shell takes.
    static func throughSh(_ script: String) -> String {
        var text = ""
        for byte in script.utf8 {
            // What no shell changes between single quotes is left as people read it.
            let isPlain = (32...126).contains(byte) && !"'\\!".utf8.contains(byte)
            let digits = String(byte, radix: 8)
            text +=
                isPlain
                ? String(UnicodeScalar(byte))
                : "\\0" + String(repeating: "0", count: 3 - digits.count) + digits
        }
        return #"exec /bin/sh -c 'exec /bin/sh -c "$(printf %b "$1")"' sh '"# + text + "'"
    }

    /// The command where the account runs no Unix shell; throws if it needs one.
    var withoutShell: CommandText {
        get throws(Fault) {
            guard environment.isEmpty, directory == nil, !isForSh else {
                throw Fault(
                    .invalidArgument,
                    "\"env\", \"cwd\" and \"shell\": \"sh\" need a Unix shell, which this host's"
                        + " account is said not to have (\"shell\": \"none\", or UnixShell no in"
                        + " agent.conf): leave them out")
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

    /// Why a command that ended with exit code 0 was not run: fish 3 reports a command that it
    /// cannot parse, shows it with a caret below the place, and ends with 0; nil: it was run.
    ///
    /// `command` is its beginning. One that runs fish itself may show the same of something else.
    static func obstacle(
        of command: String, exitedZero output: String, _ errors: String
    ) -> Fault? {
        let lines = errors.split(separator: "\n")
        guard output.isEmpty, errors.hasPrefix("fish: "), !command.contains("fish"),
            let caret = lines.firstIndex(where: { line in
                line.contains("^") && line.allSatisfy { " ^~".contains($0) }
            }), caret >= 2, lines[caret - 1].contains(command) || command.contains(lines[caret - 1])
        else { return nil }
        return Fault(
            .invalidArgument,
            "the login shell is fish, which cannot parse the command and ran nothing of it: call"
                + " again with \"shell\": \"sh\", or write the command for fish")
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
        // What is escaped for sh is longer; a word of a command line has at most 128 KiB on Linux.
        guard command.utf8.count <= 100_000,
            !isForSh || wrapped(mark: "", isMarked: false).utf8.count <= 125_000
        else {
            throw Fault(
                .limitReached,
                "the command is over 100,000 bytes (line breaks, quotes and characters beyond ASCII"
                    + " count five for \"shell\": \"sh\"): send the script as \"stdin\" to sh, or write"
                    + " it to a file")
        }
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

    /// The text as one word of any Unix shell.
    ///
    /// Only tcsh takes no line break in it.
    static func quoted(_ text: String) -> String {
        var word = "'"
        for scalar in text.unicodeScalars {
            switch scalar {
            // tcsh replaces ! and fish takes backslashes between quotes too.
            case "'", "\\", "!": word += "'\\\(scalar)'"
            default: word.unicodeScalars.append(scalar)
            }
        }
        return word + "'"
    }
}
