// Changes of one file, one after the other: each reads the file, decides, and writes, and of two at
// once the second would write over what it has not seen.
// Invariant: of the calls on one file of one host, at most one is between its look and its write.
import Loop
import Wire

/// The turns of calls that change files.
@IO final class FileTurns {
    /// How long a call waits for its turn: a change of the largest file over a slow link.
    private static let time = Duration.seconds(30)

    private var busy: Set<String> = []
    private let changed = Condition()

    /// Does a change when its turn has come.
    func during<T>(
        _ path: String, at host: String, _ body: @IO () async throws(Fault) -> T
    ) async throws(Fault) -> T {
        let key = "\(host) \(path)"
        let end = IO.now + Self.time
        while busy.contains(key) {
            guard IO.now < end, !Task.isCancelled else {
                throw Fault(
                    .busy, "\(path): another call is changing it: nothing was changed; try again")
            }
            await changed.wait(until: end) { !busy.contains(key) }
        }
        busy.insert(key)
        defer {
            busy.remove(key)
            changed.broadcast()
        }
        return try await body()
    }
}
