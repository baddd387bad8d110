// What most end-to-end tests stand on: one relay, one agent `site`, and an sshd for each shell.
// Started once for all of them; tests that kill something start their own.
import Foundation
import JSON
import Support

/// A running installation whose agent reaches one sshd per alias.
struct Place: Sendable {
    let home: Installation
    let servers: [String: SSHServer]
    let caller: MCPCaller

    /// The one that most tests share: aliases `bash`, `dash`, `ash` and `zsh`.
    static let shared = Task {
        try await Place.start(
            Dictionary(uniqueKeysWithValues: Shell.first.map { ($0.rawValue, .init(shell: $0)) }))
    }

    /// Starts servers, a relay and its agent `site`; `more` are further lines of its ssh_config.
    static func start(_ options: [String: SSHServer.Options], more: String = "") async throws
        -> Place
    {
        let home = try await Installation.start()
        var (servers, config, known) = ([String: SSHServer](), "", "")
        for (alias, options) in options {
            let server = try await SSHServer.start(options)
            servers[alias] = server
            config += try server.configuration(alias: alias)
            known += server.knownHosts
        }
        let knownFile = try home.directory.write(known, to: "known_hosts")
        let configFile = try home.directory.write(config + more, to: "ssh_config")
        try await home.join(
            "site", settings: "SshConfig \(configFile)\nKnownHosts \(knownFile)\n")
        let caller = try await home.caller()
        try await home.startAgent("site", caller: caller)
        return Place(home: home, servers: servers, caller: caller)
    }

    /// Opens a session on a target of the agent.
    func open(_ host: String) async throws -> OpenSession {
        let opened = try await caller.structured(
            "ssh_session_open", ["target": .string("site/\(host)")])
        guard let id = opened["session_id"]?.stringValue else {
            throw Unavailable("no session_id: \(opened)")
        }
        return OpenSession(id: id, caller: caller, opened: opened)
    }
}

/// A session as a client holds it.
struct OpenSession: Sendable {
    let id: String
    let caller: MCPCaller
    let opened: JSON

    /// Runs a command in the session; gives the whole command result.
    @discardableResult
    func run(_ command: String, wait: Double = 10, maximum: Int? = nil) async throws -> JSON {
        var arguments: JSON.Object = [
            "session_id": .string(id), "command": .string(command), "wait_s": .double(wait),
        ]
        if let maximum { arguments["max_bytes"] = JSON(maximum) }
        return try await caller.structured("ssh_session_command", .object(arguments))
    }

    /// Sends keys.
    @discardableResult
    func press(_ keys: String..., wait: Double = 20) async throws -> JSON {
        try await caller.structured(
            "ssh_session_send",
            [
                "session_id": .string(id), "keys": .array(keys.map(JSON.string)),
                "enter": false, "wait_s": .double(wait),
            ])
    }

    /// Reads from an offset.
    func read(from offset: Int64? = nil, wait: Double = 0, view: String = "text", maximum: Int)
        async throws -> JSON
    {
        var arguments: JSON.Object = [
            "session_id": .string(id), "wait_s": .double(wait), "view": .string(view),
            "max_bytes": JSON(maximum),
        ]
        if let offset { arguments["offset"] = JSON(offset) }
        return try await caller.structured("ssh_session_read", .object(arguments))
    }

    /// Closes the session.
    func close() async throws {
        _ = try await caller.structured("ssh_session_close", ["session_id": .string(id)])
    }
}

extension JSON {
    /// The output of a command result.
    var output: String { self["output"]?.stringValue ?? "" }
    /// The state of a command result.
    var state: String { self["state"]?.stringValue ?? "" }
    /// The text of a tool's result.
    var text: String { self["content"]?[0]?["text"]?.stringValue ?? "" }
}
