// A value that is set once and waited for by any number of tasks: how a callback becomes an await.

/// A value that is set later; the first `set` wins.
@IO public final class Once<Value: Sendable> {
    /// The value, once it is set.
    public private(set) var value: Value?
    private var waiting: [UnsafeContinuation<Value, Never>] = []

    /// An empty one.
    public nonisolated init() {}

    /// Sets the value and resumes the waiting tasks; later calls change nothing.
    public func set(_ value: Value) {
        guard self.value == nil else { return }
        self.value = value
        let resumed = waiting
        waiting = []
        for continuation in resumed { continuation.resume(returning: value) }
    }

    /// Waits for the value, even when cancelled; its creator must set it.
    public func wait() async -> Value {
        if let value { return value }
        return await withUnsafeContinuation { continuation in
            // A task that was not started on the loop may have been held up since it looked.
            if let value { return continuation.resume(returning: value) }
            waiting.append(continuation)
        }
    }
}
