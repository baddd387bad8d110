// Waiting for a one-shot command: for its end, for output, for a line that matches, for its end
// that was asked for. Invariant: a wait ends with its deadline, whatever the output is.
import Loop
import Terminal
import Wire

extension CommandRun {
    /// Waits for its end, or for output beyond the offsets; a wait that the client asked for
    /// (`asAsked`) ends with the client's patience as well.
    func wait(
        _ limit: Duration, asAsked: Bool = false, beyond offsets: RunOffsets? = nil
    ) async {
        await changed.wait(until: IO.now + limit, asAsked: asAsked) {
            guard end == nil, let offsets else { return end != nil }
            return logs.output.end > offsets.output || logs.errors.end > offsets.errors
        }
    }

    /// Waits until it has ended and its host has said what is left of it.
    func waitForEnding(_ limit: Duration) async {
        await changed.wait(until: IO.now + limit) {
            ending == nil || ending?.sweep != nil && (end != nil || !isAttached)
        }
    }

    /// Waits until a line of either output matches, from the offsets on; false if the command or
    /// the time ended before.
    func find(
        _ pattern: LinePattern, from offsets: RunOffsets, _ limit: Duration
    ) async -> Bool {
        let deadline = IO.now + limit
        var searches = [
            (logs.output, OutputSearch(pattern, from: offsets.output)),
            (logs.errors, OutputSearch(pattern, from: offsets.errors)),
        ]
        while true {
            let (count, isOver) = (logs.count, end != nil)
            var hasMore = false
            for index in searches.indices {
                switch searches[index].1.step(searches[index].0) {
                case .found: return true
                case .more: hasMore = true
                case .caughtUp: break
                }
            }
            if hasMore {
                // Other work has its turn between two pieces.
                do { try await IO.sleep(for: .zero) } catch { return false }
                if IO.now >= deadline { return false }
                continue
            }
            guard !isOver, IO.now < deadline, !Task.isCancelled, !TaskPatience.isOver
            else { return false }
            await changed.wait(until: deadline, asAsked: true) { logs.count > count || end != nil }
        }
    }
}
