// Ends a command with everything that it started, by a script at its host; OpenSSH refuses signals
// where root logs in, and a signal to a group misses what has left it.
// Invariant: what is said to be gone was looked for after the last signal.
import Loop
import Programs

/// What is left of a command after its processes were signalled.
enum Sweep: Equatable, Sendable {
    /// None of its processes is left, or the host's way of ending it cannot say.
    case gone
    /// These processes are, by their ids.
    case left([String])
    /// It is not known, and why.
    case unknown(String)

    /// Time for the script to kill and look after the grace, and for its answer to come.
    private static let answerTime = Duration.seconds(5)

    /// Reads the script's answer.
    init(answer: [UInt8]?) {
        guard let answer else {
            self = .unknown("its host could not be asked, or did not answer in time")
            return
        }
        let words = String(decoding: answer, as: UTF8.self).split(whereSeparator: \.isWhitespace)
        // Start files may print something before.
        guard let at = words.lastIndex(where: { $0.hasPrefix("homeline:") }) else {
            self = .unknown("its host ran nothing that could look")
            return
        }
        switch words[at] {
        case "homeline:gone": self = .gone
        case "homeline:left": self = .left(words[(at + 1)...].map(String.init))
        default: self = .unknown("its host shows no processes")
        }
    }

    /// Runs the script, started by `start`.
    @IO static func run(
        grace: Duration, _ start: @escaping @IO () async -> (any RunningProgram)?
    ) async -> Sweep {
        let answer = await IO.within(grace + answerTime) { () -> [UInt8]? in
            guard let program = await start() else { return nil }
            return await ProgramOutput.collect(program)
        }
        return Sweep(answer: answer ?? nil)
    }

    /// A script for /bin/sh that signals everything that carries the mark or shares its process
    /// group or session, and kills what is left after the grace.
    ///
    /// A group or session counts if its leader carries the mark: so a process with an environment
    /// of its own is found, and the shell's server is not. `leader`: the first process, if known.
    static func script(
        mark id: String, signal: String, grace: Duration, leader: Int32? = nil
    ) -> String {
        let tenths = Int(grace / .milliseconds(100))
        // A pattern that fits the mark and not itself: this text is in the environment of a forced
        // command, and in the arguments of what looks. A shell that has set the mark itself has it
        // in its arguments alone, and only what it starts has it in the environment.
        return """
            m='\(CommandText.pattern(of: id))'; K=" \(leader.map(String.init) ?? "") "
            if [ -r /proc/self/stat ]; then
            marked() { for f in $(grep -ls "$m" /proc/[0-9]*/environ
            grep -ls "$m" /proc/[0-9]*/cmdline); do
            f=${f%/*}; echo ${f#/proc/}; done; }
            all() { for f in /proc/[0-9]*/stat; do read -r l <$f || continue; p=${l%% *}
            set -- ${l##*) }; case $1 in Z|X) ;; *) echo $p $3 $4;; esac; done; }
            else
            [ -n "$(ps)" ] || { echo homeline:blind; exit 0; }
            marked() { ps axeww | grep "$m" | while read -r p r; do echo $p; done; }
            all() { ps -axo pid=,pgid=,state= | while read -r p g s; do
            case $s in Z*) ;; *) echo $p $g $g;; esac; done; }
            fi
            look() { K="$K$(marked | tr '\\n' ' ')"; P=$(all | while read -r p g s; do
            case "$K" in *" $p "*|*" $g "*|*" $s "*) echo $p;; esac; done)
            [ -n "$P" ] || { echo homeline:gone; exit 0; }; }
            exec 2>/dev/null
            look; kill -\(signal) $P
            if sleep 0.1; then z=0.2; t=2; else z=1; t=10; fi
            i=0; while [ $i -lt \(tenths) ]; do look; sleep $z; i=$((i+t)); done
            i=0; while [ $i -lt 10 ]; do look; kill -KILL $P; sleep $z; i=$((i+t)); done
            look; echo homeline:left $P
            """
    }
}
