// The calls that wait and whose progress may be asked for, by the names that the relay gave them.
// Invariant: a call is in here only while it waits, and for its own principal.
import Loop
import Wire

/// Calls that are watched.
@IO final class CallWatch {
    /// The most calls that are watched at once; one more is served unwatched.
    private static let limit = 1024
    /// The longest name of a call, in bytes, so that a peer's names take no more memory than this.
    private static let nameLimit = 64

    private struct Key: Hashable { var id: String, name: String }
    private var visits: [Key: Visit] = [:]

    /// Serves a call; meanwhile it can be asked how far it is.
    func during<T: Sendable>(
        _ visit: Visit, _ body: @IO () async throws(Fault) -> T
    ) async throws(Fault) -> T {
        guard let name = visit.caller.progress, name.utf8.count <= Self.nameLimit,
            visits.count < Self.limit
        else { return try await body() }
        let key = Key(id: visit.caller.id, name: name)
        visits[key] = visit
        defer { visits[key] = nil }
        return try await body()
    }

    /// How far a call is.
    func progress(of name: String, _ caller: Caller) -> CallProgress {
        visits[Key(id: caller.id, name: name)]?.progress?() ?? CallProgress()
    }
}
