// Running work that can be looked up by id, for the calls that name one.
// Invariant: a caller is shown only what it may use; a job has a place until it ends, and is kept
// for an hour after that, at most `kept` of them.
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

/// The places of a job that runs: one of the agent's, and one at its target.
@IO struct JobPlaces {
    let all: Shares.Place
    let atTarget: Shares.Place

    func giveBack() {
        all.giveBack()
        atTarget.giveBack()
    }
}

/// The jobs of one kind, by their ids.
@IO final class Jobs<Kind: Job> {
    /// The places of those that run.
    let places: Shares
    /// A principal's share of the places at each target: a host can run a limited number of jobs
    /// at once, and the jobs of one principal must not keep those of others from it.
    private let placesAtTargets: Shares
    /// The most that are kept after their end.
    private let kept: Int
    private var jobs: [String: Kind] = [:]
    /// Called with a job that is kept no more.
    var onForget: (@IO (Kind) -> Void)?
    /// The ids of ended jobs, the oldest first.
    private var endedIDs: [String] = []

    /// How long an ended job is kept: long enough for a disconnected client to come back.
    private static var keptTime: Duration { .seconds(3600) }

    /// At most `limit` run at once, of one principal `perTarget` at each target, and `kept` are
    /// kept after their end.
    init(limit: Int, perTarget: Int, kept: Int) {
        self.kept = kept
        places = Shares(limit)
        placesAtTargets = Shares(limit, share: perTarget)
    }

    /// The most that run at once.
    var limit: Int {
        get { places.limit }
        set { (places.limit, placesAtTargets.limit) = (newValue, newValue) }
    }

    /// The most that run at once of one principal at one target.
    var perTarget: Int {
        get { placesAtTargets.share }
        set { placesAtTargets.share = newValue }
    }

    /// The places of a job that is about to start on `host`, where it may wait for its turn until
    /// the deadline; `what` and `next` are the words of the fault if there are none.
    func take(
        for principal: String, on host: TargetName, until deadline: ContinuousClock.Instant,
        of what: String, or next: String
    ) async throws(Fault) -> JobPlaces {
        let all = try places.take(for: principal, of: what, or: next)
        do throws(Lack) {
            let key = "\(principal) \(host.host)"
            let place = try await placesAtTargets.wait(for: key, until: deadline)
            return JobPlaces(all: all, atTarget: place)
        } catch {
            all.giveBack()
            throw Fault(
                .limitReached,
                "\(perTarget) commands of yours run on \(host.host), as many as may at a time: \(next)"
            )
        }
    }

    /// The number of jobs that have not ended.
    var runningCount: Int { jobs.count - endedIDs.count }

    /// All jobs, running or kept after their end.
    var all: [Kind] { Array(jobs.values) }

    /// Adds a job that is about to start; it has its place until it ends, and then `onEnd` gets it.
    func add(
        _ job: Kind, _ places: JobPlaces?, onEnd: @escaping @IO (Kind) -> Void = { _ in }
    ) {
        let id = job.id
        jobs[id] = job
        job.onEnd = { [weak self, weak job] in
            places?.giveBack()
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
        let old = IO.now - Self.keptTime
        while let first = endedIDs.first,
            endedIDs.count > kept || (jobs[first]?.ended ?? old) < old
        {
            jobs.removeValue(forKey: endedIDs.removeFirst()).map { onForget?($0) }
        }
    }
}
