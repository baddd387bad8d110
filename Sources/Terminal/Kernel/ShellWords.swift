// The words a program was started with, as /proc/PID/cmdline has them: they tell a shell that waits
// for commands from one that runs a script, and a way to another host's shell from a command there.
// Invariant: what the words do not show is nil; then the prompt alone decides.

/// How a program of the foreground was started.
public struct ShellWords: Sendable, Equatable {
    /// Its words: the name it was called by, then its arguments; the last may be cut.
    public var words: [String]
    /// Whether it is a copy of the shell that started it, and so runs a part of that one's code.
    public var isCopy = false
    /// Whether its standard input is something other than the terminal.
    public var readsElsewhere = false

    /// These words.
    public init(_ words: [String]) { self.words = words }

    /// The rest of the probe's line: what it is a copy of, where it reads, and its words.
    init(copy: String, input: String, words: String) {
        self.words = words.split { $0 == "\u{1f}" }.map(String.init)
        isCopy = copy == "="
        readsElsewhere = input == "other"
    }

    /// Whether a shell that was started so waits for commands; nil: the words do not show it.
    public var readsCommands: Bool? {
        if isCopy || readsElsewhere { return false }
        return Self.readsCommands(words[...])
    }

    /// Whether what it runs at the far end is a shell that waits for commands; nil: unknown.
    ///
    /// For programs that lead to another place (`ssh HOST COMMAND`, `docker exec -it NAME sh`).
    public var leadsToShell: Bool? {
        guard Self.name(words.first) == "ssh" else {
            return Self.firstShell(words.dropFirst()).flatMap { Self.readsCommands($0) }
        }
        var rest = words.dropFirst()
        var hosts = 0
        while let word = rest.first, hosts == 0 || word.hasPrefix("-") {
            rest.removeFirst()
            guard word.hasPrefix("-"), word.count > 1 else {
                hosts += 1
                continue
            }
            // `-p 22`: the value is the next word; `-p22` holds it.
            let place = word.dropFirst().firstIndex { "BbcDEeFIiJLlmOoPpQRSWw".contains($0) }
            if let place, word.index(after: place) == word.endIndex { rest = rest.dropFirst() }
        }
        guard !rest.isEmpty else { return nil }
        // The far end's shell reads the words as one text.
        let code = rest.joined(separator: " ").split { " \t'\"".contains($0) }.map(String.init)
        return Self.startsShell(code[...])
    }

    // MARK: Shells

    private static let shells: Set<String> = [
        "sh", "bash", "dash", "ash", "zsh", "mksh", "lksh", "ksh", "ksh93", "rbash", "rksh", "yash",
        "csh", "tcsh", "fish",
    ]

    private static func name(_ word: String?) -> String {
        let name = word?.split(separator: "/").last.map(String.init) ?? ""
        return name.hasPrefix("-") ? String(name.dropFirst()) : name
    }

    private static func firstShell(_ words: ArraySlice<String>) -> ArraySlice<String>? {
        words.firstIndex { shells.contains(name($0)) }.map { words[$0...] }
    }

    private static func startsShell(_ words: ArraySlice<String>) -> Bool {
        var rest = words
        while let word = rest.first {
            if shells.contains(name(word)) { return readsCommands(rest) ?? false }
            switch name(word) {
            case "su": return !rest.contains { $0 == "-c" || $0.hasPrefix("--command") }
            case "sudo", "doas":
                let options = rest.dropFirst().prefix { $0.hasPrefix("-") }
                let isLogin = options.contains("-i") || options.contains("-s")
                rest = rest.dropFirst(1 + options.count)
                if rest.isEmpty { return isLogin }
            case "exec", "env", "command": rest.removeFirst()
            case _ where word.contains("="): rest.removeFirst()
            default: return false
            }
        }
        return false
    }

    /// Options whose value is the next word.
    private static let valued: Set<String> = [
        "--rcfile", "--init-file", "--emulate", "--init-command", "--features", "--debug",
        "--debug-output", "--profile",
    ]

    private static func readsCommands(_ words: ArraySlice<String>) -> Bool? {
        var rest = words
        if ["busybox", "toybox"].contains(name(rest.first)) { rest = rest.dropFirst() }
        guard let shell = rest.popFirst(), shells.contains(name(shell)) else { return nil }
        let isFish = name(shell) == "fish"
        var readsInput = false
        while let word = rest.popFirst() {
            if word == "-" || word == "--" { return readsInput || rest.isEmpty }
            if word.hasPrefix("--") {
                if word.hasPrefix("--command") { return false }
                if valued.contains(word) { rest = rest.dropFirst() }
                continue
            }
            guard word.count > 1, let sign = word.first, sign == "-" || sign == "+" else {
                return readsInput
            }
            let letters = word.dropFirst()
            if letters.contains("c") { return false }
            if letters.contains("s"), !isFish { readsInput = true }
            let taking = isFish ? "CdDof" : "oO"
            if let last = letters.last, taking.contains(last) { rest = rest.dropFirst() }
        }
        return true
    }
}
