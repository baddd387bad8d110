// Progress of tool calls that wait at agents: asked for once a second beside the call, shown to the
// client as the last line of output. Only if the client wants it; a call that ends within a second
// costs nothing extra.
// Invariant: no question is asked after the call has ended.
import JSON
import Loop
import MCP
import Wire

/// The progress shown of one tool call, which may wait at several agents.
@IO final class ProgressWatch {
    /// The time between two questions: a person reads about one line a second.
    private static let interval = Duration.seconds(1)

    private let reporter: ProgressReporter
    /// The number of targets; nil: one, whose bytes of output are its progress.
    private let total: Int?
    private var endedCount = 0
    private var bytes: [String: Int] = [:]
    private var lines: [String: String] = [:]

    /// For a tool call whose client wants progress; `total`: the number of targets it works on.
    init?(_ call: ToolCall, of total: Int? = nil) {
        guard let reporter = call.progress else { return nil }
        self.reporter = reporter
        self.total = total
    }

    /// Shows what came of one of several targets.
    func ended(_ target: String, _ outcome: String) {
        endedCount += 1
        show("\(target): \(outcome)")
    }

    private func show(_ message: String) {
        let bytes = bytes.values.reduce(0) { $0.addingReportingOverflow($1).partialValue }
        reporter.report(
            Double(max(0, total == nil ? bytes : endedCount)), total: total.map(Double.init),
            message: message)
    }

    /// Makes a call, and asks for its progress through `ask` meanwhile.
    ///
    /// `label` is the prefix of its lines.
    func during(
        _ label: String?, ask: @escaping @IO () async throws(Fault) -> RawJSON,
        _ body: @IO () async throws(Fault) -> AgentAnswer
    ) async throws(Fault) -> AgentAnswer {
        let asking = IO.task {
            while true {
                do { try await IO.sleep(for: Self.interval) } catch { return }
                let answer: RawJSON
                do throws(Fault) { answer = try await ask() } catch {
                    // An agent that does not know the method is not asked again.
                    if error.code == .unknownMethod || Task.isCancelled { return }
                    continue
                }
                let progress = JSON.object(await answer.parsedBesideLoop())
                guard !Task.isCancelled else { return }
                self.take(CallProgress(json: progress), label)
            }
        }
        defer { asking.cancel() }
        return try await body()
    }

    private func take(_ progress: CallProgress, _ label: String?) {
        let key = label ?? ""
        guard let count = progress.bytes, let line = progress.line,
            bytes[key] != count || lines[key] != line
        else { return }
        bytes[key] = count
        lines[key] = line
        show(label.map { "\($0): \(line)" } ?? line)
    }
}
