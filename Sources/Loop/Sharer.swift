// For whom the running task works: an agent's entry point sets it for each call, and tasks that the
// call starts inherit it. Rooms far below read it to count what they hand out.
// Invariant: it serves shares alone; rights are judged by the caller that each call carries.

/// The principal that a task works for, who shares places with others.
public enum Sharer {
    /// Its id; empty where the program works for itself.
    @TaskLocal public static var current = ""

    /// Runs `body` for a principal.
    @IO public static func serving<T, Failure: Error>(
        _ id: String, _ body: @IO () async throws(Failure) -> T
    ) async throws(Failure) -> T {
        let result = await $current.withValue(id) { () async -> Result<T, Failure> in
            do throws(Failure) { return .success(try await body()) } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }
}
