// The global actor of everything that does I/O. Its executor is the process's one event loop, so
// @IO code is single-threaded. Invariant: a task that awaits I/O is started by `IO.task`, or each
// continuation would bounce through another thread.
import Glibc

/// Isolation to the loop thread.
@globalActor public actor IO {
    /// The process's loop; its thread starts with the first use.
    public static let loop: EventLoop = {
        let loop = EventLoop()
        loop.start()
        return loop
    }()

    /// The actor itself.
    public static let shared = IO()

    /// The loop as Swift's executor for this actor.
    public nonisolated var unownedExecutor: UnownedSerialExecutor {
        IO.loop.asUnownedSerialExecutor()
    }

    /// Enters the actor from a C callback that is known to run on the loop thread.
    @inline(__always)
    public nonisolated static func assume<T, Failure: Error>(
        _ body: @IO () throws(Failure) -> T
    ) throws(Failure) -> T {
        typealias Plain = () throws(Failure) -> T
        IO.loop.checkIsolated()
        // The type differs in isolation alone, and that was just checked; MainActor's own
        // assumeIsolated is written this way.
        return try withoutActuallyEscaping(body) { (body) throws(Failure) -> T in
            try unsafeBitCast(body, to: Plain.self)()
        }
    }

    /// Enters the actor with an argument, for C pointers, which are not Sendable and cannot be
    /// captured.
    @inline(__always)
    public nonisolated static func assume<A, T, Failure: Error>(
        _ argument: A, _ body: @IO (A) throws(Failure) -> T
    ) throws(Failure) -> T {
        typealias Plain = (A) throws(Failure) -> T
        IO.loop.checkIsolated()
        return try withoutActuallyEscaping(body) { (body) throws(Failure) -> T in
            try unsafeBitCast(body, to: Plain.self)(argument)
        }
    }

    /// Starts a task that never leaves the loop thread: the only way to start one that does I/O.
    ///
    /// It works for the principal of its caller (`Sharer`); a detached task would work for nobody,
    /// and take the places that the program keeps for itself.
    @discardableResult
    public nonisolated static func task<T: Sendable>(
        _ operation: @escaping @IO @Sendable () async -> T
    ) -> Task<T, Never> {
        Task(executorPreference: IO.loop) { await operation() }
    }

    /// Runs a program: `body` on the loop, then the process ends with what it returns.
    public nonisolated static func main(_ body: @escaping @IO @Sendable () async -> Int32) -> Never
    {
        Process.fillStandardDescriptors()
        Process.closeMemory()
        Process.keepHeapSmall()
        IO.task { Process.end(await body()) }
        while true { pause() }
    }

    /// The monotonic clock.
    public nonisolated static var now: ContinuousClock.Instant { ContinuousClock.now }
}
