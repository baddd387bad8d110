// Running work that can be looked up by id, for the calls that name one.
// Invariant: a caller is shown only what it may use; a job has a place until it ends, and is kept
// for an hour after that, at most `limit` of them.
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
    /// The places of those that run.
    let places: Shares
    /// The most that are kept after their end.
    private let limit: Int
    private var jobs: [String: Kind] = [:]
    /// The ids of ended jobs, the oldest first.
    private var endedIDs: [String] = []

    /// How long an ended job is kept: long enough for a disconnected client to come back.
    private static var kept: Duration { .seconds(3600) }

    /// At most `limit` run at once, and as many are kept after their end.
    init(limit: Int) {
        self.limit = limit
        places = Shares(limit)
    }

    /// The number of jobs that have not ended.
    var runningCount: Int { jobs.count - endedIDs.count }

    /// All jobs, running or kept after their end.
    var all: [Kind] { Array(jobs.values) }

    /// Adds a job that is about to start; it has its place until it ends, and then `onEnd` gets it.
    func add(
        _ job: Kind, _ place: Shares.Place, onEnd: @escaping @IO (Kind) -> Void = { _ in }
    ) {
        let id = job.id
        jobs[id] = job
        job.onEnd = { [weak self, weak job] in
            place.giveBack()
            self?.ended(id)
            job.map(onEnd)
        }
    }

    /// The job with this id; the dispatcher has checked that the caller may use it.
    subscript(id: String) -> Kind? { jobs[id] }

    /// The jobs that the caller may use, the newest first.
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
