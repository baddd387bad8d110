// The wait that a call's client asked for (`wait_s`): it may be ended before its time, by whoever
// answers for the call. An agent's entry point gives each call one; rooms far below wait by it.
// Invariant: only waits that say so (`asAsked`) end with it; steps that must be finished do not.

/// The patience of the running task.
public enum TaskPatience {
    /// nil: a wait ends with its deadline alone.
    @TaskLocal public static var current: Patience?

    /// Whether the task's client is to have what there is now.
    @IO public static var isOver: Bool { current?.isOver ?? false }
}

/// How long a call's client waits: until it is over, whatever the deadline.
@IO public final class Patience {
    /// Whether the client is to have what there is now.
    public private(set) var isOver = false
    private var waiting: [ObjectIdentifier: Once<Void>] = [:]

    /// Patience that is not over.
    public init() {}

    /// Ends the waits of its call.
    public func end() {
        isOver = true
        let woken = waiting.values
        waiting = [:]
        for change in woken { change.set(()) }
    }

    /// Runs `body` with this patience.
    public func during<T, Failure: Error>(
        _ body: @IO () async throws(Failure) -> T
    ) async throws(Failure) -> T {
        let result = await TaskPatience.$current.withValue(self) { () async -> Result<T, Failure> in
            do throws(Failure) { return .success(try await body()) } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// Has `change` set when it is over, until it is removed.
    func wakes(_ change: Once<Void>) { waiting[ObjectIdentifier(change)] = change }

    /// Does not set `change` any more.
    func forgets(_ change: Once<Void>) { waiting[ObjectIdentifier(change)] = nil }
}
