// The calls that are served: their progress can be asked for, by the names that the relay gave
// them, and their waits for output can be ended. Invariant: a call is listed only while it is
// served, and its progress only for its own principal.
import Loop
import Tunnel
import Wire

/// The calls that are being watched.
@IO final class CallWatch {
    /// The most calls watched at once, so that a peer's calls cannot grow the table without bound;
    /// any more are served unwatched.
    private static let limit = 1024
    /// The longest name of a call, in bytes, so that a peer's names take no more memory than this.
    private static let nameLimit = 64

    private struct Key: Hashable { var id: String, name: String }
    private var visits: [Key: Visit] = [:]
    private var served: [ObjectIdentifier: Visit] = [:]

    /// Serves a call, whose progress can be asked for meanwhile, and whose wait can be ended.
    func during<T: Sendable>(
        _ visit: Visit, _ body: @IO () async throws(Fault) -> T
    ) async throws(Fault) -> T {
        served[ObjectIdentifier(visit)] = visit
        defer { served[ObjectIdentifier(visit)] = nil }
        return try await visit.patience.during { () throws(Fault) in
            try await shown(visit, body)
        }
    }

    /// Ends the waits for output, of the calls over one tunnel if it is given: each is answered
    /// with what there is.
    func endWaits(over tunnel: Tunnel?) {
        for visit in Array(served.values) where tunnel == nil || visit.tunnel === tunnel {
            visit.patience.end()
        }
    }

    private func shown<T: Sendable>(
        _ visit: Visit, _ body: @IO () async throws(Fault) -> T
    ) async throws(Fault) -> T {
        guard let name = visit.caller.progress, name.utf8.count <= Self.nameLimit,
            visits.count < Self.limit
        else { return try await body() }
        let key = Key(id: visit.caller.id, name: name)
        visits[key] = visit
        defer { visits[key] = nil }
        return try await visit.notice.during(body)
    }

    /// The progress of a call.
    func progress(of name: String, _ caller: Caller) -> CallProgress {
        guard let visit = visits[Key(id: caller.id, name: name)] else { return CallProgress() }
        var progress = visit.progress?() ?? CallProgress()
        if progress.line == nil, let text = visit.notice.text {
            progress = CallProgress(bytes: progress.bytes ?? 0, line: String(text.prefix(200)))
        }
        return progress
    }
}
