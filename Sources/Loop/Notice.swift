// What a task waits for that may take long: a login that a person confirms on a telephone. Rooms far
// below say it, an agent's entry point shows it as the progress of the call that the task serves.
// Invariant: it is for people alone; nothing is decided by it.

/// The notice of the running task.
public enum TaskNotice {
    /// nil: nobody reads it.
    @TaskLocal public static var current: Notice?
}

/// A line that says what is waited for.
@IO public final class Notice {
    /// What is waited for; nil: nothing in particular.
    public var text: String?

    /// A notice that says nothing yet.
    public init() {}

    /// Runs `body` with a notice.
    public func during<T, Failure: Error>(
        _ body: @IO () async throws(Failure) -> T
    ) async throws(Failure) -> T {
        let result = await TaskNotice.$current.withValue(self) { () async -> Result<T, Failure> in
            do throws(Failure) { return .success(try await body()) } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }
}
