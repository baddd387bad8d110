// Named places at which a test has a process die, as if by `kill -9` at just that moment.
// Invariant: in a release build, nothing is here.
import Glibc

/// Places at which a process may be asked to die.
public enum CrashPoint {
    /// Ends the process by SIGKILL if it was asked to die here: HOMELINE_CRASH_AT names the place,
    /// and the file HOMELINE_CRASH_WHEN exists.
    @inline(__always)
    public static func reach(_ name: StaticString) {
        #if DEBUG
            if let wanted, name.description == wanted.name { wanted.die() }
        #endif
    }

    #if DEBUG
        private struct Wanted: Sendable {
            let name: String
            let file: String

            func die() {
                guard access(file, F_OK) == 0 else { return }
                kill(getpid(), SIGKILL)
            }
        }

        private static let wanted: Wanted? = {
            guard let name = getenv("HOMELINE_CRASH_AT"), let file = getenv("HOMELINE_CRASH_WHEN")
            else { return nil }
            return Wanted(name: String(cString: name), file: String(cString: file))
        }()
    #endif
}
