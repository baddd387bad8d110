// Sessions for the tests of the probe: on a local terminal and over a real sshd.
import Loop
import SSH
import Support
import Terminal
import Testing
import Wire

@testable import homeline_agent

/// One link to a server, and what its sessions share.
@IO final class ProbePlace {
    let server: SSHServer
    let link: Link
    let probes: ProbeChannel

    init(
        _ shell: Shell, settings: [String: String] = [:], home: String? = nil,
        hidesProcesses: Bool = false
    ) async throws {
        var options = SSHServer.Options(shell: shell, settings: settings)
        options.home = home
        options.hidesProcesses = hidesProcesses
        server = try await SSHServer.start(options)
        let known = try server.directory.write(server.knownHosts, to: "known_hosts")
        link = try await Link.connect(
            LinkConfiguration(
                host: "127.0.0.1", port: server.port, user: server.user, knownHosts: [known],
                authentication: [.keyFile(path: server.key.path, passphrase: nil)]))
        probes = ProbeChannel(link)
    }

    isolated deinit {
        link.close()
        server.stop()
    }

    func session(within limit: Duration = .seconds(30)) async throws -> Session {
        let channel = try await link.openShell(TerminalSize(kind: "xterm", columns: 200, rows: 40))
        let nonce = Nonce()
        let session = Session(
            id: "s1", owner: "me", target: "agent/host", nonce: nonce,
            transport: SSHHost.shell(channel, probes: probes), log: OutputLog(of: "test"),
            isPersistent: false,
            idleTimeout: .seconds(60))
        try await session.open(within: limit)
        return session
    }
}

extension Session {
    /// Types text and Enter, or keys alone.
    func type(_ text: String, keys: [String] = [], wait: Duration = .seconds(20)) async throws
        -> CommandResult
    {
        try await send(
            text: text, keys: keys, enter: keys.isEmpty, wait: wait, maxBytes: 100_000)
    }

    /// Presses one key, or types characters without Enter.
    func press(_ keys: String..., wait: Duration = .seconds(20)) async throws -> CommandResult {
        let named = keys.filter { $0.utf8.count > 1 }
        let text = keys.filter { $0.utf8.count == 1 }.joined()
        return try await send(text: text, keys: named, enter: false, wait: wait, maxBytes: 100_000)
    }
}
