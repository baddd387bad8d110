// How long this thread has worked. What others take of a busy machine does not count, so that a
// bound on it holds under any load.
import Glibc

/// The CPU time the calling thread has used.
public func threadTime() -> Duration {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
}
