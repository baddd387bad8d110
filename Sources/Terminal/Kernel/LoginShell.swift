// Which process a session's login shell is, from before anything is typed to it. Over SSH it is a
// child of the server's process for the connection, as the shell of the probe's own channel is; the
// order in which programs were started on a connection shows which process has which terminal.
// Invariant: a terminal whose place is in doubt is not named.

/// The login shell of a session.
public struct LoginShell: Sendable, Equatable {
    /// The question to the kernel about it.
    public let question: Probe.Question
    /// Its name, if it was started as a login shell (`-bash`): it is a shell, whatever its name.
    private let name: String?

    /// A shell that is known; nil: the terminal's name is not plain.
    public init?(process: Int, terminal: String, name: String?) {
        guard let question = Probe.Question(process: process, terminal: terminal) else {
            return nil
        }
        (self.question, self.name) = (question, name)
    }

    init?(_ answer: [UInt8]) {
        let line = String(decoding: answer.prefix { $0 != 10 }, as: UTF8.self)
        let words = line.split(separator: " ", maxSplits: 4).map(String.init)
        guard words.count == 5, words[0] == "login", let process = Int(words[1]) else {
            return nil
        }
        self.init(process: process, terminal: words[2], name: words[3] == "-" ? words[4] : nil)
    }

    /// The answer about it: where something that is not a shell has taken its place (`exec tmux`),
    /// that counts as any program.
    public func seen(in probe: Probe) -> Probe {
        guard let now = probe.shellName, !Probe.isShell(now), now != name else { return probe }
        return probe.withoutShell
    }

    // MARK: Over SSH

    /// The question which process has one of a connection's terminals.
    public struct Question: Sendable, Equatable {
        /// Its place among the terminals whose process is not known, the oldest first, from 1.
        public var place: Int
        /// The number of those terminals.
        public var count: Int
        /// The processes that are known.
        public var known: [Int]

        /// A question.
        public init(place: Int, count: Int, known: [Int]) {
            (self.place, self.count, self.known) = (place, count, known)
        }

        /// The line that asks, once `Probe.definitions` and `LoginShell.definitions` are read.
        public var line: String {
            let words = ([place, count] + known).map(String.init).joined(separator: " ")
            return "hl_login \(words) 2>/dev/null\n"
        }
    }

    /// What a kernel shows of the process.
    public enum Answer: Sendable, Equatable {
        case found(LoginShell)
        /// The number of terminals is another one: it is not started yet, or an old one not gone.
        case notYet
        /// The host cannot be asked now.
        case unasked
        /// The host does not show the server's process, or the terminal's process is not known.
        case hidden

        /// Reads the answer to a question.
        public init(_ bytes: [UInt8]) {
            if let login = LoginShell(bytes) {
                self = .found(login)
            } else {
                self = bytes.starts(with: Array("hidden".utf8)) ? .hidden : .notYet
            }
        }
    }

    /// Functions for `sh`, given after `Probe.definitions`.
    ///
    /// The answer is `login PID TERMINAL - NAME`, or `+` in place of the hyphen; `hidden` where the
    /// server's process is not shown; empty where the number of terminals is another one.
    public static let definitions = #"""
        hl_login() {
        r=/proc p=$$ i=0
        while :; do
        hl_stat $p && [ $pp -gt 1 ] && [ $i -lt 5 ] || { echo hidden; return; }
        p=$pp i=$((i+1)) c=; read -r c <$r/$p/comm
        case $c in sshd*|dropbear*) break;; esac
        done
        at=$1 count=$2 own=; shift 2; known=" $* "
        hl_kids $p
        for p in $k; do
        case $known in *" $p "*) continue;; esac
        hl_stat $p && [ $y != 0 ] || continue
        case $a in Z|X) continue;; esac
        own="$own $p"
        done
        set -- $own; [ $# = $count ] || return
        shift $((at-1)); p=$1
        hl_stat $p && hl_name $y || return
        c=?; read -r c <$r/$p/comm; v=; read -r v <$r/$p/cmdline
        case $v in -*) v=-;; *) v=+;; esac
        printf '%s\n' "login $p $n $v $c"
        }

        """#
}
