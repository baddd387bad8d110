// Those who have more to do than one turn of the loop has room for: links with a flood before them, and
// screens. They take turns after the calls, timers and descriptors of each turn; what has to be passed
// on comes before what only has to be drawn.
// Invariant: each works at most once in a turn; none but the first begins once its queue's time is over.
internal import CUV

/// Something that may have more to do than fits into one turn of the loop.
public protocol Worker: AnyObject {
    /// Works for about a `Slice`; whoever then has more to do asks for another turn.
    @IO func work()
}

/// The two queues of workers.
final class Workers {
    /// Nanoseconds all workers that are not patient together have in one turn.
    private static let turn: UInt64 = 2_000_000
    /// The same for the patient ones, so that a turn with both stays short.
    private static let patientTurn: UInt64 = 1_000_000

    /// Keeps the loop from sleeping while somebody waits, and calls back once each turn.
    private let idle = UnsafeMutablePointer<uv_idle_t>.allocate(capacity: 1)
    private let queue = Queue()
    private let patient = Queue()

    init(_ loop: UnsafeMutablePointer<uv_loop_t>) { uv_idle_init(loop, idle) }

    func add(_ worker: any Worker, isPatient: Bool) {
        (isPatient ? patient : queue).waiting.append(worker)
        // It does nothing when it runs already.
        uv_idle_start(idle) { idle in
            guard let data = idle?.pointee.loop?.pointee.data else { return }
            let workers = Unmanaged<EventLoop>.fromOpaque(data).takeUnretainedValue().workers
            IO.assume(workers) { $0.takeTurns() }
        }
    }

    @IO private func takeTurns() {
        queue.takeTurns(for: Self.turn)
        patient.takeTurns(for: Self.patientTurn)
        if queue.waiting.isEmpty, patient.waiting.isEmpty { uv_idle_stop(idle) }
    }

    /// Workers, first come first served.
    private final class Queue {
        var waiting: [any Worker] = []

        @IO func takeTurns(for time: UInt64) {
            let turn = waiting
            waiting = []
            let end = Slice.now + time
            var done = 0
            for worker in turn {
                worker.work()
                done += 1
                if Slice.now >= end { break }
            }
            // Those who had no turn come before those who ask for another one.
            waiting.insert(contentsOf: turn[done...], at: 0)
        }
    }
}
