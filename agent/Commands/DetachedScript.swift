// The scripts of commands that outlive the agent's connection: one starts such a command with its
// outputs in files of a private folder, one follows these files. Pure.
// Invariant: an exit code is passed on only where the command left one.
import Wire

/// A detached command at its host.
struct DetachedScript {
    let id: String

    /// Its folder, below the user's home.
    private var folder: String { ".homeline/jobs/\(id)" }

    /// What the start reads before the input.
    static let go = "go\n"
    /// What the start prints when all is in place.
    static let started = "homeline:started"

    /// How the follower ends where the command left no exit code: killed, or its host restarted.
    static let unreported = "USR1"
    /// How it ends where the folder is gone.
    static let missing = "USR2"

    /// Starts a command in a session of its own; its input is the script's.
    ///
    /// `isForSh`: /bin/sh runs the command, and not the login shell. What does not come whole,
    /// as its connection was lost, starts nothing: the line `go`, and `inputCount` bytes of input.
    func start(_ command: String, isForSh: Bool, inputCount: Int) -> String {
        let shell = isForSh ? "/bin/sh" : "${SHELL:-/bin/sh}"
        let run =
            #"trap "" HUP; (umask "$3"; exec "$1" -c "$2") <in >>out 2>>err; "#
            + "echo $? >new && mv new code"
        return """
            u=$(umask); umask 077; d=$HOME/\(folder)
            fail() { cd /; rm -rf "$d"; exit 1; }
            mkdir -p "$d" && cd "$d" && read -r go && cat >in && : >out && : >err && n=$(wc -c <in) \
            && [ $((n)) -eq \(inputCount) ] || fail
            export \(CommandText.mark)=\(id)
            s=setsid; command -v setsid >/dev/null || s=
            $s /bin/sh -c \(CommandText.quoted(run)) sh "\(shell)" \(CommandText.quoted(command)) \
            "$u" </dev/null >/dev/null 2>&1 &
            echo $! >pid || { kill -KILL -$! || kill -KILL $!; fail; } 2>/dev/null
            echo \(Self.started)
            """
    }

    /// Passes on both outputs from the offsets on, and ends as the command does.
    ///
    /// It ends too when its input does, which is when the connection is gone.
    func follow(from offsets: RunOffsets) -> String {
        """
        cd "$HOME/\(folder)" || kill -\(Self.missing) $$
        m='\(CommandText.pattern(of: id))'; o=\(offsets.output); e=\(offsets.errors); q=0
        exec 3<&0; { cat >/dev/null; kill $$; } <&3 >/dev/null 2>&1 3<&- &
        exec 3<&- </dev/null
        more() {
        n=$(wc -c <out); n=$((n)); if [ $n -gt $o ]; then
        tail -c +$((o+1)) out | head -c $((n-o)); o=$n; q=0; fi
        n=$(wc -c <err); n=$((n)); if [ $n -gt $e ]; then
        tail -c +$((e+1)) err | head -c $((n-e)) >&2; e=$n; q=0; fi; }
        runs() { [ -s pid ] || { [ -e in ]; return; }; p=$(cat pid)
        if [ -r /proc/self/environ ]; then grep -qs "$m" /proc/$p/environ; else kill -0 $p; fi; }
        while :; do
        if runs 2>/dev/null; then more; else
        more; if [ -s code ]; then exit $(cat code); fi; kill -\(Self.unreported) $$; fi
        q=$((q+1)); if [ $q -lt 25 ]; then sleep 0.2 2>/dev/null || sleep 1; else sleep 1; fi
        done
        """
    }

    /// Prints how many bytes both outputs have.
    var sizes: String { "cd \"$HOME/\(folder)\" && wc -c <out && wc -c <err" }

    /// Removes the folder.
    var forget: String { "rm -rf \"$HOME/\(folder)\"" }
}
