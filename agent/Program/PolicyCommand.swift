// `homeline-agent policy test TARGET [TOOL]`: what the policy says, without doing anything.
import Configuration
import JSON
import Loop
import Spelling
import Wire

@IO enum PolicyCommand {
    static func test(_ options: Options) async throws(CommandFailure) {
        let settings = try AgentSettings(options, folder: try Settings.folder(options))
        let targets = Targets(settings: settings.targets, place: .current)
        targets.policy = settings.policy
        let tool = options.arguments.dropFirst().first
        if let tool, !Method.allCases.contains(where: { $0.tool == tool }) {
            let known = Method.allCases.compactMap(\.tool)
            let nearest = Nearest.match(tool, in: known).map { "; did you mean \($0)?" } ?? ""
            throw CommandFailure("homeline-agent: no tool \(tool)\(nearest)", ExitCode.usage)
        }
        let target: Target
        do throws(Fault) {
            let access = try TargetAccess(Fields(object: [:]))
            target = try await targets.admit(
                options.arguments[0], access,
                for: Caller(id: "operator", reach: Caller.everywhere))
        } catch {
            throw CommandFailure("homeline-agent: \(error.message)", ExitCode.noPermission)
        }
        var refused = false
        let askRule = targets.askRule(of: target)
        for method in Method.allCases where method.tool != nil && tool ?? method.tool == method.tool
        {
            let asks = askRule ?? settings.policy.askRule(ofTool: method.tool ?? "")
            // Where nobody may be asked, nobody can agree.
            let unasked = settings.policy.asked.isAllowed ? nil : asks.map { "\($0), Approvals no" }
            let rule = settings.policy.refusal(of: method) ?? unasked
            refused = refused || rule != nil
            let verdict =
                rule.map { "refused: \($0)" } ?? asks.map { "asks: \($0)" } ?? "allowed"
            Process.print("\(method.tool ?? "")\t\(verdict)\n")
        }
        let policy = settings.policy
        if tool == nil {
            for pattern in policy.asked.commands {
                let verdict = policy.asked.isAllowed ? "asks" : "refused: Approvals no"
                Process.print("AskForCommand\t\(pattern)\t\(verdict)\n")
            }
            Process.print(
                """
                MaxSessions\t\(policy.places.sessions)
                MaxLinks\t\(policy.places.links)
                MaxCommands\t\(policy.places.commands.all)
                MaxCommandsPerTarget\t\(policy.places.commands.perTarget)
                MaxOutput\t\(policy.outputLimit)

                """)
        }
        if let path = options.string(Settings.path) {
            for use in PathUse.allCases {
                do throws(Fault) {
                    Process.print(
                        "\(use) \(try targets.admit(path, on: target, for: use))\tallowed\n")
                } catch {
                    refused = true
                    Process.print("\(use) \(path)\trefused: \(error.message)\n")
                }
            }
        }
        if tool ?? options.string(Settings.path) != nil, refused {
            throw CommandFailure("homeline-agent: refused by policy", ExitCode.noPermission)
        }
    }
}
