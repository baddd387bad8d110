// Where the rows of one shell are played: real servers with that shell, a link to each that its
// sessions share, and a slow line between where one is asked for.
// Invariant: a row has a session and a folder of its own; rows of a lane run beside each other.
import Loop
import SSH
import Support
import Terminal
import Wire

@testable import homeline_agent

/// The servers of one shell.
@IO final class Lane {
    let shell: Shell
    let line: Line
    private let accounts: [Account]
    private var places: [Kind: Task<Result<Place, any Error>, Never>] = [:]
    private var folders = 0

    /// A server, the line to it, and the link the sessions share.
    @IO final class Place {
        let server: SSHServer
        let slow: SlowLink?
        let link: Link
        let probes: ProbeChannel
        let account: Account?

        init(_ server: SSHServer, _ slow: SlowLink?, _ account: Account?) async throws {
            (self.server, self.slow, self.account) = (server, slow, account)
            let port = slow?.port ?? server.port
            let names = server.knownHosts.replacing(":\(server.port) ", with: ":\(port) ")
            let known = try server.directory.write(names, to: "known_\(port)")
            link = try await Link.connect(
                LinkConfiguration(
                    host: "127.0.0.1", port: port, user: server.user, knownHosts: [known],
                    authentication: [.keyFile(path: server.key.path, passphrase: nil)]))
            probes = ProbeChannel(link)
        }

        func close() {
            link.close()
            slow?.close()
            server.stop()
        }
    }

    init(_ shell: Shell, line: Line, accounts: [Account]) {
        (self.shell, self.line, self.accounts) = (shell, line, accounts)
    }

    /// A session at the kind of place a row wants, in a new folder.
    func session(_ kind: Kind) async throws -> (Session, Place) {
        let place = try await place(kind)
        folders += 1
        // Other rows count on while this one waits.
        let number = folders
        let channel = try await place.link.openShell(
            TerminalSize(kind: "xterm", columns: 200, rows: 40))
        let line = kind.line ?? line
        var transport: any ShellTransport = SSHHost.shell(channel, probes: place.probes)
        if line.consoleBytesPerSecond > 0 {
            transport = SlowConsole(transport, bytesPerSecond: line.consoleBytesPerSecond)
        }
        let nonce = Nonce()
        let canary = Canary(transport)
        let session = Session(
            id: "s\(number)", owner: "me", target: "agent/\(shell)", nonce: nonce,
            transport: canary, log: OutputLog(of: "test"),
            isPersistent: false, idleTimeout: .seconds(600))
        canary.session = session
        try await session.open(within: line.patience)
        guard kind != .poorHost else { return (session, place) }
        let folder = "row\(number)"
        let made = try await session.run(
            "mkdir \(folder); cd \(folder)", wait: line.patience, timeout: nil, maxBytes: 1000)
        guard made.state == .done, made.cwd?.hasSuffix("/\(folder)") == true else {
            throw Unavailable("no folder: \(made)")
        }
        return (session, place)
    }

    func close() async {
        for place in places.values { try? await place.value.get().close() }
    }

    private func place(_ kind: Kind) async throws -> Place {
        if kind.isAlone { return try await makePlace(kind) }
        if let place = places[kind] { return try await place.value.get() }
        let task = IO.task { () async -> Result<Place, any Error> in
            do { return .success(try await self.makePlace(kind)) } catch { return .failure(error) }
        }
        places[kind] = task
        return try await task.value.get()
    }

    private func makePlace(_ kind: Kind) async throws -> Place {
        var options = SSHServer.Options(
            shell: shell, settings: ["MaxSessions": kind == .oneChannel ? "1" : "200"])
        switch kind {
        case .account: options.account = accounts.first
        case .accountOwnTerminal: options.account = accounts.last
        case .poorHost:
            options.home = "/proc"
            options.environment = ["LANG": "C", "LC_ALL": "C", "TMPDIR": "/proc"]
        case .noProcesses: options.hidesProcesses = true
        case .plain, .ownLink, .oneChannel, .lossyLink, .farLink, .console: break
        }
        let server = try await SSHServer.start(options)
        let line = kind.line ?? line
        let slow =
            line.isSlow || kind == .ownLink
            ? try SlowLink(
                to: server.port, delay: line.delay, bytesPerSecond: line.bytesPerSecond,
                loss: line.loss) : nil
        return try await Place(server, slow, options.account)
    }
}
