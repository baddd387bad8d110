// Which shells are known, how they differ, and how a shell is asked which it is. The Dialect
// defines what is typed to it.
// Invariant: the question is answered by every Unix shell, also by those without a profile.

/// One kind of shell.
public enum ShellProfile: String, Sendable, CaseIterable {
    case bash, dash, ash, zsh, mksh, fish, tcsh

    /// Who echoes what is typed, and what else is drawn.
    public enum Editor: Sendable {
        /// The terminal alone echoes.
        case none
        /// busybox ash: the editor asks for the cursor's position, and cannot be switched off.
        case asksCursor
        /// fish: the editor draws prompt and line with escapes, and fills up an unfinished line.
        case draws
    }

    /// The profile for a program (`/usr/bin/bash`, `-zsh`, `busybox`); nil if it is not a known
    /// shell.
    public init?(program: String) {
        var name = program.split(separator: "/").last.map(String.init) ?? program
        if name.hasPrefix("-") { name.removeFirst() }
        if name.hasPrefix("zsh") {
            self = .zsh
            return
        }
        switch name {
        case "bash", "bash4", "bash5": self = .bash
        case "dash", "sh": self = .dash
        case "ash", "busybox": self = .ash
        case "mksh", "lksh": self = .mksh
        case "fish": self = .fish
        case "tcsh": self = .tcsh
        default: return nil
        }
    }

    /// The lines typed to it.
    var dialect: any Dialect {
        switch self {
        case .fish: FishDialect()
        case .tcsh: TcshDialect()
        default: POSIXDialect(profile: self)
        }
    }

    /// Its line editor.
    public var editor: Editor {
        switch self {
        case .ash: .asksCursor
        case .fish: .draws
        default: .none
        }
    }

    /// The most bytes its line editor keeps of a line; nil: it has none, or one without a limit.
    ///
    /// BusyBox: FEATURE_EDITING_MAX_LEN, 1024 by default.
    public var editorLimit: Int? { self == .ash ? 1023 : nil }

    /// Whether Ctrl-C at its idle prompt makes it show a new one.
    public var promptsAfterInterrupt: Bool { self != .zsh && self != .fish }

    /// Whether its prompts go where its output or errors go, which a command may redirect (`exec`).
    public var hidesPrompts: Bool { self != .fish && self != .tcsh }

    /// Whether its marks show that a job was stopped; otherwise the kernel is asked.
    public var tellsStops: Bool { self != .mksh && self != .fish }

    /// The parts of set-up: the first is answered by mark D; then the rest may be sent at once, and
    /// D with `__s` = 0 reports that set-up is complete.
    public func setUp(nonce: Nonce) -> [[UInt8]] { dialect.setUp(nonce).map { Array($0.utf8) } }

    /// The bytes to type so that this text stands at its prompt; nil if its editor cannot take it.
    ///
    /// A line editor completes a word at a TAB. fish is given a key for it at set-up; BusyBox has
    /// none, so that a whole line (`isLine`) is typed in another form.
    public func typing(_ text: [UInt8], isLine: Bool) -> [UInt8]? {
        guard text.contains(9) else { return text }
        switch editor {
        case .none: return text
        case .draws: return text.flatMap { $0 == 9 ? [Keys.quoting, 9] : [$0] }
        case .asksCursor:
            guard isLine, let word = dialect.word(text, limit: CommandEncoder.lineLimit - 12)
            else { return nil }
            return Array(" \\eval \"".utf8) + word + Array("\"".utf8)
        }
    }

    /// A line that is answered with mark V after set-up.
    public var variablesQuestion: [UInt8] { Self.line(dialect.question) }

    /// A line that any Unix shell answers with mark P.
    ///
    /// In a PID namespace, /proc may be that of another one: then it shows nothing about this
    /// shell, and the program is `foreign`.
    public static func question(nonce: Nonce) -> [UInt8] {
        let key = String(decoding: nonce.beginning, as: UTF8.self)
        let mark = #"printf "\033]133;P;\#(key);%s/%s;%s;%s;\#(key)\007""#
        let reading =
            "{ read -r p s </proc/self/stat;read -r s </proc/$PPID/stat;} 2>/dev/null;"
            + "set -- ${s##*) };i=${26:-0} n=?"
        let program = "$(readlink /proc/$PPID/exe 2>/dev/null||ps -o comm= -p $PPID)"
        let check = "case ${p:-$$} in $$)n=\(program);;*)i=0 n=\(foreign);;esac"
        return line(" sh -c '\(reading);\(check);\(mark) $PPID $i \"$(tty)\" \"$n\"'")
    }

    /// The program of a shell that this host's /proc does not show.
    public static let foreign = "-"

    /// Replaces a shell without a profile by one that has one.
    public static var replacement: [UInt8] {
        line(
            " exec sh -c 'command -v bash >/dev/null 2>&1 && exec bash --noediting -i; "
                + "exec sh -i'")
    }

    private static func line(_ text: String) -> [UInt8] { Array(text.utf8) + [10] }
}
