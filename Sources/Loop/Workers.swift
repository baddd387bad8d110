// Those who have more to do than one turn of the loop has room for: links and screens with a flood
// before them. They take turns after the calls, timers and descriptors of each turn.
// Invariant: each works at most once in a turn, and none begins once the turn's time for them is over.
internal import CUV

/// Something that may have more to do than fits into one turn of the loop.
public protocol Worker: AnyObject {
    /// Works for about a `Slice`; whoever then has more to do asks for another turn.
    @IO func work()
}

/// The queue of workers, first come first served.
final class Workers {
    /// Nanoseconds all workers together have in one turn.
    private static let turn: UInt64 = 2_000_000

    /// Keeps the loop from sleeping while somebody waits, and calls back once each turn.
    private let idle = UnsafeMutablePointer<uv_idle_t>.allocate(capacity: 1)
    private var waiting: [any Worker] = []

    init(_ loop: UnsafeMutablePointer<uv_loop_t>) { uv_idle_init(loop, idle) }

    func add(_ worker: any Worker) {
        waiting.append(worker)
        guard waiting.count == 1 else { return }
        uv_idle_start(idle) { idle in
            guard let data = idle?.pointee.loop?.pointee.data else { return }
            let workers = Unmanaged<EventLoop>.fromOpaque(data).takeUnretainedValue().workers
            IO.assume(workers) { $0.takeTurns() }
        }
    }

    @IO private func takeTurns() {
        let end = Slice.now + Self.turn
        var left = waiting.count
        while left > 0 {
            let worker = waiting.removeFirst()
            worker.work()
            left -= 1
            if Slice.now >= end { break }
        }
        if waiting.isEmpty { uv_idle_stop(idle) }
    }
}
