// The resources that MCP clients can read: which there are, and the scope that each needs.
// Where in the flow: beside the tools; agents answer through the same calls.
// Invariant: a principal reads only about its own agents and targets, and of sessions and commands
// what the tools would show it; what it may not read is as absent as what does not exist.
import JSON
import Loop
import MCP
import Wire

/// What MCP clients can read.
@IO struct FleetResources {
    let router: Router
    /// What callers' sessions are called.
    let directory: Directory
    /// The tools whose answers are resources, by their names.
    let tools: [String: Tool]
    /// Who is told when something changes; nil: nobody can be.
    let watch: ResourceWatch?

    init(_ directory: Directory, tools: [Tool] = [], watch: ResourceWatch? = nil) {
        router = directory.router
        self.directory = directory
        self.tools = Dictionary(tools.map { ($0.name, $0) }) { first, _ in first }
        self.watch = watch
    }

    /// All resources.
    var all: Resources {
        Resources(
            templates: Self.templates,
            list: { caller in await list(for: caller) },
            read: { (call) throws(Interruption) in
                do throws(MCPError) {
                    return try await read(call.uri, for: call.principal)
                } catch {
                    throw .failed(error)
                }
            },
            watch: watcher)
    }

    // MARK: Lists

    /// The fixed resources, then the transcripts of the caller's sessions, by their ids.
    private func list(for caller: MCP.Principal) async -> [Resource] {
        let fixed = Self.fixed.filter { caller.holds($0.uri.scope) }.map(\.resource)
        guard let principal = router.principal(known: caller) else { return fixed }
        let sessions = await directory.sessions(of: principal)
        return fixed + sessions.sorted { $0.id < $1.id }.map(Self.transcript)
    }

    private static func transcript(of session: KnownSession) -> Resource {
        let uri = ResourceURI.transcript(session: session.id, offset: nil, limit: nil)
        return Resource(
            uri: "\(uri)", name: session.name ?? session.id,
            title: "\(session.target), session \(session.name ?? session.id)",
            description: "The output of this session, which is open now.",
            mimeType: "text/plain", annotations: .init(for: [.user, .assistant], priority: 0.5))
    }

    private static let fixed: [(uri: ResourceURI, resource: Resource)] = [
        (
            .agents,
            Resource(
                uri: "\(ResourceURI.agents)", name: "agents", title: "Agents",
                description: "The agents, as agent_list shows them.",
                mimeType: "application/json",
                annotations: .init(for: [.user, .assistant], priority: 0.8))
        ),
        (
            .targets,
            Resource(
                uri: "\(ResourceURI.targets)", name: "targets", title: "Targets",
                description:
                    "The hosts of every agent that is online, as target_list shows them.",
                mimeType: "application/json",
                annotations: .init(for: [.user, .assistant], priority: 0.8))
        ),
        (
            .statistics,
            Resource(
                uri: "\(ResourceURI.statistics)", name: "stats", title: "Connections",
                description:
                    "The tunnels of the agents that are online, their SSH links and pools: "
                    + "ages, bytes, round trips, errors.",
                mimeType: "application/json", annotations: .init(for: [.user], priority: 0.2))
        ),
    ]

    /// The templates, in a stable order.
    static let templates = [
        Resource(
            uri: "homeline://sessions/{id}/transcript{?offset,limit}", name: "transcript",
            title: "A session's output",
            description: "What a session has put out, as clean text: \(Transcript.limit) bytes from"
                + " offset on, or the end of it. Reading it does not move ssh_session_read.",
            mimeType: "text/plain", annotations: .init(for: [.user, .assistant], priority: 0.6)),
        Resource(
            uri: "homeline://sessions/{id}/screen", name: "screen", title: "A session's screen",
            description: "What a person would see on the session's terminal now.",
            mimeType: "text/plain", annotations: .init(for: [.user, .assistant], priority: 0.6)),
        Resource(
            uri: "homeline://commands/{id}/output", name: "output", title: "A command's output",
            description: "Head and tail of what a command has put out; stderr follows stdout.",
            mimeType: "text/plain", annotations: .init(for: [.user, .assistant], priority: 0.6)),
        Resource(
            uri: "homeline://files/{agent}/{host}/{+path}", name: "file", title: "A file at a host",
            description: "The first \(FileReading.limit) bytes of a file; ~/ is the user's home.",
            annotations: .init(for: [.user, .assistant], priority: 0.5)),
        Resource(
            uri: "homeline://hosts/{agent}/{host}/{what}", name: "host", title: "A host's state",
            description: "what: report, the first look, or a subject of host_read: processes, "
                + "disks, memory, ports, services …",
            annotations: .init(for: [.user, .assistant], priority: 0.5)),
    ]

    // MARK: Reading

    /// Reads a resource for a caller.
    func read(
        _ text: String, for caller: MCP.Principal
    ) async throws(MCPError) -> Resources.Reading {
        let (uri, principal) = try admitted(text, caller)
        switch uri {
        case .statistics:
            return await .written(text, .object(await statistics(for: principal)))
        case .agents: return try await answer(text, of: ListAgents.tool.name, caller)
        case .targets:
            return try await answer(text, of: Wire.Method.listTargets.row.tool?.name ?? "", caller)
        case .transcript, .screen, .output, .file, .host: break
        }
        do throws(Fault) {
            return try await ClientWords(client: nil, meta: [:]).during { () throws(Fault) in
                try await ResourceReading(router: router, uri: text, principal: principal)
                    .read(uri)
            }
        } catch {
            throw MCPError(error, reading: text)
        }
    }

    /// What a URI names, and who asks; throws if the caller lacks the scope.
    private func admitted(
        _ text: String, _ caller: MCP.Principal
    ) throws(MCPError) -> (uri: ResourceURI, principal: Principal) {
        guard let uri = ResourceURI(text) else { throw .resourceNotFound(uri: text) }
        guard caller.holds(uri.scope) else { throw .insufficientScope(uri.scope) }
        guard let principal = router.principal(known: caller) else {
            throw .revoked(
                "this token was revoked or changed during the call: send the request again")
        }
        return (uri, principal)
    }

    /// What a tool answers without arguments.
    private func answer(
        _ uri: String, of name: String, _ caller: MCP.Principal
    ) async throws(MCPError) -> Resources.Reading {
        guard let tool = tools[name] else { throw .resourceNotFound(uri: uri) }
        let result: ToolResult
        do throws(Interruption) {
            result = try await tool.handler(
                ToolCall(name: name, arguments: [:], principal: caller))
        } catch {
            guard case .failed(let reason) = error else { throw .internalError }
            throw reason
        }
        guard let structured = result.structured, !result.isError else {
            if case .string(let why) = result.text { throw .unavailable(why) }
            throw .internalError
        }
        return await .written(uri, structured)
    }

    // MARK: Watching

    private var watcher: Resources.Watcher? {
        guard let watch else { return nil }
        return { (uri, caller) throws(MCPError) in try await admit(uri, caller, to: watch) }
    }

    private func admit(
        _ text: String, _ caller: MCP.Principal, to watch: ResourceWatch
    ) async throws(MCPError) -> any Sendable {
        let (uri, principal) = try admitted(text, caller)
        do throws(Fault) {
            return try await watch.admit(text, uri, for: principal)
        } catch {
            throw MCPError(error, reading: text)
        }
    }
}

extension ResourceURI {
    /// The scopes that reading it needs, as one text: those of the tool whose call it makes.
    var scope: String {
        let row: ToolRow? =
            switch self {
            case .statistics: Wire.Method.describe.row.tool
            case .agents: ListAgents.tool
            case .targets: Wire.Method.listTargets.row.tool
            case .transcript, .screen: Wire.Method.readOutput.row.tool
            case .output: Wire.Method.readCommand.row.tool
            case .file: Wire.Method.readFile.row.tool
            case .host(_, .report): Wire.Method.reportHost.row.tool
            case .host(_, .subject): Wire.Method.readHost.row.tool
            }
        return Scope.text(row?.scopes ?? [.admin])
    }
}

extension Resources.Reading {
    /// One part of JSON.
    static func json(_ uri: String, _ text: String) -> Resources.Reading {
        Resources.Reading([
            ResourceContents(uri: uri, mimeType: "application/json", body: .text(text))
        ])
    }

    /// One part of JSON that is written beside the loop: how long its text is shows only then.
    @IO static func written(_ uri: String, _ value: JSON) async -> Resources.Reading {
        .json(uri, await Blocking.run { value.description })
    }
}

extension MCPError {
    /// Why a resource could not be read.
    init(_ fault: Fault, reading uri: String) {
        switch fault.code {
        case .unknownAgent, .unknownSession, .unknownCommand, .unknownForward, .invalidArgument,
            .fileNotFound, .nameNotFound:
            self = .resourceNotFound(uri: uri)
        case .limitReached, .busy: self = .busy(fault.message)
        case .unknownMethod, .agentOffline, .sessionEnded, .refusedByPolicy, .unreachable,
            .connectionRefused, .timedOut, .hostKeyUnknown, .hostKeyChanged, .hostKeyRevoked,
            .approvalNeeded, .algorithmsRefused, .authenticationFailed, .channelRefused, .linkLost,
            .fileRefused,
            .fileChanged, .fileFailed, .outcomeUnknown, .shellUnusable, .unavailable, .internal:
            self = .unavailable(fault.message)
        }
    }
}
