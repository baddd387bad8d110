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
        "sudo", "su", "doas", "runuser", "pkexec", "login", "newgrp", "sg", "script", "nsenter",
    ]
    private static let otherShells: Set<String> = [
        "csh", "ksh", "ksh93", "rbash", "yash", "rksh", "toybox", "xonsh", "nu",
    ]

    /// Whether a program of this name is a shell, judged by the name alone.
    public static func isShell(_ name: String) -> Bool {
        let bare = name.hasPrefix("-") ? String(name.dropFirst()) : name
        return ShellProfile(program: bare) != nil || otherShells.contains(bare)
    }

    /// What an adoption would find; `drawsScreen`: the alternate screen is on.
    public func adoption(drawsScreen: Bool) -> Adoption {
        let verdict = verdict
        let name = foreground ?? "a program"
        if verdict == .secret { return .refused("\(name) asks for a secret") }
        if verdict == .stopped { return .refused("\(name) is stopped") }
        if shellIsAlone {
            if drawsScreen { return .refused("a full-screen program has the terminal") }
            return verdict == .running ? .busy("the shell") : .itself
        }
        if drawsScreen { return .refused("\(name) is a full-screen program") }
        let reader = processes.last { $0.id != shell && Self.isShell($0.name) && reads($0) }
        if let reader { return .shell(reader.name) }
        // A shell that has started may run helpers beside it; while it waits for them it does not
        // read.
        let others = processes.filter { $0.id != shell }.map(\.name)
        let isCarried = others.first.map(Self.carriers.contains) ?? false
        let stranger = others.first { !Self.isShell($0) && !Self.changers.contains($0) }
        if let stranger, !isCarried {
            // A shell's start-up files may run anything.
            let isStarting = verdict == .running || others.contains(where: Self.isShell)
            if isStarting { return .busy("\(stranger) has the terminal; it") }
            return .refused("\(stranger), which is not a shell, has the terminal")
        }
        guard !isCarried, let found = others.last(where: Self.isShell) else {
            return verdict == .fullscreen ? .carrier(name) : .busy(name)
        }
        // Another user's shell does not show what it waits for.
        let isQuiet = processes.allSatisfy { isHidden($0) || $0.name != found }
        return verdict == .running && !isQuiet ? .busy(found) : .shell(found)
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
