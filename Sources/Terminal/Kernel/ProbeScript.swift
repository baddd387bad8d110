// The script that asks the kernel, for any POSIX `sh`: what is in a terminal's foreground, what it
// sleeps in, and the terminal's modes. Probe reads its answer.
// Invariant: but for a signal that is asked for, it only reads; it forks two or three times, four
// times more for each shell in the foreground, and examines at most 64 processes. While ssh or
// gpg there waits on a socket, it also reads the name of every process, to find a pinentry.

extension Probe {
    /// The shell and the terminal that the probe asks about.
    public struct Question: Sendable, Equatable {
        /// The shell's process.
        public let process: Int
        /// The shell's terminal.
        public let terminal: String
        /// What is sent to the foreground, and a process that must belong to it.
        private struct Order: Sendable, Equatable {
            var signal: Signal
            var program: Int
        }
        /// nil: the foreground is only looked at.
        private var order: Order?

        /// A question; nil: the terminal's name is not plain.
        public init?(process: Int, terminal: String) {
            let isPlain = terminal.utf8.allSatisfy {
                $0 >= 97 && $0 <= 122 || $0 >= 48 && $0 <= 57 || $0 == 47 || $0 >= 65 && $0 <= 90
            }
            guard isPlain, terminal.hasPrefix("/dev/"), process > 0 else { return nil }
            self.process = process
            self.terminal = terminal
        }

        /// A line that sends this signal to the terminal's foreground while `program`, a process
        /// that was seen there, belongs to it: a late line must not end what runs by then.
        ///
        /// It is answered by `sent`, `gone` (the foreground is another), `refused`, or nothing.
        public func signalling(_ signal: Signal, while program: Int) -> Question {
            var question = self
            question.order = Order(signal: signal, program: program)
            return question
        }

        /// The line that asks, once `Probe.definitions` have been read.
        public var line: String {
            guard let order else { return "hl_probe \(process) \(terminal) 2>/dev/null\n" }
            return "hl_signal \(process) \(order.program) \(order.signal.rawValue) 2>/dev/null\n"
        }
    }

    /// The signals that end a command.
    public enum Signal: String, Sendable {
        /// As Ctrl-C does.
        case interrupt = "INT"
        /// The usual request.
        case terminate = "TERM"
        /// As if the connection were lost.
        case hangUp = "HUP"
        /// As Ctrl-\ does.
        case quit = "QUIT"
        /// Cannot be ignored.
        case kill = "KILL"
    }

    /// Functions for `sh`, given before the first question.
    ///
    /// Lines of the answer: `shell PID GROUP FOREGROUND IMAGE TERMINAL`, `stopped PID` (a job),
    /// then for the terminal and each one behind it (`inner NAME`: sudo and script run commands on
    /// a terminal of their own): `process PID STATE WCHAN CALL FILE NAME` for each process in the
    /// foreground, and last `tty NAME MODES`, so that a process found reading is judged by the
    /// modes of that moment; `owner PID UID` follows a process that elevates rights, with its
    /// effective user. `words PID COPY INPUT WORDS` follows a shell, or a way to one elsewhere:
    /// `=` if it is a copy of what started it, `tty` or `other`, and its command line, with 0x1f
    /// after each word. Without /proc: `ps PID GROUP FOREGROUND STATE WCHAN NAME`.
    public static let definitions = #"""
        export LC_ALL=C
        hl_stat() { read -r s <$r/$1/stat || return; set -- ${s##*) }; a=$1 pp=$2 b=$3 y=$5 e=$6 d=${26}; }
        hl_signal() {
        r=/proc; hl_stat $2 || { echo gone; return; }
        o=$b; hl_stat $1 || return
        [ "$e" -gt 1 ] || return
        if [ "$e" = "$b" ] || [ "$e" != "$o" ]; then echo gone
        elif kill -$3 -$e; then echo sent; else echo refused; fi
        }
        # A program with threads may start another one in any of them.
        hl_kids() {
        k= i=0
        for x in $r/$1/task/*/children; do
        v=; read -r v <$x; k="$k $v"; i=$((i+1)); [ $i -lt 64 ] || break
        done
        }
        hl_file() { f=$(readlink $r/$1/fd/$(($2))); }
        # A system call is told to those alone who may trace a process (Yama): then its files tell.
        # One that ends meanwhile would look like one that hides what it waits for.
        hl_tell() {
        c=? w=? v=; read -r c <$r/$1/comm; read -r w <$r/$1/wchan; read -r v <$r/$1/syscall
        hl_stat $1 || return; case $a in Z|X) return 1;; esac
        set -- $1 $v; f=?
        case $2 in 0|3|63) hl_file $1 $3;;
        '') case $w in wait_woken|n_tty_read) case $(ls -l $r/$1/fd) in
        *socket:*) ;; *" $t"*|*" /dev/tty"*) f=$t;; esac;; esac;; esac
        # BusyBox's read polls; a shell polls for nothing else.
        case $w,$c in *ssh|*,rsh|*,mosh) ;; *poll*,*sh|*select*,*sh|*poll*,busybox) hl_file $1 0;; esac
        # Not echo: a program may have a backslash in its name.
        printf '%s\n' "process $1 $a ${w:-?} ${2:-?} ${f:-?} $c"
        case $c in sudo|sudo-rs|su|doas) while read -r h i x; do
        case $h in Uid:) echo "owner $1 ${x%%[!0-9]*}"; break;; esac; done <$r/$1/status;; esac
        case $c in *sh|*sh[0-9]*|busybox|toybox|nu|docker|podman|kubectl|oc|nerdctl) hl_words $1;; esac
        i=0
        for x in $r/$1/task/*; do
        i=$((i+1)); [ $i -le 64 ] || break
        [ ${x##*/} != $1 ] || continue
        v=; read -r v <$x/syscall
        case ${v%% *} in 0|3|63) hl_thread $1 ${x##*/} $v;; esac
        done
        return 0
        }
        # A copy of the shell that started it has its stack where that one has it.
        hl_words() {
        own=$d; hl_stat $pp; [ ${own:-0} != 0 ] && [ $own = ${d:-0} ] && d="=" || d=-
        f=$(readlink $r/$1/fd/0)
        # tcsh reads another descriptor, and leaves /dev/null in place of this one.
        case $f in ''|/dev/null) f=?;; "$t"|/dev/tty|/dev/console) f=tty;; *) f=other;; esac
        printf '%s\n' "words $1 $d $f $(dd if=$r/$1/cmdline bs=512 count=1 | tr '\0\n' '\037 ')"
        }
        hl_thread() {
        hl_file $1 $4
        case $f in "$t"|/dev/tty) read -r w <$r/$1/task/$2/wchan
        printf '%s\n' "process $1 S ${w:-?} $3 $f $c";; esac
        }
        hl_group() {
        o=" " m=" $1 " u= j=0; hl_kids $2; l="$1 $2 $k"
        while :; do
        set -- $l; [ $# -gt 0 ] || break
        p=$1; shift; l="$*"
        case $o in *" $p "*) continue;; esac
        o="$o$p "; hl_stat $p || continue
        case $a in Z|X) continue;; esac
        case $m in *" $b "*) ;; *) continue;; esac
        z=$y; hl_tell $p || continue
        # Only what waits for an agent's answer, on its socket, has a pinentry ask.
        case $c,$w in gpg*,unix*|ssh*,unix*|gpg*,[0?]|ssh*,[0?]) guests=1;; esac
        j=$((j+1)); [ $j -lt 64 ] || break
        hl_kids $p; l="$l $k"
        for p in $k; do
        hl_stat $p || continue
        if [ $y = $z ] || [ $y = 0 ]; then
        case $c in sudo|sudo-rs|su|runuser|doas|script|pkexec) m="$m$b ";; esac
        elif [ $e -gt 0 ] && hl_behind; then u="$p $e $y"; fi
        done
        done
        }
        # The child $p of $c is on another terminal: $c passes on what is typed if it has made its
        # own terminal raw for that, and the child does not read that one itself (as ssh under
        # sshpass).
        hl_behind() {
        case $c in sudo|sudo-rs|su|runuser|doas|script|pkexec) return 0;; esac
        hl_name $y
        case $(readlink $r/$p/fd/0) in "$n"|'') ;; *) return 1;; esac
        case $(stty -a <$t) in *-icanon*) return 0;; esac
        return 1
        }
        hl_name() { n=/dev/pts/$(((($1 >> 8 & 4095) - 136) * 256 + ($1 & 255 | $1 >> 12 & 1048320))); }
        # gpg-agent, of another session, has pinentry ask on this terminal.
        hl_guests() {
        for x in $r/[0-9]*; do
        c=; read -r c <$x/comm
        case $c in pinentry*) case $(ls -l $x/fd) in *" $t"*) hl_tell ${x##*/};; esac;; esac
        done
        }
        hl_scan() {
        for x in $r/[0-9]*; do
        p=${x##*/}; hl_stat $p || continue
        case $a in Z|X) continue;; esac
        [ "$b" = $g ] || continue
        hl_tell $p || continue
        j=$((j+1)); [ $j -lt 64 ] || break
        done
        }
        hl_probe() {
        q=$1 t=$2 r=${3:-/proc}
        # Where /proc shows no such process, the shell is gone, and its terminal may be another's by
        # now.
        hl_stat $q || {
        [ ! -e $r/self/stat ] || return
        ps -o pid= -o pgid= -o tpgid= -o state= -o wchan= -o comm= -t ${t#/dev/} |
        while read -r l; do printf '%s\n' "ps $l"; done
        echo "shell $q"; echo "tty $t" $(stty -a <$t); return; }
        echo "shell $q $b $e $d $y"; g=$e depth=0
        hl_kids $q
        for p in $k; do hl_stat $p && case $a in T) echo "stopped $p";; esac; done
        while :; do
        guests=; hl_group $g $q
        [ $j -gt 0 ] || hl_scan
        [ $j -gt 0 ] || echo "process $g ? ? ? ? ?"
        [ -z "$guests" ] || hl_guests
        echo "tty $t" $(stty -a <$t)
        depth=$((depth+1)); [ -n "$u" ] && [ $depth -lt 4 ] || break
        set -- $u; q=$1 g=$2
        hl_name $3; t=$n
        echo "inner $t"
        done
        }

        """#
}
