// agent_list, agent_describe and target_list: what there is to work on.
import JSON
import Loop
import MCP
import Tunnel
import Wire

extension Router {
    /// The tools that look and change nothing.
    func fleetTools() -> [Tool] { [agentList, agentDescribe, targetList] }

    private static let looks = ToolAnnotations(
        readOnly: true, destructive: false, idempotent: true, openWorld: false)

    private var agentList: Tool {
        Tool(
            name: "agent_list", title: "List agents",
            description: """
                Lists the agents: the machines at each site that reach its hosts. Start here, then \
                target_list for the hosts an agent can reach.
                """,
            inputSchema: Shape.input(
                [],
                [
                    "query": Shape.string("Keep agents whose name, purpose or tags contain this."),
                    "tags": Shape.list(of: ["type": "string"], "Keep agents with all these tags."),
                    "online": Shape.flag("Keep agents that are (or are not) connected now."),
                ]),
            outputSchema: Shape.output(
                ["agents"], ["agents": ["type": "array", "items": ["type": "object"]]]),
            annotations: Self.looks, scope: Scope.fleetRead.rawValue
        ) { call in
            await answering { () throws(Fault) in
                let fields = Fields(object: call.arguments)
                let query = try fields.optionalString("query")?.lowercased()
                let tags = try fields.strings("tags") ?? []
                let online = try fields.flag("online")
                let members = self.visible(to: try self.principal(of: call)).filter { member in
                    let record = member.record
                    let words = [record.name, record.purpose] + record.tags
                    return
                        (query.map { q in words.contains { $0.lowercased().contains(q) } } ?? true)
                        && tags.allSatisfy(record.tags.contains)
                        && (online.map { $0 == (member.connection != nil) } ?? true)
                }
                return ["agents": .array(members.map(Self.describe))]
            }
        }
    }

    private static func describe(_ member: Fleet.Member) -> JSON {
        let record = member.record
        var object: JSON.Object = [
            "agent": .string(record.name), "id": .string(record.id),
            "online": .bool(member.connection != nil), "purpose": .string(record.purpose),
            "tags": .array(record.tags.map { .string($0) }),
        ]
        if let connection = member.connection {
            object["version"] = .string(connection.facts.version)
            object["hostname"] = .string(connection.facts.hostname)
            object["since"] = .string(UTCTime(connection.since).rfc3339)
            if let trip = connection.tunnel.roundTrip {
                object["rtt_ms"] = .double(Double(trip / .microseconds(1)) / 1000)
            }
        } else if let seen = record.lastSeen {
            object["last_seen"] = .string(UTCTime(seen).rfc3339)
        }
        return .object(object)
    }

    private static let description: JSON.Object = [
        "agent": ["type": "string"], "online": ["type": "boolean"],
        "sessions": ["type": "integer"], "commands": ["type": "integer"],
        "links": [
            "type": "array",
            "items": [
                "type": "object",
                "properties": [
                    "target": ["type": "string"], "host": ["type": "string"],
                    "user": ["type": "string"], "channels": ["type": "integer"],
                    "cipher": ["type": "string"], "created": ["type": "string"],
                    "last_used": ["type": "string"],
                    "uses": Shape.integer(
                        0...Contract.integers.upperBound, "Channels opened so far."),
                    "bytes_in": ["type": "integer"], "bytes_out": ["type": "integer"],
                    "errors": Shape.integer(
                        0...Contract.integers.upperBound,
                        "Channels and requests refused or not answered in time."),
                    "rekeys": Shape.integer(
                        0...Contract.integers.upperBound, "Key exchanges after the first."),
                    "rtt_ms": ["type": "number"],
                ],
            ],
        ],
        "pool": [
            "type": "object",
            "properties": [
                "links": ["type": "integer"], "opening": ["type": "integer"],
                "waiting": Shape.integer(
                    0...Contract.integers.upperBound, "Callers that wait for a place."),
                "opened": ["type": "integer"], "failed": ["type": "integer"],
                "lost": ["type": "integer"],
            ],
        ],
    ]

    private var agentDescribe: Tool {
        Tool(
            name: "agent_describe", title: "Describe an agent",
            description: """
                Tells about one agent's machine: system, version, sessions, and its SSH links with \
                their age, use, bytes, errors and round trip.
                """,
            inputSchema: Shape.input(["agent"], ["agent": Shape.string("The agent's name.")]),
            outputSchema: Shape.output(["agent"], Self.description),
            annotations: Self.looks, scope: Scope.fleetRead.rawValue
        ) { call in
            await answering { () throws(Fault) in
                let principal = try self.principal(of: call)
                let name = try Fields(object: call.arguments).string("agent")
                let member = try self.member(named: name, principal)
                guard case .object(var object) = Self.describe(member) else { return .null }
                guard member.connection != nil else { return .object(object) }
                let answer = try await self.fleet.call(
                    member, .describe, caller: self.caller(principal, at: member),
                    arguments: RawJSON([:]),
                    deadline: .seconds(10))
                for (key, value) in (try? answer.parsed())?.objectValue ?? [:] {
                    object[key] = key == "links" ? self.links(value, principal) : value
                }
                return .object(object)
            }
        }
    }

    private static let targetShape: JSON.Object = [
        "target": ["type": "string"], "hostname": ["type": "string"],
        "port": ["type": "integer"], "user": ["type": "string"], "via": ["type": "string"],
        "source": ["type": "string"],
        "reachable": Shape.flag(
            "With probe: whether an SSH server answers; absent where only a login would tell."),
        "reason": Shape.string("Why it is not reachable, or why that is not known."),
    ]

    private var targetList: Tool {
        Tool(
            name: "target_list", title: "List targets",
            description: """
                Lists the hosts that can be worked on, written agent/host: the agent's ssh_config \
                hosts and agent/local, the agent's own machine. A host that is not listed can be \
                given as agent/user@host:port. With probe, tells which of them answer now.
                """,
            inputSchema: Shape.input(
                [],
                [
                    "agent": Shape.string("Only this agent's targets."),
                    "query": Shape.string("Keep targets whose name or host name contains this."),
                    "probe": Shape.flag(
                        "Also look which can be reached: dials all at once, logs in to none, takes "
                            + "up to 2 s (false)."),
                ]),
            outputSchema: Shape.output(
                ["targets"],
                [
                    "targets": [
                        "type": "array",
                        "items": ["type": "object", "properties": .object(Self.targetShape)],
                    ],
                    "unanswered": Shape.list(
                        of: ["type": "string"], "Agents that could not answer, and why."),
                ]),
            annotations: Self.looks, scope: Scope.fleetRead.rawValue
        ) { call in
            await answering { () throws(Fault) in
                let principal = try self.principal(of: call)
                let fields = Fields(object: call.arguments)
                var members = self.visible(to: principal)
                if let agent = try fields.optionalString("agent") {
                    members = [try self.member(named: agent, principal)]
                } else {
                    members = members.filter { $0.connection != nil }
                }
                let answers = await self.ask(
                    members, .listTargets, principal, arguments: call.rawArguments,
                    deadline: .seconds(15))
                return Self.merge(answers, "targets") { entry in
                    let target = entry["target"]?.stringValue ?? ""
                    return (try? self.member(forTarget: target, principal)) != nil
                }
            }
        }
    }

    /// Joins the lists that several agents answered, and names those that did not answer.
    static func merge(
        _ answers: [(name: String, answer: Result<RawJSON, Fault>)], _ member: String,
        where isShown: (JSON) -> Bool = { _ in true }
    ) -> JSON {
        var entries: [JSON] = []
        var unanswered: [JSON] = []
        for (name, answer) in answers {
            switch answer {
            case .success(let raw):
                entries += (try? raw.parsed())?[member]?.arrayValue?.filter(isShown) ?? []
            case .failure(let fault): unanswered.append(.string("\(name): \(fault)"))
            }
        }
        var object: JSON.Object = [member: .array(entries)]
        if !unanswered.isEmpty { object["unanswered"] = .array(unanswered) }
        return .object(object)
    }
}
