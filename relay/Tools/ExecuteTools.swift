// ssh_execute: one command on one or many targets, whose results are joined.
import JSON
import Loop
import MCP
import Wire

extension Tools {
    /// Runs the command on each target at once; the failure of one target does not fail the others.
    func execute(_ call: ToolCall) async throws(Fault) -> ToolResult {
        let fields = Fields(object: call.arguments)
        let principal = try router.principal(of: call)
        var targets = try fields[ExecuteTargets.targets]
        if let target = try fields[ExecuteTargets.target] { targets.append(target) }
        guard !targets.isEmpty else {
            throw Fault(.invalidArgument, "give \"target\" or \"targets\"; target_list shows them")
        }
        let watch = ProgressWatch(call)
        if targets.count == 1, !fields.has(ExecuteTargets.targets.name) {
            // One target that cannot be reached is an error of the call itself.
            let way = AgentCall(
                .execute, call.rawArguments, fields, for: principal, key: try call.key(),
                progress: watch)
            return await Self.joined([
                try await router.send(
                    way, to: try router.member(forTarget: targets[0], fields, principal))
            ])
        }
        var ways: [(target: String, call: AgentCall)] = []
        for target in targets {
            var object = call.arguments
            object[ExecuteTargets.targets.name] = nil
            object[ExecuteTargets.target.name] = .string(target)
            let key = try call.key(for: target)
            let way = AgentCall(.execute, object, for: principal, key: key, progress: watch)
            ways.append((target, way))
        }
        let runs = ways.map { target, way in
            IO.task { () -> AgentAnswer in
                do throws(Fault) {
                    let member = try router.member(forTarget: target, fields, principal)
                    return try await router.send(way, to: member, label: target)
                } catch {
                    return AgentAnswer(ExecuteTargets.entry(target, error: error.message))
                }
            }
        }
        return await Self.joined(await IO.values(of: runs))
    }

    private static func joined(_ answers: [AgentAnswer]) async -> ToolResult {
        let results = answers.map(\.result)
        let bytes = results.reduce(0) { $0 + $1.bytes.count }
        let succeeded = await Blocking.run(ifLong: bytes) {
            results.count { raw in
                let members = (try? JSON.members(of: raw.bytes, limits: .answer)) ?? []
                return members.contains { member in
                    member.name == "exit_code" && raw.bytes[member.value].elementsEqual([0x30])
                }
            }
        }
        return ToolResult(
            structured: ExecuteTargets.json(results, succeeded: succeeded), holding: answers)
    }
}
