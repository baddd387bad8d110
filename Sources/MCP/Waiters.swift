// Tasks that wait for the same thing to happen. Invariant: whoever waits is resumed exactly once,
// by the next `resume`.

struct Waiters {
    private var waiting: [CheckedContinuation<Void, Never>] = []

    mutating func add(_ continuation: CheckedContinuation<Void, Never>) {
        waiting.append(continuation)
    }

    mutating func resume() {
        let resumed = waiting
        waiting = []
        for continuation in resumed { continuation.resume() }
    }
}
