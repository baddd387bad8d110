// Whether the program in a terminal's foreground may be asked to introduce itself as a shell: a
// line typed to anything else could do harm. Invariant: nothing is typed to a program that the
// kernel shows not to be a shell, or not to wait for a command.

extension Probe {
    /// What an adoption would find.
    public enum Adoption: Equatable, Sendable {
        /// A shell that waits for a command.
        case shell(String)
        /// A program that has given the terminal to a shell somewhere else (ssh, docker).
        case carrier(String)
        /// The shell's own process waits for a line: it may have become another one (exec).
        case itself
        /// It may soon become one of the above: a shell that starts or works.
        case busy(String)
        /// It reads a line, and nothing shows that it is a shell at its prompt.
        case unprompted(String)
        /// Nothing may be typed, for this reason.
        case refused(String)
    }

    /// Programs whose shell runs where this kernel does not show it.
    private static let carriers: Set<String> = [
        "ssh", "sshpass", "docker", "podman", "kubectl", "oc", "crictl", "nerdctl", "ctr", "lxc",
        "incus", "lxc-attach", "machinectl", "telnet", "mosh-client", "virsh", "vagrant",
    ]
    /// Programs whose shell runs on this host, mostly as another user.
    private static let changers: Set<String> = [
        "sudo", "sudo-rs", "su", "doas", "runuser", "pkexec", "login", "newgrp", "sg", "script",
        "nsenter",
    ]
    private static let otherShells: Set<String> = [
        "csh", "ksh", "ksh93", "rbash", "yash", "rksh", "toybox", "xonsh", "nu",
    ]

    /// Whether what has the terminal passes bytes to and from a place that this kernel does not
    /// show.
    public var isCarried: Bool {
        processes.first { $0.id != shell }.map { Self.carriers.contains($0.name) } ?? false
    }

    /// Whether a program of this name is a shell, judged by the name alone.
    public static func isShell(_ name: String) -> Bool {
        let bare = name.hasPrefix("-") ? String(name.dropFirst()) : name
        return ShellProfile(program: bare) != nil || otherShells.contains(bare)
    }

    /// What an adoption would find; `drawsScreen`: the alternate screen is on; `line`: the last
    /// line of the output, if it is unfinished.
    public func adoption(drawsScreen: Bool, line: String?) -> Adoption {
        let verdict = verdict
        let name = foreground ?? "a program"
        if verdict == .secret { return .refused("\(name) asks for a secret") }
        if verdict == .stopped { return .refused("\(name) is stopped") }
        if shellIsAlone {
            if drawsScreen { return .refused("a full-screen program has the terminal") }
            if verdict == .running { return .busy("the shell") }
            guard started[shell]?.readsCommands != false else { return Self.script("the shell") }
            return prompted(by: "the shell", line) ?? .itself
        }
        if drawsScreen { return .refused("\(name) is a full-screen program") }
        let others = processes.filter { $0.id != shell }
        if isCarried {
            guard verdict == .keys else { return .busy(name) }
            guard others.first.flatMap({ started[$0.id] })?.leadsToShell != false else {
                return .refused("\(name) runs a command there that is not a shell")
            }
            guard let line, PromptGuess.isShellPrompt(line) else { return .unprompted(name) }
            return .carrier(name)
        }
        let shells = others.filter { Self.isShell($0.name) }
        let open = shells.filter { started[$0.id]?.readsCommands != false }
        if let script = shells.first, open.isEmpty { return Self.script(script.name) }
        if let reader = open.last(where: reads) {
            return prompted(by: reader.name, line) ?? .shell(reader.name)
        }
        // A shell that has started may run helpers beside it; while it waits for them it does not
        // read.
        let stranger = others.map(\.name)
            .first { !Self.isShell($0) && !Self.changers.contains($0) }
        if let stranger {
            // A shell's start-up files may run anything.
            let isStarting = verdict == .running || !open.isEmpty
            if isStarting { return .busy(stranger) }
            return .refused("\(stranger), which is not a shell, has the terminal")
        }
        guard let found = open.last?.name else { return .busy(name) }
        // Another user's shell does not show what it waits for.
        let isQuiet = processes.allSatisfy { isHidden($0) || $0.name != found }
        if verdict == .running, !isQuiet { return .busy(found) }
        return prompted(by: found, line) ?? .shell(found)
    }

    /// Why a shell that reads is not known to be at its prompt; nil: it is.
    ///
    /// An editor of lines, which echoes by itself, is a shell's own, unless a question stands
    /// before it; what reads whole lines, or a key that the terminal echoes, may be a builtin that
    /// asks.
    private func prompted(by name: String, _ line: String?) -> Adoption? {
        if let line, PromptGuess.isShellPrompt(line) { return nil }
        guard let modes, !modes.isCanonical, !modes.echoes, let line else {
            return .unprompted(name)
        }
        let last = line.last { !$0.isWhitespace }
        let asks = last == "?" || last == ":" || PromptGuess.isQuestion(line)
        return asks ? .unprompted(name) : nil
    }

    /// Whether the shell itself has the terminal, and was not started to run a script.
    public var shellReadsCommands: Bool {
        shellIsAlone && started[shell]?.readsCommands != false
    }

    private static func script(_ name: String) -> Adoption {
        .refused("\(name) runs a script, and takes what is typed for an answer")
    }

    /// The command lines of the fishes in the foreground.
    public var fishCode: [String] {
        processes.filter { $0.name == "fish" }
            .compactMap { started[$0.id]?.words.joined(separator: " ") }
    }

    /// Whether this process of this terminal is in the foreground.
    public func shows(process: Int, terminal name: String) -> Bool {
        name == terminal && processes.contains { $0.id == process }
    }

    /// The name of the shell's own process, where it is in the foreground.
    public var shellName: String? {
        processes.first { $0.id == shell && $0.name != "?" }?.name
    }
}
