// A relay's fleet with three agents that answer as a test wants, and the router before it.
import Configuration
import Crypto
import JSON
import Loop
import MCP
import Support
import Testing
import Tunnel
import Wire

@testable import homeline_relay

/// A house with the agents lab-1, lab-2 and vault, each online, and a router before it.
@IO final class Office {
    let house: House
    let router: Router
    private let tools: [String: Tool]
    private(set) var agents: [String: Agent] = [:]
    private(set) var ids: [String: String] = [:]
    var calls: [(agent: String, request: Request)] = []
    /// What agents answer to `command.execute` instead of a result.
    var fault: Fault?
    /// What agents answer to `command.execute` and `command.output`, by the target.
    var run: @IO (_ target: String) async -> RunResult = {
        RunResult(target: $0, commandID: "", state: .done)
    }

    /// What an agent answers instead of what follows here; nil: that.
    var reply: @IO (_ agent: String, Request) async -> JSON? = { _, _ in nil }

    init() async throws {
        house = try await House()
        router = Router(fleet: house.fleet)
        tools = Dictionary(
            uniqueKeysWithValues: Tools(
                router, beside: house.store, in: house.fixture.folder.file("files")
            ).all.map { ($0.name, $0) })
        for (name, tags) in [("lab-1", ["lab"]), ("lab-2", ["lab"]), ("vault", [])] {
            let joined = try await house.joined(name, tags: tags)
            ids[name] = joined.record.id
            let agent = try await house.connect(joined)
            agents[name] = agent
            agent.serve = { [unowned self] in await self.answer(name, $0) }
            _ = await agent.verdict.wait()
        }
        let house = house
        #expect(await until { house.fleet.all.count { $0.connection != nil } == 3 })
    }

    private func answer(_ name: String, _ request: Request) async -> [UInt8] {
        calls.append((name, request))
        if let fault, request.method == "command.execute" { return Reply.fault(fault).encoded() }
        if let made = await reply(name, request) {
            return Reply.result(RawJSON(made)).encoded()
        }
        let id = ids[name] ?? ""
        let result: JSON =
            switch Wire.Method(rawValue: request.method) {
            case .listTargets:
                [
                    "targets": .array(
                        inReach(request).map {
                            TargetInfo(target: "\(name)/\($0)", source: "ssh_config").json
                        })
                ]
            case .listSessions: ["sessions": [["session_id": .string("\(id).s")]]]
            case .describe: description(name, inReach(request))
            case .execute, .readCommand: await ran(name, request).json
            default: ["session_id": .string("\(id).s")]
            }
        return Reply.result(RawJSON(result)).encoded()
    }

    private func ran(_ name: String, _ request: Request) async -> RunResult {
        let arguments = request.arguments.objectValue ?? [:]
        let id = arguments["command_id"]?.stringValue
        let target =
            arguments["target"]?.stringValue ?? id.flatMap(Self.target(ofCommand:)) ?? "\(name)/db"
        var result = await run(target)
        result.commandID = "\(ids[name] ?? "").c-\(target)"
        return result
    }

    /// The target of a command's id, which `ran` made.
    private static func target(ofCommand id: String) -> String? {
        id.firstIndex(of: "-").map { String(id[id.index(after: $0)...]) }
    }

    /// What an agent tells of its links to the targets `db` and `web`.
    private func description(_ name: String, _ hosts: [String]) -> JSON {
        var description = AgentDescription(facts: AgentFacts())
        description.sessions = 1
        description.links = hosts.map { host in
            var link = LinkInfo(target: "\(name)/\(host)", host: "10.0.0.1:22", user: "op")
            (link.uses, link.roundTripMS) = (3, 1.5)
            return link
        }
        return description.json
    }

    /// The hosts that an agent shows to a caller, as real ones do.
    private func inReach(_ request: Request) -> [String] {
        ["db", "web"].filter { host in
            request.caller.reach.contains { Glob.matches($0, host) }
        }
    }

    func principal(
        _ pattern: String, _ scopes: Set<Scope> = [.fleetRead, .sessionsExec, .sessionsRead]
    ) throws -> homeline_relay.Principal {
        homeline_relay.Principal(
            id: pattern, name: "n", scopes: scopes, pattern: try #require(AccessPattern(pattern)))
    }

    func call(
        _ tool: String, _ arguments: JSON.Object, as principal: homeline_relay.Principal
    ) async throws -> ToolResult {
        let handler = try #require(tools[tool]?.handler)
        return try await handler(
            ToolCall(name: tool, arguments: arguments, principal: router.introduce(principal)))
    }

    /// The sentence a call fails with.
    func failure(
        _ tool: String, _ arguments: JSON.Object, as principal: homeline_relay.Principal
    ) async throws -> String? {
        let result = try await call(tool, arguments, as: principal)
        guard result.isError, case .string(let text) = result.text else { return nil }
        return text
    }
}
