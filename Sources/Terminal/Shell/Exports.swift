// The variables a shell has exported: when they are worth learning, how the shell is asked for
// them, and how another shell gets them. Values pass only through this file.
// Invariant: only names that a shell can assign, and none that belongs to the login itself.

/// Exported variables, by name.
public struct Exports: Sendable, Equatable {
    /// The most bytes of an environment that are learned: more would fill memory and the terminal.
    public static let sizeLimit = 64 << 10

    /// The values.
    public let values: [String: String]

    /// Reads what `env -0` printed; an entry cut off at the end is left out.
    public init(_ environment: [UInt8]) {
        var values: [String: String] = [:]
        guard let end = environment.lastIndex(of: 0) else {
            self.values = [:]
            return
        }
        for entry in environment[..<end].split(separator: 0) {
            guard let sign = entry.firstIndex(of: UInt8(ascii: "=")),
                let value = String(validating: entry[(sign + 1)...], as: UTF8.self)
            else { continue }
            let name = String(decoding: entry[..<sign], as: UTF8.self)
            if Self.isName(name), !Self.ofLogin.contains(name), !name.hasPrefix("SSH_") {
                values[name] = value
            }
        }
        self.values = values
    }

    /// The variables that a shell with `other` lacks or has with another value, by name.
    public func missing(in other: Exports) -> [(name: String, value: String)] {
        values.filter { other.values[$0.key] != $0.value }.sorted { $0.key < $1.key }
            .map { (name: $0.key, value: $0.value) }
    }

    private static let ofLogin: Set<String> = [
        "_", "PWD", "OLDPWD", "SHLVL", "TERM", "COLUMNS", "LINES", "XDG_SESSION_ID", "TMUX", "STY",
        "TMUX_PANE", "WINDOWID", "PPID", "UID", "EUID", "GPG_TTY", "INVOCATION_ID",
        // A shell that is opened again after its time limit would end by it once more.
        "TMOUT",
    ]

    private static func isName(_ name: String) -> Bool {
        guard let first = name.utf8.first, first < 48 || first > 57 else { return false }
        return name.utf8.allSatisfy {
            $0 == 95 || $0 >= 48 && $0 <= 57 || $0 >= 65 && $0 <= 90 || $0 >= 97 && $0 <= 122
        }
    }

    // MARK: Learning

    /// Whether a command may export something: it contains one of the words that do.
    ///
    /// Every command is examined, so words are compared by their hashes: a collision only costs a
    /// needless question.
    public static func mayChange(_ code: String) -> Bool {
        var hash = firstHash
        for byte in code.utf8.prefix(sizeLimit) {
            if isWordByte(byte) {
                hash = next(hash, byte)
            } else {
                if hash != firstHash, words.contains(hash) { return true }
                hash = firstHash
            }
        }
        return hash != firstHash && words.contains(hash)
    }

    /// Letters, digits and `-./_`.
    private static func isWordByte(_ byte: UInt8) -> Bool {
        byte >= 97 && byte <= 122 || byte >= 45 && byte <= 57 || byte >= 65 && byte <= 90
            || byte == 95
    }

    /// FNV-1a.
    private static let firstHash: UInt64 = 0xcbf2_9ce4_8422_2325
    private static func next(_ hash: UInt64, _ byte: UInt8) -> UInt64 {
        (hash ^ UInt64(byte)) &* 0x100_0000_01b3
    }

    private static let words = [
        "export", "declare", "typeset", "source", ".", "set", "setenv", "unset", "eval", "unsetenv",
        "conda", "module", "nvm", "workon", "pyenv", "direnv", "activate", "deactivate", "readonly",
    ].map { $0.utf8.reduce(firstHash, next) }

    /// A command that prints the exported variables, whatever aliases and functions a shell has.
    static let command = "sh -c 'env -0 2>/dev/null|head -c \(sizeLimit)'"
}

extension ShellProfile {
    /// Code that exports a variable.
    public func exporting(_ name: String, _ value: String) -> String {
        switch self {
        case .bash, .dash, .ash, .zsh, .mksh: "export \(name)=\(quoted(value))"
        case .fish: "set -gx \(name) \(quoted(value))"
        case .tcsh: "setenv \(name) \(quoted(value))"
        }
    }

    /// Code that goes to a directory.
    public func entering(_ directory: String) -> String { "cd \(quoted(directory))" }

    /// A word in single quotes.
    private func quoted(_ text: String) -> String {
        switch self {
        case .bash, .dash, .ash, .zsh, .mksh:
            return "'" + text.replacing("'", with: #"'\''"#) + "'"
        case .fish:
            let escaped = text.replacing(#"\"#, with: #"\\"#).replacing("'", with: #"\'"#)
            return "'" + escaped + "'"
        case .tcsh:
            // A line feed ends even a quoted word, unless it is escaped.
            let escaped = text.replacing("'", with: #"'\''"#).replacing("\n", with: "\\\n")
            return "'" + escaped + "'"
        }
    }
}
