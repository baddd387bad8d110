// What runs and is found again by its id. Between the calls that name an id and what they name.
// Invariant: a caller is shown only what it may use; what has ended is kept for an hour, and at most
// `limit` of it.
import Loop
import Wire

/// Something that runs for its owner until it ends.
@IO protocol Job: AnyObject {
    /// The handle that clients keep.
    var id: String { get }
    var owner: Owner { get }
    var started: ContinuousClock.Instant { get }
    /// When it ended; nil while it runs.
    var ended: ContinuousClock.Instant? { get }
    /// Called when it has ended.
    var onEnd: (@IO () -> Void)? { get set }
}

/// The jobs of one kind, by their ids.
@IO final class Jobs<Kind: Job> {
    /// The most that run at once, and the most that are kept after their end.
    let limit: Int
    private var jobs: [String: Kind] = [:]
    /// Ids of those that ended, the oldest first.
    private var endedIDs: [String] = []

    /// How long an ended one is found: a client that was cut off comes back within that time.
    private static var kept: Duration { .seconds(3600) }

    init(limit: Int) { self.limit = limit }

    /// How many have not ended.
    var runningCount: Int { jobs.count - endedIDs.count }

    /// All, running or kept.
    var all: [Kind] { Array(jobs.values) }

    /// Takes over one that is about to start.
    func add(_ job: Kind) {
        let id = job.id
        jobs[id] = job
        job.onEnd = { [weak self] in self?.ended(id) }
    }

    /// The one with this id; whether a caller may use it is asked at the door.
    subscript(id: String) -> Kind? { jobs[id] }

    /// Those that the caller may use, the newest first.
    func list(for caller: Caller) -> [Kind] {
        jobs.values.filter { caller.mayUse($0.owner) }.sorted { $0.started > $1.started }
    }

    private func ended(_ id: String) {
        endedIDs.append(id)
        let old = IO.now - Self.kept
        while let first = endedIDs.first,
            endedIDs.count > limit || (jobs[first]?.ended ?? old) < old
        {
            jobs[endedIDs.removeFirst()] = nil
        }
    }
}
