// A value that is set once and waited for by any number of tasks: how a callback becomes an await.

/// A value that comes later; the first `set` wins.
@IO public final class Once<Value: Sendable> {
    /// The value, when it is there.
    public private(set) var value: Value?
    private var waiting: [UnsafeContinuation<Value, Never>] = []

    /// An empty one.
    public nonisolated init() {}

    /// Sets the value and resumes who waits; later calls change nothing.
    public func set(_ value: Value) {
        guard self.value == nil else { return }
        self.value = value
        let resumed = waiting
        waiting = []
        for continuation in resumed { continuation.resume(returning: value) }
    }

    /// Waits for the value, cancelled or not: whoever makes one promises to set it.
    public func wait() async -> Value {
        if let value { return value }
        return await withUnsafeContinuation { continuation in
            // A task that was not started on the loop may have been held up since it looked.
            if let value { return continuation.resume(returning: value) }
            waiting.append(continuation)
        }
    }
}
