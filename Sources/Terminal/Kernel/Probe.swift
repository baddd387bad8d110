// Is the foreground program waiting for input? The kernel is asked by a small script on a second
// channel (ProbeScript); this file reads its answer and decides what it means (`verdict`).
// Invariant: an input state needs evidence from the kernel: the terminal's modes and what a process
// of the foreground group sleeps in.

/// The kernel's state of a shell's terminal.
public struct Probe: Sendable, Equatable {
    /// One process of the foreground group.
    public struct Process: Sendable, Equatable {
        /// Its id.
        public var id: Int
        /// Its state letter: `S` sleeps, `T` is stopped; `?`: not reported.
        public var state: String
        /// The kernel function it sleeps in; `?` or `0`: not reported.
        public var wait: String
        /// The system call's number; `?`: not reported.
        public var call: String
        /// The file that call reads; `?`: none, or not reported.
        public var file: String
        /// Its name; `?`: not reported.
        public var name: String
    }

    /// The verdict on what a foreground program waits for.
    public enum Verdict: Equatable, Sendable {
        /// The program does not wait for input.
        case running
        /// A line (or a key).
        case lineInput
        /// A line that is not echoed.
        case secret
        /// Keys, each as it is pressed: it edits a line or draws the screen, which only what it has
        /// drawn shows.
        case keys
        /// The program is stopped, and waits for a signal.
        case stopped
        /// The kernel does not report it to this user.
        case unknown
    }

    /// How a terminal treats input.
    public struct Modes: Sendable, Equatable {
        /// Whether the terminal delivers whole lines.
        public var isCanonical: Bool
        /// Whether the terminal echoes what is typed.
        public var echoes: Bool
    }

    /// The modes of the foreground program's terminal; nil: not reported.
    public private(set) var modes: Modes?
    /// Whether the shell's process group has the terminal.
    public private(set) var shellIsForeground = false
    /// Whether the foreground program has its own terminal behind the shell's (sudo).
    public private(set) var isInner = false
    /// The processes of the foreground group.
    public private(set) var processes: [Process] = []
    /// Stopped jobs of the shell.
    public private(set) var stoppedJobs: Set<Int> = []
    /// The address where the shell's stack begins, which changes with exec; nil: not reported.
    public private(set) var image: Int?
    private(set) var shell = 0
    /// The effective users of programs that elevate rights (sudo), by process.
    private var owners: [Int: Int] = [:]
    /// How shells, and ways to shells elsewhere, were started, by process.
    private(set) var started: [Int: ShellWords] = [:]
    /// The number of the shell's own terminal (`tty_nr` of /proc/PID/stat); nil: not reported.
    private var shellTerminal: Int?
    private(set) var terminal = ""

    /// Reads the script's answer; nil if it says nothing.
    public init?(_ answer: [UInt8]) {
        var isTold = false
        for line in String(decoding: answer, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ", omittingEmptySubsequences: true).map(String.init)
            let first = words.first
            switch first {
            case "shell" where words.count > 1:
                shell = Int(words[1]) ?? 0
                if words.count > 3 { shellIsForeground = words[2] == words[3] }
                if words.count > 4, let place = Int(words[4]), place > 0 { image = place }
                if words.count > 5 { shellTerminal = Int(words[5]) }
            case "stopped" where words.count == 2: stoppedJobs.insert(Int(words[1]) ?? 0)
            case "inner":
                isInner = true
                shellIsForeground = false
                processes = []
                modes = nil
            case "process" where words.count > 6 && processes.count < 128:
                processes.append(
                    Process(
                        id: Int(words[1]) ?? 0, state: words[2], wait: words[3], call: words[4],
                        file: words[5], name: words.dropFirst(6).joined(separator: " ")))
            case "owner" where words.count == 3 && owners.count < 128:
                owners[Int(words[1]) ?? 0] = Int(words[2])
            case "words" where words.count > 4 && started.count < 128:
                started[Int(words[1]) ?? 0] = ShellWords(
                    copy: words[2], input: words[3],
                    words: words.dropFirst(4).joined(separator: " "))
            case "ps" where words.count > 6 && words[2] == words[3] && processes.count < 128:
                // A kernel without /proc names the wait for a terminal plainly, or not at all.
                processes.append(
                    Process(
                        id: Int(words[1]) ?? 0, state: String(words[4].prefix(1)), wait: words[5],
                        call: "?", file: "?",
                        name: words[6].split(separator: "/").last.map(String.init) ?? "?"))
            case "tty" where words.count > 1:
                isTold = true
                terminal = words[1]
                modes = Self.modes(words)
            default: break
            }
        }
        // Modes alone (no /proc, and no ps that works without it) do not show who waits.
        guard isTold, !processes.isEmpty else { return nil }
        if processes.contains(where: { $0.id == shell }) { shellIsForeground = true }
    }

    /// The answer where a program that is not a shell has taken the shell's place (exec): it counts
    /// as any program.
    public var withoutShell: Probe {
        var probe = self
        (probe.shell, probe.shellIsForeground) = (0, false)
        return probe
    }

    /// Whether the shell's own terminal is this one, as far as the answer shows.
    public func isOn(_ device: String) -> Bool {
        guard let number = shellTerminal, device.hasPrefix("/dev/pts/") else { return true }
        // Majors 136 to 143, of 256 terminals each; a minor number's higher bits are above the
        // major.
        let major = number >> 8 & 4095
        let minor = number & 255 | number >> 12 & 1_048_320
        return device == "/dev/pts/\((major - 136) * 256 + minor)"
    }

    /// The shells in the foreground that wait for input, except the one that was asked about.
    public var readingShells: [Int] {
        processes.filter { $0.id != shell && Self.isShell($0.name) && reads($0) }.map(\.id)
    }

    private static func modes(_ words: [String]) -> Modes? {
        let flags = Set(words.map { $0.hasSuffix(";") ? String($0.dropLast()) : $0 })
        guard flags.contains("icanon") || flags.contains("-icanon") else { return nil }
        return Modes(isCanonical: flags.contains("icanon"), echoes: flags.contains("echo"))
    }

    /// The name of the program in the foreground that is not the shell: the one that waits for
    /// input, or else the first.
    public var foreground: String? {
        foregroundProcess.flatMap { $0.name == "?" ? nil : $0.name }
    }

    /// The programs in the foreground, other than the shell, that do not run as root as far as the
    /// answer shows; only those that elevate rights (sudo) are reported with their user.
    public var notRoot: [String] {
        processes.filter { $0.id != shell && owners[$0.id] != 0 }.map(\.name)
    }

    private var foregroundProcess: Process? {
        if shellIsAlone { return nil }
        let others = processes.filter { $0.id != shell }
        let waiting: Process? =
            switch verdict {
            case .lineInput: others.first(where: reads)
            case .secret: others.first(where: reads) ?? others.first(where: isHidden)
            case .keys:
                others.first { Self.secretAskers.contains($0.name) }
                    ?? others.first { $0.name == pager } ?? others.first(where: reads)
                    ?? others.first(where: polls)
            case .unknown: others.first { $0.name == pager }
            case .running, .stopped: nil
            }
        return waiting ?? others.first
    }

    private var foregroundNames: [String] {
        let names = processes.filter { $0.id != shell }.map(\.name)
        return names.isEmpty ? ["?"] : names
    }

    /// Programs that do nothing but ask for secrets; a name has at most 15 bytes.
    private static let secretAskers: Set<String> = [
        "pinentry", "pinentry-tty", "pinentry-curses", "systemd-ask-pas", "systemd-tty-ask",
    ]
    private static let elevators: Set<String> = ["sudo", "sudo-rs", "su", "doas", "pkexec"]

    /// Whether a program that does nothing but ask for secrets is at the terminal.
    public var hasSecretAsker: Bool {
        processes.contains { Self.secretAskers.contains($0.name) }
    }

    /// Whether nothing but sudo or the like is in the foreground, before it runs its command.
    public var isElevating: Bool { foregroundNames.allSatisfy(Self.elevators.contains) }

    private static let pagers: Set<String> = [
        "less", "more", "most", "pager", "pg", "lv", "bat", "batcat",
    ]

    /// Whether a program of this name shows text page by page.
    public static func isPager(_ name: String) -> Bool { pagers.contains(name) }

    /// The pager in the foreground: it shows a page and waits for a key.
    public var pager: String? {
        processes.first { $0.id != shell && Self.pagers.contains($0.name) }?.name
    }

    /// Whether some process of the foreground hides what it waits for (another user's), so that it
    /// may read the terminal.
    public var hidesReader: Bool { processes.contains(where: isHidden) }

    /// Whether some process of the foreground is found reading the terminal.
    public var readsTerminal: Bool { processes.contains(where: reads) }

    /// Whether the shell itself, and nothing that it waits for, has the terminal.
    ///
    /// What a start-up file has left in the background is in the shell's own group; a shell that
    /// reads the terminal waits for none of it.
    public var shellIsAlone: Bool {
        guard shellIsForeground else { return false }
        return processes.allSatisfy { $0.id == shell }
            || processes.contains { $0.id == shell && reads($0) }
    }

    /// The verdict on what the foreground waits for.
    public var verdict: Verdict {
        if !shellIsForeground, processes.first?.state == "T" { return .stopped }
        guard let modes else { return .unknown }
        if modes.isCanonical {
            if modes.echoes { return processes.contains(where: reads) ? .lineInput : .running }
            // Another user's process (sudo) does not show what it waits for.
            return processes.contains { reads($0) || isHidden($0) } ? .secret : .running
        }
        guard shellIsAlone else {
            // sudo makes the terminal raw before the program it runs has its own.
            // Then it waits for nothing that it hides or reads.
            let isStarting =
                !isInner && foregroundNames.allSatisfy { ["sudo", "sudo-rs"].contains($0) }
            return isStarting && !readsTerminal && !hidesReader ? .running : .keys
        }
        return processes.contains { $0.state == "S" } ? .lineInput : .running
    }

    /// Whether some process of the foreground sleeps until there is input, or hides what it sleeps
    /// in.
    public var waitsForInput: Bool {
        processes.contains { reads($0) || polls($0) || $0.state != "?" && isHidden($0) }
    }

    /// Whether a process sleeps until a file, which may be the terminal, has input.
    private func polls(_ process: Process) -> Bool {
        guard process.state == "S" || process.state == "I" else { return false }
        return ["poll", "select", "tty", "wait_woken"].contains { process.wait.contains($0) }
    }

    /// Whether some process of the foreground is at work, and may be about to print.
    public var isWorking: Bool { processes.contains { $0.state == "R" } }

    func reads(_ process: Process) -> Bool {
        guard process.state == "S" || process.state == "I" else { return false }
        let waits = ["n_tty_read", "ttyin", "ttyraw"]
        return waits.contains(process.wait) || process.file == "/dev/tty"
            || process.file == terminal
    }

    func isHidden(_ process: Process) -> Bool {
        guard process.state == "S" || process.state == "I" || process.state == "?" else {
            return false
        }
        return ["0", "?", "-"].contains(process.wait) && process.call == "?"
    }
}
