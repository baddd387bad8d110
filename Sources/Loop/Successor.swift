// The process that takes over from this one: it has the same standard descriptors, is the leader of
// a session of its own, and is given some more of this process's descriptors.
// Invariant: it outlives this process.
import Glibc
public import Programs

/// A started process that outlives its starter.
@IO public final class Successor {
    /// Its process id.
    public let pid: Int32
    /// How it ended, if this process still runs then.
    public let end: Once<ProgramEnd>

    /// Starts the program at `path` (searched in PATH when it has no slash).
    ///
    /// `environment` replaces the whole environment. `descriptors` are 3, 4 and so on in the new
    /// process.
    public init(
        path: String, arguments: [String], environment: [String: String], descriptors: [Int32]
    ) throws(LoopError) {
        let end = Once<ProgramEnd>()
        self.end = end
        pid = try Spawn.start(
            path: path, arguments: arguments, environment: environment,
            stdio: ([0, 1, 2] + descriptors).map(Spawn.inherited)
        ) { end.set($0) }
    }

    /// Kills it, if it has not ended.
    public func kill() {
        if end.value == nil { _ = Glibc.kill(pid, SIGKILL) }
    }
}
