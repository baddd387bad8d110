// Counting what a link does. Invariant: an unknown figure is absent, never estimated.
internal import CSSH2
import Glibc
internal import Loop

extension Link {
    /// What the link has done so far.
    public var statistics: LinkStatistics {
        var all = counts
        if channelCount > 0 { all.lastUsed = Self.clock }
        all.bytesReceived = session.transport.received
        all.bytesSent = session.transport.accepted
        all.rekeys = session.rekeys
        return all
    }

    static var clock: Int64 { Int64(time(nil)) }

    /// A channel was opened.
    func used() {
        counts.uses += 1
        counts.lastUsed = Self.clock
    }

    /// A channel or a request was refused, or not answered in time.
    func failed() { counts.errors += 1 }

    /// Measures how long the server takes to open a channel, or to refuse it: from the step's first
    /// attempt to the attempt that returns the answer.
    func timed() -> @IO (@IO () -> Int32) -> Int32 {
        var begun: ContinuousClock.Instant?
        return { [weak self] step in
            let start = begun ?? IO.now
            begun = start
            let code = step()
            if code == 0 || code == LIBSSH2_ERROR_CHANNEL_FAILURE {
                self?.counts.roundTrip = IO.now - start
            }
            return code
        }
    }
}
