// Busy loops, one for each core, for tests of what must hold on a machine that has no time.
// Invariant: they end with the value, and by themselves after ten minutes of work.
import Foundation

/// Work that keeps every core busy.
public final class Burden: Sendable {
    private let loops: [RunningProcess]

    /// Starts the loops.
    public init() throws {
        loops = try (0..<ProcessInfo.processInfo.activeProcessorCount).map { _ in
            try RunningProcess("/bin/sh", ["-c", "ulimit -t 600; while :; do :; done"])
        }
    }

    /// Ends them.
    public func end() async {
        for loop in loops { await loop.stop() }
    }
}
