// The script that asks the kernel, for any POSIX `sh`: what is in a terminal's foreground, what it
// sleeps in, and the terminal's modes. Probe reads its answer.
// Invariant: it only reads; it forks two or three times and examines at most 64 processes.

extension Probe {
    /// The shell and the terminal that the probe asks about.
    public struct Question: Sendable, Equatable {
        /// The shell's process.
        public let process: Int
        /// The shell's terminal.
        public let terminal: String

        /// A question; nil: the terminal's name is not plain.
        public init?(process: Int, terminal: String) {
            let isPlain = terminal.utf8.allSatisfy {
                $0 >= 97 && $0 <= 122 || $0 >= 48 && $0 <= 57 || $0 == 47 || $0 >= 65 && $0 <= 90
            }
            guard isPlain, terminal.hasPrefix("/dev/"), process > 0 else { return nil }
            self.process = process
            self.terminal = terminal
        }

        /// The line that asks, once `Probe.definitions` have been read.
        public var line: String { "hl_probe \(process) \(terminal) 2>/dev/null\n" }
    }

    /// Functions for `sh`, given before the first question.
    ///
    /// Lines of the answer: `shell PID GROUP FOREGROUND IMAGE TERMINAL`, `stopped PID` (a job),
    /// then for the terminal and each one behind it (`inner NAME`: sudo runs commands on a terminal
    /// of their own): `process PID STATE WCHAN CALL FILE NAME` for each process in the foreground,
    /// and last `tty NAME MODES`, so that a process found reading is judged by the modes of that
    /// moment; `owner PID UID` follows a process that elevates rights, with its effective user.
    /// Without /proc: `ps PID GROUP FOREGROUND STATE WCHAN NAME`.
    public static let definitions = #"""
        export LC_ALL=C
        hl_stat() { read -r s <$r/$1/stat || return; set -- ${s##*) }; a=$1 b=$3 y=$5 e=$6 d=${26}; }
        hl_kids() { k=; read -r k <$r/$1/task/$1/children; }
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
        case $c in sudo|su|doas) while read -r h i x; do
        case $h in Uid:) echo "owner $1 ${x%%[!0-9]*}"; break;; esac; done <$r/$1/status;; esac
        i=0
        for x in $r/$1/task/*; do
        i=$((i+1)); [ $i -le 64 ] || break
        [ ${x##*/} != $1 ] || continue
        v=; read -r v <$x/syscall
        case ${v%% *} in 0|3|63) hl_thread $1 ${x##*/} $v;; esac
        done
        return 0
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
        j=$((j+1)); [ $j -lt 64 ] || break
        hl_kids $p; l="$l $k"
        case $c in sudo|su|runuser|doas|script|pkexec) for p in $k; do
        hl_stat $p || continue
        if [ $y = $z ] || [ $y = 0 ]; then m="$m$b "; elif [ $e -gt 0 ]; then u="$p $e $y"; fi
        done;; esac
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
        # Where /proc shows no such process, the shell is gone, and its terminal may be another's by now.
        hl_stat $q || {
        [ ! -e $r/self/stat ] || return
        ps -o pid= -o pgid= -o tpgid= -o state= -o wchan= -o comm= -t ${t#/dev/} |
        while read -r l; do printf '%s\n' "ps $l"; done
        echo "shell $q"; echo "tty $t" $(stty -a <$t); return; }
        echo "shell $q $b $e $d $y"; g=$e n=0
        hl_kids $q
        for p in $k; do hl_stat $p && case $a in T) echo "stopped $p";; esac; done
        while :; do
        hl_group $g $q
        [ $j -gt 0 ] || hl_scan
        [ $j -gt 0 ] || echo "process $g ? ? ? ? ?"
        echo "tty $t" $(stty -a <$t)
        n=$((n+1)); [ -n "$u" ] && [ $n -lt 4 ] || break
        set -- $u; q=$1 g=$2
        t=/dev/pts/$(((($3 >> 8 & 4095) - 136) * 256 + ($3 & 255 | $3 >> 12 & 1048320)))
        echo "inner $t"
        done
        }

        """#
}
