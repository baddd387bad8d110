// The time of day, for what outlives a process: expiries and the times of tasks. Everything else
// uses the loop's clock. Invariant: it is read only here; decisions take the time as an argument.
import Glibc

enum WallClock {
    /// Seconds since 1970.
    static var seconds: Int64 { Int64(time(nil)) }
}
