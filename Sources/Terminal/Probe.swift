// Is the foreground program waiting for input? The kernel is asked by a small script on a second
// channel; this file writes the script and reads its answer.
// Invariant: an input state needs the kernel's word: the terminal's modes and what a process of the
// foreground group sleeps in.

/// What the kernel says about a shell's terminal.
public struct Probe: Sendable, Equatable {
    /// One process of the foreground group.
    public struct Process: Sendable, Equatable {
        /// Its id.
        public var id: Int
        /// Its state letter: `S` sleeps, `T` is stopped.
        public var state: String
        /// The kernel function it sleeps in; `?` or `0`: not told.
        public var wait: String
        /// The system call's number; `?`: not told.
        public var call: String
        /// The file that call reads; `?`: none, or not told.
        public var file: String
        /// Its name.
        public var name: String
    }

    /// What a foreground program waits for.
    public enum Verdict: Equatable, Sendable {
        /// Nothing that input could give.
        case running
        /// A line (or a key).
        case lineInput
        /// A line that is not shown.
        case secret
        /// It draws the screen itself.
        case fullscreen
    }

    /// The terminal reads whole lines.
    public private(set) var isCanonical = true
    /// The terminal shows what is typed.
    public private(set) var echoes = true
    /// The shell itself has the terminal.
    public private(set) var shellIsForeground = false
    /// The processes of the foreground group.
    public private(set) var processes: [Process] = []
    private let terminal: String

    /// The script for a shell's process and terminal; nil: the terminal's name is not plain.
    public static func script(process: Int, terminal: String) -> String? {
        let plain = terminal.utf8.allSatisfy {
            $0 >= 97 && $0 <= 122 || $0 >= 48 && $0 <= 57 || $0 == 47 || $0 >= 65 && $0 <= 90
        }
        guard plain, terminal.hasPrefix("/dev/") else { return nil }
        return "q=\(process);t=\(terminal);\n\(body)"
    }

    private static let body = #"""
        export LC_ALL=C
        echo "stty" $(stty -a <$t 2>/dev/null)
        read -r s </proc/$q/stat || {
        ps -o pid= -o tpgid= -o state= -o comm= -t ${t#/dev/} 2>/dev/null | while read -r p g s c; do
        echo "ps $p $g $s $c"; done; exit 0; } 2>/dev/null
        s=${s##*) }; set -- $s; g=$6; echo "shell $3 $g"; o=
        l=$(cat /proc/$q/task/$q/children /proc/$g/task/$g/children 2>/dev/null)
        for p in $g $l; do
        case " $o " in *" $p "*) continue;; esac; o="$o $p"
        read -r s </proc/$p/stat || continue; s=${s##*) }; set -- $s; [ "$3" = "$g" ] || continue
        a=$1; c=; w=; y=; read -r c </proc/$p/comm; read -r w </proc/$p/wchan; read -r y </proc/$p/syscall
        set -- $y; f=; case $1 in 0|63) f=$(readlink /proc/$p/fd/$(($2)));; esac
        echo "process $p $a ${w:-?} ${1:-?} ${f:-?} $c"
        done 2>/dev/null
        """#

    /// Reads the script's answer; nil: it told nothing.
    public init?(_ answer: [UInt8], terminal: String) {
        self.terminal = terminal
        var modes = false
        for line in String(decoding: answer, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ", omittingEmptySubsequences: true).map(String.init)
            switch words.first {
            case "stty":
                let flags = words.map { $0.hasSuffix(";") ? String($0.dropLast()) : $0 }
                modes = flags.contains("icanon") || flags.contains("-icanon")
                isCanonical = flags.contains("icanon")
                echoes = flags.contains("echo")
            case "shell" where words.count == 3: shellIsForeground = words[1] == words[2]
            case "process" where words.count >= 6:
                processes.append(
                    Process(
                        id: Int(words[1]) ?? 0, state: words[2], wait: words[3], call: words[4],
                        file: words[5], name: words.dropFirst(6).joined(separator: " ")))
            case "ps" where words.count >= 5 && words[1] == words[2]:
                processes.append(
                    Process(
                        id: Int(words[1]) ?? 0, state: words[3], wait: "?", call: "?", file: "?",
                        name: words.dropFirst(4).joined(separator: " ")))
            default: break
            }
        }
        guard modes else { return nil }
    }

    /// The name of the foreground program, when it is not the shell.
    public var foreground: String? { shellIsForeground ? nil : processes.first?.name }

    /// What the foreground waits for.
    public var verdict: Verdict {
        if isCanonical {
            // Another user's process (sudo) does not tell what it waits for.
            if !echoes {
                return processes.contains { reads($0) || isHidden($0) } ? .secret : .running
            }
            return processes.contains(where: reads) ? .lineInput : .running
        }
        if shellIsForeground {
            return processes.contains(where: { $0.state == "S" }) ? .lineInput : .running
        }
        return .fullscreen
    }

    private func reads(_ process: Process) -> Bool {
        guard process.state.hasPrefix("S") else { return false }
        if process.wait == "n_tty_read" { return true }
        // A shell polls for `read` alone (ash; bash with a time limit).
        if shellIsForeground, process.wait.contains("poll") || process.wait.contains("select") {
            return true
        }
        return (process.call == "0" || process.call == "63")
            && (process.file == terminal || process.file == "/dev/tty")
    }

    private func isHidden(_ process: Process) -> Bool {
        process.state.hasPrefix("S") && (process.wait == "0" || process.wait == "?")
            && process.call == "?"
    }
}
