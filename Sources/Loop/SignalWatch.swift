// A process signal as a callback on the loop (uv_signal_t).
internal import CUV

/// Watches one signal until it is cancelled.
@IO public final class SignalWatch {
    private var handle: UnsafeMutablePointer<uv_signal_t>?
    private let received: @IO () -> Void

    /// Starts watching `signal` (`SIGINT`, `SIGTERM`, …) in place of its default action.
    public init(_ signal: Int32, _ received: @escaping @IO () -> Void) {
        self.received = received
        let handle = UnsafeMutablePointer<uv_signal_t>.allocate(capacity: 1)
        uv_signal_init(IO.loop.raw, handle)
        handle.pointee.data = Unmanaged.passUnretained(self).toOpaque()
        self.handle = handle
        uv_signal_start(
            handle,
            { handle, _ in
                guard let data = handle?.pointee.data else { return }
                let me = Unmanaged<SignalWatch>.fromOpaque(data).takeUnretainedValue()
                IO.assume { me.received() }
            }, signal)
    }

    isolated deinit { cancel() }

    /// Stops watching, which restores the signal's default action.
    public func cancel() {
        guard let handle else { return }
        self.handle = nil
        handle.pointee.data = nil
        closeHandle(handle)
    }
}
