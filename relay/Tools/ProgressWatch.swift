// Progress of tool calls that wait at agents: asked for once a second beside the call, told to the
// client as the last line of output. Only where the client wants it; a call that ends within the
// first second costs nothing more.
// Invariant: asking ends with the call.
import JSON
import Loop
import MCP
import Wire

/// What is told of one tool call, which may wait at several agents.
@IO final class ProgressWatch {
    private static let interval = Duration.seconds(1)
    private static var lastName = 0

    private let reporter: ProgressReporter
    private var bytes: [String: Int] = [:]
    private var lines: [String: String] = [:]

    /// For a tool call whose client wants progress.
    init?(_ call: ToolCall) {
        guard let reporter = call.progress else { return nil }
        self.reporter = reporter
    }

    /// Calls an agent and asks how far that is meanwhile; `label` stands before its lines.
    func during(
        _ fleet: Fleet, _ member: Fleet.Member, _ caller: Caller, label: String? = nil,
        _ body: @IO (Caller) async throws(Fault) -> RawJSON
    ) async throws(Fault) -> RawJSON {
        var named = caller
        Self.lastName += 1
        let name = "p\(Self.lastName)"
        named.progress = name
        let asking = IO.task {
            let arguments = RawJSON(["call": .string(name)])
            while true {
                do { try await IO.sleep(for: Self.interval) } catch { return }
                // An agent that does not know the question is not asked again.
                guard
                    let answer = try? await fleet.call(
                        member, .progress, caller: caller, arguments: arguments,
                        deadline: .seconds(5)),
                    let json = try? answer.parsed(), !Task.isCancelled
                else { return }
                self.take(CallProgress(json: json), label)
            }
        }
        defer { asking.cancel() }
        return try await body(named)
    }

    private func take(_ progress: CallProgress, _ label: String?) {
        let key = label ?? ""
        guard let count = progress.bytes, let line = progress.line,
            bytes[key] != count || lines[key] != line
        else { return }
        bytes[key] = count
        lines[key] = line
        let total = bytes.values.reduce(0) { $0.addingReportingOverflow($1).partialValue }
        reporter.report(
            Double(max(0, total)), message: label.map { "\($0): \(line)" } ?? line)
    }
}
