// ssh_execute: one command on one or many targets, whose results are joined.
import JSON
import Loop
import MCP
import Wire

extension Tools {
    /// Runs the command on the targets; the failure of one target does not fail the others.
    func execute(_ call: ToolCall) async throws(Fault) -> ToolResult {
        let fields = Fields(object: call.arguments)
        let principal = try router.principal(of: call)
        let wish = try ExecuteTargets(fields)
        guard let target = wish.target, !wish.isDryRun else {
            let words = wish.target.map { [$0] } ?? wish.targets
            let selection = try await router.select(
                words, atMost: ExecuteTargets.limit, principal)
            guard !wish.isDryRun else {
                return ToolResult(structured: try dryRun(call, selection))
            }
            return try await execute(call, on: selection, wish)
        }
        // One target that cannot be reached is an error of the call itself.
        let member = try router.member(forTarget: target, fields, principal)
        let way = AgentCall(
            .execute, ExecuteTargets.arguments(call.arguments, for: target), for: principal,
            key: try call.key(), progress: ProgressWatch(call))
        let answer = try await router.send(way, to: member)
        let report = await Self.joined([(target, answer)], summarizes: false)
        return ToolResult(structured: report.json, holding: answer)
    }

    /// The most bytes of all outputs in an answer on many targets, unless `max_bytes` says how
    /// many of each: about 10,000 tokens of a model.
    private static let outputBytes = 40_000
    /// The least bytes of each: some lines.
    private static let leastBytes = 400
    /// The time after which a command starts on no further target: an hour is more than any client
    /// waits for an answer.
    private static let latestStart = Duration.seconds(3600)

    private func execute(
        _ call: ToolCall, on selection: TargetSelection, _ wish: ExecuteTargets
    ) async throws(Fault) -> ToolResult {
        let fields = Fields(object: call.arguments)
        let principal = try router.principal(of: call)
        let targets = selection.targets
        var shared = call.arguments
        if let limit = Wire.Method.execute.row.limit?.name, !fields.has(limit), !targets.isEmpty {
            shared[limit] = .integer(
                min(20_000, max(Self.leastBytes, Self.outputBytes / targets.count)))
        }
        let watch = ProgressWatch(call, of: targets.count)
        var ways: [(target: String, call: AgentCall)] = []
        for target in targets {
            let key = try call.key(for: target)
            let own = ExecuteTargets.arguments(shared, for: target)
            let way = AgentCall(.execute, own, for: principal, key: key, progress: watch)
            ways.append((target, way))
        }
        let rollout = Rollout(
            parallel: wish.parallel, batch: wish.batch ?? max(1, targets.count), pause: wish.pause,
            latest: Self.latestStart)
        let answers = await rollout.run(ways) { target, way in
            let answer = await self.run(way, on: target, fields, waits: wish.waitsForEnds)
            let entry = await answer.result.parsedBesideLoop()
            let outcome = ExecuteReport.outcome(of: entry)
            watch?.ended(target, outcome.words)
            return wish.stopsOnFailure && outcome.isFailure ? .stops(answer) : .done(answer)
        }
        let run = zip(targets, answers).compactMap { target, answer in
            answer.map { (target, $0) }
        }
        let unknown = selection.unknown.map { target, fault in
            (target, AgentAnswer(ExecuteReport.entry(target, error: fault.message)))
        }
        var report = await Self.joined(run + unknown, summarizes: true)
        report.notStarted = zip(targets, answers).compactMap { $1 == nil ? $0 : nil }
        if !report.notStarted.isEmpty {
            report.summary? += " Not started on \(report.notStarted.count) (not_started)."
        }
        return ToolResult(structured: report.json, holding: answers)
    }

    /// One target's turn: the command's call, and if need be the wait for its end.
    private func run(
        _ way: AgentCall, on target: String, _ fields: Fields, waits: Bool
    ) async -> AgentAnswer {
        do throws(Fault) {
            let member = try router.member(forTarget: target, fields, way.principal)
            let answer = try await router.send(way, to: member, label: target)
            return waits ? await end(of: answer, way, member, target) : answer
        } catch {
            let isLost = [.outcomeUnknown, .linkLost, .internal].contains(error.code)
            return AgentAnswer(
                ExecuteReport.entry(target, error: error.message, mayHaveRun: isLost))
        }
    }

    /// The answer once the command has ended; its time limit bounds the wait.
    ///
    /// If the agent cannot be asked, the command is reported as running: it was when it was asked
    /// last.
    private func end(
        of answer: AgentAnswer, _ way: AgentCall, _ member: Fleet.Member, _ target: String
    ) async -> AgentAnswer {
        let limit = Wire.Method.execute.row.limit.flatMap { way.fields.object[$0.name] }
        var answer = answer
        while true {
            let entry = await answer.result.parsedBesideLoop()
            guard ExecuteReport.outcome(of: entry) == .running, !Task.isCancelled,
                let id = entry[Shared.commandIDName]?.stringValue
            else { return answer }
            let question = AgentCall(
                .readCommand, ReadCommand.end(of: id, atMost: limit), for: way.principal,
                progress: way.progress)
            do throws(Fault) {
                answer = try await router.send(question, to: member, label: target)
            } catch {
                return AgentAnswer(ExecuteReport.entry(entry, note: error.message))
            }
        }
    }

    /// Where the command would run, and why it would not elsewhere.
    private func dryRun(
        _ call: ToolCall, _ selection: TargetSelection
    ) throws(Fault) -> JSON {
        let fields = Fields(object: call.arguments)
        let principal = try router.principal(of: call)
        var report = ExecuteReport()
        var refused = selection.unknown.map { ($0, $1.message) }
        for target in selection.targets {
            do throws(Fault) {
                let member = try router.member(forTarget: target, fields, principal)
                try router.checkOnline(member)
                report.targets.append(target)
            } catch {
                refused.append((target, error.message))
            }
        }
        report.results = refused.map { ExecuteReport.entry($0, error: $1) }
        report.counts.notRun = refused.count
        report.summary =
            "Nothing was run. It would run on \(report.targets.count) targets"
            + (refused.isEmpty ? "." : ", and not on \(refused.count) (results say why).")
        return report.json
    }

    /// The report on a command that was started before, as it stands.
    func execution(of call: ToolCall) async throws(Fault) -> ToolResult {
        let principal = try router.principal(of: call)
        let answer = try await router.send(
            AgentCall(.readCommand, call.arguments, for: principal))
        let target = await answer.result.parsedBesideLoop()["target"]?.stringValue ?? ""
        let report = await Self.joined([(target, answer)], summarizes: false)
        return ToolResult(structured: report.json, holding: answer)
    }

    private static func joined(
        _ answers: [(String, AgentAnswer)], summarizes: Bool
    ) async -> ExecuteReport {
        let results = answers.map { ($0, $1.result) }
        let bytes = results.reduce(0) { $0 + $1.1.bytes.count }
        return await Blocking.run(ifLong: bytes) {
            ExecuteReport(results.map { (target: $0, answer: $1) }, summarizes: summarizes)
        }
    }
}
