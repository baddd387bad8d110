// Workers whose work does not fit into one turn of the loop: links with much data, and screens.
// They work at the start of a turn, before its jobs and descriptors; data to pass on comes before
// data that is only to be drawn. Invariant: each works at most once per turn; except for its first
// worker, none starts once its queue's time is over.
internal import CUV

/// Something that may have more to do than fits into one turn of the loop.
public protocol Worker: AnyObject {
    /// Works for about a `Slice`; a worker that then has more to do asks for another turn.
    @IO func work()
}

/// The two queues of workers.
final class Workers {
    /// Nanoseconds per turn for all workers of the first queue together: 2 ms, so that they delay
    /// jobs and descriptors by about that and one slice at most.
    private static let turn: UInt64 = 2_000_000
    /// The same for the patient workers, so that a turn with both stays short.
    private static let patientTurn: UInt64 = 1_000_000

    /// Keeps the loop from sleeping while a worker waits, and calls back once per turn.
    private let idle = UnsafeMutablePointer<uv_idle_t>.allocate(capacity: 1)
    private let queue = Queue()
    private let patient = Queue()

    init(_ loop: UnsafeMutablePointer<uv_loop_t>) { uv_idle_init(loop, idle) }

    func add(_ worker: any Worker, isPatient: Bool) {
        (isPatient ? patient : queue).waiting.append(worker)
        // This does nothing if it is already running.
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
            // Workers that had no turn come before those that ask for another.
            waiting.insert(contentsOf: turn[done...], at: 0)
        }
    }
}
