// One timer of the loop (uv_timer_t), and waiting on it. Invariant: after `cancel` it never fires.
internal import CUV

/// Calls back once after a time, or again and again.
@IO public final class LoopTimer {
    private var handle: UnsafeMutablePointer<uv_timer_t>?
    private let fire: @IO () -> Void
    private let period: UInt64
    private let slack: UInt64
    /// Whether it will fire.
    private var isSet = false

    /// Starts the timer.
    ///
    /// A repeating timer fires until it is cancelled or its last reference is gone. With `slack` it
    /// may fire that much later, at a time that it shares with other timers of the same slack: the
    /// process then wakes once for all of them.
    public init(
        after delay: Duration, repeating: Duration? = nil, slack: Duration = .zero,
        _ fire: @escaping @IO () -> Void
    ) {
        self.fire = fire
        period = repeating?.milliseconds ?? 0
        self.slack = slack.milliseconds
        restart(after: delay)
    }

    /// Has it fire after another time than before, also if it has fired or was cancelled.
    public func restart(after delay: Duration) {
        let handle = handle ?? makeHandle()
        isSet = true
        // The loop's cached time is as old as the turn.
        uv_update_time(IO.loop.raw)
        let now = uv_now(IO.loop.raw)
        let due = slack == 0 ? now + delay.milliseconds : (now + delay.milliseconds).up(to: slack)
        uv_timer_start(
            handle,
            { handle in
                guard let data = handle?.pointee.data else { return }
                let timer = Unmanaged<LoopTimer>.fromOpaque(data).takeUnretainedValue()
                IO.assume { timer.fired() }
            }, due - now, period)
    }

    private func makeHandle() -> UnsafeMutablePointer<uv_timer_t> {
        let handle = UnsafeMutablePointer<uv_timer_t>.allocate(capacity: 1)
        uv_timer_init(IO.loop.raw, handle)
        handle.pointee.data = Unmanaged.passUnretained(self).toOpaque()
        self.handle = handle
        return handle
    }

    isolated deinit { cancel() }

    /// Stops it; safe to call again.
    public func cancel() {
        isSet = false
        guard let handle else { return }
        self.handle = nil
        handle.pointee.data = nil
        closeHandle(handle)
    }

    private func fired() {
        isSet = period > 0
        fire()
        if !isSet { cancel() }
    }
}

/// Closes a libuv handle made by `allocate`, and frees it once libuv has released it.
@IO func closeHandle<Handle>(_ handle: UnsafeMutablePointer<Handle>) {
    uv_close(UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_handle_t.self)) {
        UnsafeMutableRawPointer($0)?.deallocate()
    }
}

extension UInt64 {
    /// The next multiple of a step.
    fileprivate func up(to step: UInt64) -> UInt64 { (self + step - 1) / step * step }
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
