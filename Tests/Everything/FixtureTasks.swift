// The fixture's tasks, kept in memory. Flow: tool → start → the job's own Swift task → its state,
// which clients ask for. Invariant: bounded; a finished job never changes; each job is kept for its
// lifetime.
import Glibc
import Loop
import MCP

@IO final class FixtureTasks {
    /// How long a job is kept after it began.
    static let lifetime: Duration = .seconds(300)
    /// Most jobs at once; the oldest gives way.
    private static let most = 1000

    /// Called with every new state.
    var onChange: (@IO (MCPTask) -> Void)?
    private var jobs: [String: Job] = [:]
    private var order: [String] = []

    /// Starts a job; its state is there before this returns.
    func start(_ work: @escaping @IO @Sendable (Job) async -> MCPTask.Status) -> ToolResult {
        if order.count >= Self.most { jobs.removeValue(forKey: order.removeFirst())?.cancel() }
        let job = Job { [weak self] in self?.onChange?($0) }
        jobs[job.state.id] = job
        order.append(job.state.id)
        job.run(work)
        return .task(job.state)
    }

    /// The source for the server.
    var source: TaskSource {
        TaskSource(
            get: { id, _ in self.job(id)?.state },
            update: { id, answers, _ in self.job(id)?.take(answers) },
            cancel: { id, _ in self.job(id)?.cancel() })
    }

    private func job(_ id: String) -> Job? {
        guard let job = jobs[id] else { return nil }
        guard !job.hasExpired else {
            jobs[id] = nil
            order.removeAll { $0 == id }
            return nil
        }
        return job
    }
}

/// One job of the fixture.
@IO final class Job {
    private(set) var state: MCPTask
    private let onChange: @IO (MCPTask) -> Void
    private var answers: [String: InputResponse] = [:]
    private let changed = Condition()
    private let expiry = IO.now + FixtureTasks.lifetime
    private var task: Task<Void, Never>?

    init(onChange: @escaping @IO (MCPTask) -> Void) {
        self.onChange = onChange
        var random = SystemRandomNumberGenerator()
        let id = (0..<2).map { _ in String(random.next() as UInt64, radix: 36) }.joined()
        state = MCPTask(
            id: id, status: .working, message: "The job runs.", createdAt: Self.now,
            updatedAt: Self.now, lifetime: FixtureTasks.lifetime,
            pollInterval: .milliseconds(100))
    }

    private static var now: UTCTime { UTCTime(Int64(time(nil))) }

    var hasExpired: Bool { IO.now >= expiry }

    func run(_ work: @escaping @IO @Sendable (Job) async -> MCPTask.Status) {
        task = IO.task { self.become(await work(self)) }
    }

    /// Asks the client, and waits for all answers; nil if the job ends first.
    func ask(_ requests: InputRequest...) async -> [String: InputResponse]? {
        become(.inputRequired(requests))
        await changed.wait(until: expiry) { requests.allSatisfy { answers[$0.key] != nil } }
        guard case .inputRequired(let open) = state.status, open.isEmpty else { return nil }
        become(.working)
        return answers
    }

    /// Takes answers; what was not asked for, or is answered, is ignored.
    func take(_ new: [String: InputResponse]) {
        guard case .inputRequired(let open) = state.status else { return }
        answers.merge(new.filter { answer in open.contains { $0.key == answer.key } }) { $1 }
        become(.inputRequired(open.filter { answers[$0.key] == nil }))
        changed.broadcast()
    }

    /// Ends the job, unless it has ended.
    func cancel() {
        become(.cancelled)
        task?.cancel()
    }

    private func become(_ status: MCPTask.Status) {
        switch state.status {
        case .completed, .failed, .cancelled: return
        case .working, .inputRequired: break
        }
        state.status = status
        state.message = Self.words(for: status)
        state.updatedAt = Self.now
        onChange(state)
    }

    private static func words(for status: MCPTask.Status) -> String {
        switch status {
        case .working: "The job runs."
        case .inputRequired: "The job waits for an answer."
        case .completed: "The job has ended."
        case .failed(let error): "The job failed: \(error)"
        case .cancelled: "The job was cancelled."
        }
    }
}
