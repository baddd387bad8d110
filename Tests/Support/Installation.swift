// A whole Homeline on this machine: a relay process, agents that joined it by real invitations, and
// tokens made by its own command. Everything in one private folder.
// Invariant: all of its processes end with it.
import Foundation
public import JSON

/// A running relay and the agents that joined it.
public final class Installation: Sendable {
    /// Holds the relay's and the agents' state.
    public let directory: TemporaryDirectory
    /// The MCP endpoint, as `status --json` tells it.
    public var url: String { addresses.withLock { $0.mcp } }
    /// Where agents dial, as `status --json` tells it.
    public var tunnel: String { addresses.withLock { $0.tunnel } }

    private let addresses = Box((mcp: "", tunnel: ""))
    private let running = Box<[String: RunningProcess]>([:])

    private init() throws { directory = try TemporaryDirectory("home") }

    deinit { for process in running.withLock({ $0.values }) { process.signal(SIGKILL) } }

    /// Starts a relay on free ports and waits until it says where it listens.
    public static func start(_ more: [String] = []) async throws -> Installation {
        let made = try Installation()
        try await made.startRelay(more)
        return made
    }

    /// Starts the relay; again on the same ports when it ran before.
    ///
    /// Its standard error goes to the file `errors` where that is given.
    public func startRelay(
        _ more: [String] = [], environment: [String: String] = [:], errors: String? = nil
    ) async throws {
        let (mcp, tunnel) = addresses.withLock { (Self.place($0.mcp), Self.place($0.tunnel)) }
        let process = try Self.start(
            "homeline-relay",
            ["serve", "--data", data("relay"), "--mcp", mcp, "--tunnel", tunnel] + more,
            environment: environment, errors: errors)
        running.withLock { $0["relay"] = process }
        let status = try await eventually(within: .seconds(20)) { () -> JSON? in
            guard process.end == nil else { throw Unavailable("relay: \(process.errors)") }
            return try? await relay("status", "--json")
        }
        guard let url = status?["mcp_url"]?.stringValue,
            let dial = status?["tunnel_url"]?.stringValue
        else { throw Unavailable("the relay gives no status: \(process.output)\(process.errors)") }
        addresses.withLock { $0 = (url, dial) }
    }

    /// Runs an admin command of the relay and gives what it prints, as JSON.
    public func relay(_ words: String...) async throws -> JSON {
        try JSON(parsing: try await admin(words))
    }

    /// A new token; `scopes` and `pattern` as the command takes them.
    public func token(
        _ name: String = "tests", scopes: String = "admin", pattern: String = "*"
    ) async throws -> String {
        try await admin(["tokens", "create", name, "--scopes", scopes, "--pattern", pattern])
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// A caller with a new token of all scopes.
    public func caller() async throws -> MCPCaller {
        try MCPCaller(url: url, token: try await token("tests-\(UInt16.random(in: 0 ... .max))"))
    }

    /// A new invitation for an agent of this name, which dials the relay or a port in front of it.
    ///
    /// `url`: the address that it names, or several with commas, if those are other ones.
    public func invitation(
        _ name: String, through port: UInt16? = nil, at url: String? = nil
    ) async throws -> String {
        let url = url ?? port.map { "tls://127.0.0.1:\($0)" }
        let way = url.map { ["--tunnel-url", $0] } ?? []
        let line = try await admin(["invite", "--name", name] + way)
        let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
        guard let invitation = words.last(where: { $0.hasPrefix("hl") }) else {
            throw Unavailable("not an invitation: \(line)")
        }
        return invitation
    }

    /// Joins a new agent by an invitation; `settings` are lines for its `agent.conf`.
    public func join(
        _ name: String, settings: String = "", through port: UInt16? = nil
    ) async throws {
        try await RunningProcess.run(
            Repository.program("homeline-agent"),
            ["join", try await invitation(name, through: port), "--data", data(name)])
        if !settings.isEmpty { try directory.write(settings, to: "\(name)/agent.conf") }
    }

    /// Runs a joined agent and waits until the relay lists it as online.
    ///
    /// Its standard error goes to the file `errors` where that is given.
    public func startAgent(
        _ name: String, caller: MCPCaller, environment: [String: String] = [:],
        errors: String? = nil
    ) async throws {
        // A home of its own: the tester's start-up files may be slow, or wait for a lock.
        let home = directory.file("home")
        try FileManager.default.createDirectory(
            atPath: home, withIntermediateDirectories: true)
        let process = try Self.start(
            "homeline-agent", ["run", "--data", data(name)],
            environment: environment.merging(["HOME": home]) { $1 }, errors: errors)
        running.withLock { $0[name] = process }
        guard await online(name, caller: caller) else {
            throw Unavailable("agent \(name) never came: \(process.output)\(process.errors)")
        }
    }

    /// Waits until the relay lists the agent as online.
    public func online(
        _ name: String, caller: MCPCaller, within limit: Duration = .seconds(20)
    ) async -> Bool {
        await holds(within: limit) {
            let list = try? await caller.structured("agent_list", ["online": true])
            return (list?["agents"]?.arrayValue ?? []).contains { $0["agent"] == .string(name) }
        }
    }

    /// The process `relay` or that of an agent.
    public func process(_ name: String) -> RunningProcess? { running.withLock { $0[name] } }

    /// Ends everything, as a person would (TERM); gives how each ended.
    @discardableResult
    public func stop() async -> [String: RunningProcess.End] {
        var ends: [String: RunningProcess.End] = [:]
        for (name, process) in running.withLock({ $0 }).sorted(by: { $0.key < $1.key }) {
            ends[name] = await process.stop()
        }
        return ends
    }

    /// The state folder of the relay or an agent.
    public func data(_ name: String) -> String { directory.file(name) }

    private static func start(
        _ program: String, _ arguments: [String], environment: [String: String] = [:],
        errors: String?
    ) throws -> RunningProcess {
        let path = Repository.program(program)
        guard let errors else {
            return try RunningProcess(path, arguments, environment: environment)
        }
        return try RunningProcess(
            "/bin/sh", ["-c", "exec \"$@\" 2>\"$0\"", errors, path] + arguments,
            environment: environment)
    }

    private func admin(_ words: [String]) async throws -> String {
        try await RunningProcess.run(
            Repository.program("homeline-relay"), words + ["--data", data("relay")])
    }

    /// `HOST:PORT` of a URL, or a free loopback port.
    private static func place(_ url: String) -> String {
        guard let port = URL(string: url)?.port else { return "127.0.0.1:0" }
        return "127.0.0.1:\(port)"
    }
}
