// One timer of the loop (uv_timer_t), and waiting on it. Invariant: after `cancel` it never fires.
internal import CUV

/// Calls back once after a time, or again and again.
@IO public final class LoopTimer {
    private var handle: UnsafeMutablePointer<uv_timer_t>?
    private let fire: @IO () -> Void
    private let repeats: Bool

    /// Starts the timer.
    ///
    /// A repeating timer fires until it is cancelled or its last reference is gone.
    public init(
        after delay: Duration, repeating: Duration? = nil, _ fire: @escaping @IO () -> Void
    ) {
        self.fire = fire
        repeats = repeating != nil
        let handle = UnsafeMutablePointer<uv_timer_t>.allocate(capacity: 1)
        uv_timer_init(IO.loop.raw, handle)
        // The loop's cached time is as old as the turn.
        uv_update_time(IO.loop.raw)
        handle.pointee.data = Unmanaged.passUnretained(self).toOpaque()
        self.handle = handle
        uv_timer_start(
            handle,
            { handle in
                guard let data = handle?.pointee.data else { return }
                let timer = Unmanaged<LoopTimer>.fromOpaque(data).takeUnretainedValue()
                IO.assume { timer.fired() }
            }, delay.milliseconds, repeating?.milliseconds ?? 0)
    }

    isolated deinit { cancel() }

    /// Stops it; safe to call again.
    public func cancel() {
        guard let handle else { return }
        self.handle = nil
        handle.pointee.data = nil
        closeHandle(handle)
    }

    private func fired() {
        if !repeats { cancel() }
        fire()
    }
}

/// Closes a libuv handle made by `allocate`, and frees it once libuv has released it.
@IO func closeHandle<Handle>(_ handle: UnsafeMutablePointer<Handle>) {
    uv_close(UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_handle_t.self)) {
        UnsafeMutableRawPointer($0)?.deallocate()
    }
}

extension Duration {
    /// Whole milliseconds, rounded up, not negative, as libuv's timers count.
    var milliseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        guard seconds < 1 << 40 else { return UInt64(1) << 50 }
        return UInt64(seconds) * 1000
            + UInt64((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}
