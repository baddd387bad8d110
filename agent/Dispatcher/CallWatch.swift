// The calls that wait and whose progress may be asked for, by the names that the relay gave them.
// Invariant: a call is in here only while it waits, and for its own principal.
import Loop
import Wire

/// Calls that are watched.
@IO final class CallWatch {
    private static let limit = 1024
    private static let nameLimit = 64

    private struct Key: Hashable { var id: String, name: String }
    private var views: [Key: @IO () -> CallProgress] = [:]

    /// Serves a call; meanwhile `view` tells how far it is.
    func during<T: Sendable>(
        _ caller: Caller, _ view: @escaping @IO () -> CallProgress,
        _ body: @IO () async throws(Fault) -> T
    ) async throws(Fault) -> T {
        guard let name = caller.progress, name.utf8.count <= Self.nameLimit,
            views.count < Self.limit
        else { return try await body() }
        let key = Key(id: caller.id, name: name)
        views[key] = view
        defer { views[key] = nil }
        return try await body()
    }

    /// How far a call is.
    func progress(of name: String, _ caller: Caller) -> CallProgress {
        views[Key(id: caller.id, name: name)]?() ?? CallProgress()
    }
}
