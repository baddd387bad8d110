// Opening shells and commands on a link.
// Invariant: a channel that opens after its caller stopped waiting is closed.
internal import CSSH2
internal import Loop

extension Link {
    /// Starts the user's shell on a terminal.
    ///
    /// The channel is paused: set its callbacks, `resume`.
    public func openShell(_ terminal: TerminalSize = TerminalSize()) async throws(SSHError)
        -> Channel
    {
        try await open(terminal, request: "shell") { hl_ssh_shell($0) }
    }

    /// Runs one command, with a terminal or without.
    ///
    /// The channel is paused: set its callbacks, `resume`.
    public func execute(
        _ command: String, terminal: TerminalSize? = nil
    ) async throws(SSHError) -> Channel {
        let text = Array(command.utf8CString)
        return try await open(terminal, request: "exec") {
            hl_ssh_exec($0, text, UInt32(text.count - 1))
        }
    }

    /// Starts SFTP.
    public func openSFTP() async throws(SSHError) -> SFTP {
        let channel: Channel
        do throws(SSHError) {
            channel = try await open(nil, request: "subsystem (sftp)") {
                hl_ssh_subsystem($0, "sftp", 4)
            }
        } catch .requestRefused {
            throw .sftpMissing(reason: "it refused the subsystem")
        }
        let files = SFTP(channel, limit: configuration.limits.channel)
        do throws(FileError) {
            try await files.begin()
        } catch {
            files.close()
            failed()
            if let failure { throw failure }
            throw files.isMissing
                ? .sftpMissing(reason: error.description)
                : .sftpUnusable(reason: error.description)
        }
        return files
    }

    private func open(
        _ terminal: TerminalSize?, request: String,
        start: @escaping @IO @Sendable (OpaquePointer) -> Int32
    ) async throws(SSHError) -> Channel {
        try await opened { await self.open($0, terminal, request, start) }
    }

    /// Waits for a channel, at most for the limit.
    func opened(
        _ open: @escaping @IO @Sendable (Opening) async -> Result<Channel, SSHError>
    ) async throws(SSHError) -> Channel {
        if let failure { throw failure }
        let limit = configuration.limits.channel
        let opening = Opening()
        let result = await IO.within(limit) { await open(opening) }
        if case .success(let channel)? = result { return channel }
        failed()
        guard let result else {
            opening.abandon()
            throw failure ?? .channelTimedOut(limit: limit)
        }
        return try result.get()
    }

    private func open(
        _ opening: Opening, _ terminal: TerminalSize?, _ request: String,
        _ start: @escaping @IO @Sendable (OpaquePointer) -> Int32
    ) async -> Result<Channel, SSHError> {
        let kind: Channel.Kind = terminal == nil ? .program : .terminal
        var opened = Places.OpenedSession()
        // Milliseconds before each attempt: a server may count a channel for a moment after it was
        // freed.
        for pause in [0, 0, 5, 20, 60, 150] {
            if pause > 0 { try? await IO.sleep(for: .milliseconds(pause)) }
            opened = await places.openSession(kind)
            opening.channel = opened.channel
            if failure != nil || opened.channel != nil { break }
            guard opened.code == LIBSSH2_ERROR_CHANNEL_FAILURE else {
                broke(opened.code)
                break
            }
            if !places.mayComeSoon { break }
        }
        guard let channel = opened.channel else {
            return .failure(failure ?? .channelRefused(reason: opened.reason))
        }
        let delivered = deliver(channel, opening)
        guard case .success = delivered else { return delivered }
        var code: Int32 = 0
        var asked = request
        if let terminal {
            asked = "pty-req"
            code = await channel.ask { raw in
                libssh2_channel_request_pty_ex(
                    raw, terminal.kind, UInt32(terminal.kind.utf8.count), nil, 0,
                    Int32(terminal.columns), Int32(terminal.rows), 0, 0)
            }
        }
        if code == 0 { await setEnvironment(of: channel) }
        if code == 0 {
            asked = request
            code = await channel.ask { raw in
                self.starts(channel)
                return start(raw)
            }
        }
        guard code != 0 else { return .success(channel) }
        let refusal = refuse(channel, asked, code)
        // A channel opened ahead may be stale. Only a request that the server denied has certainly
        // not run; after any other failure it may have, and must not be sent twice.
        guard opened.wasAhead, isOpen, !opening.abandoned,
            code == LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED
        else { return refusal }
        return await open(opening, terminal, request, start)
    }

    /// Sends the configured variables; one that the server refuses is not sent on this link again.
    private func setEnvironment(of channel: Channel) async {
        for variable in configuration.environment {
            let (name, value) = (variable.name, variable.value)
            let code = await channel.ask { raw in
                libssh2_channel_setenv_ex(
                    raw, name, UInt32(name.utf8.count), value, UInt32(value.utf8.count))
            }
            if code == LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED {
                configuration.environment.removeAll { $0.name == name }
            }
        }
    }

    /// The opened channel, unless its caller has stopped waiting.
    func deliver(_ channel: Channel, _ opening: Opening) -> Result<Channel, SSHError> {
        if let failure { return .failure(failure) }
        guard opening.abandoned else { return .success(channel) }
        channel.close()
        return .failure(.channelTimedOut(limit: configuration.limits.channel))
    }

    /// The error of a request that failed.
    ///
    /// A request that the server denied has not run, even if the server then ends the connection,
    /// as ProFTPD does.
    private func refuse(
        _ channel: Channel, _ request: String, _ code: Int32
    ) -> Result<Channel, SSHError> {
        channel.close()
        if code != LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED, case .linkLost(let reason) = failure {
            return .failure(.requestUnanswered(request: request, reason: reason))
        }
        return .failure(.requestRefused(request: request))
    }
}

/// A channel that is being opened.
@IO final class Opening {
    var channel: Channel?
    private(set) var abandoned = false

    func abandon() {
        abandoned = true
        channel?.close()
    }
}
