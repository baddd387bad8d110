// Readiness of a descriptor that a C library owns (uv_poll_t): libssh2's sockets, a terminal's
// master. Invariant: the caller owns the descriptor and keeps it open for longer than the watch.
internal import CUV

/// Watches one descriptor for readability and writability.
@IO public final class Readiness {
    /// The events to watch for, or those that were found.
    public struct Interest: OptionSet, Sendable {
        /// The bits.
        public let rawValue: Int32
        /// An interest from its bits.
        public init(rawValue: Int32) { self.rawValue = rawValue }
        /// There is something to read, or the peer has closed.
        public static let read = Interest(rawValue: 1)
        /// Writing will not block.
        public static let write = Interest(rawValue: 2)
    }

    private var handle: UnsafeMutablePointer<uv_poll_t>?
    private var watched: Interest = []
    private var ready: (@IO (Interest) -> Void)?

    /// Makes a watch that is not started yet; the descriptor becomes non-blocking (`uv_poll_init`).
    public init(descriptor: Int32) throws(LoopError) {
        let handle = UnsafeMutablePointer<uv_poll_t>.allocate(capacity: 1)
        let code = uv_poll_init(IO.loop.raw, handle, descriptor)
        guard code == 0 else {
            handle.deallocate()
            throw .uv("uv_poll_init", code)
        }
        self.handle = handle
        handle.pointee.data = Unmanaged.passUnretained(self).toOpaque()
    }

    isolated deinit { close() }

    /// Watches for `interest` until `stop`.
    ///
    /// An error on the descriptor is reported as both, repeatedly, until it has been read.
    public func watch(_ interest: Interest, _ ready: @escaping @IO (Interest) -> Void) {
        self.ready = ready
        watch(interest)
    }

    /// Changes what is watched, keeping the callback.
    public func watch(_ interest: Interest) {
        guard let handle, interest != watched else { return }
        watched = interest
        guard !interest.isEmpty else {
            uv_poll_stop(handle)
            return
        }
        start(handle)
    }

    private func start(_ handle: UnsafeMutablePointer<uv_poll_t>) {
        uv_poll_start(handle, watched.rawValue) { handle, status, events in
            guard let data = handle?.pointee.data else { return }
            let me = Unmanaged<Readiness>.fromOpaque(data).takeUnretainedValue()
            IO.assume { status < 0 ? me.failed() : me.ready?(Interest(rawValue: events & 3)) }
        }
    }

    /// libuv has stopped the watch; data received before the error may not all have been read yet.
    private func failed() {
        if let handle, !watched.isEmpty { start(handle) }
        ready?([.read, .write])
    }

    /// Stops watching; `watch` starts again.
    public func stop() { watch([]) }

    /// Stops for good.
    ///
    /// Call it before the descriptor is closed.
    public func close() {
        guard let handle else { return }
        self.handle = nil
        ready = nil
        handle.pointee.data = nil
        uv_poll_stop(handle)
        closeHandle(handle)
    }
}
