// Opening shells and commands on a link.
// Invariant: a channel whose opening is no longer waited for is closed when it comes.
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

    private func open(
        _ terminal: TerminalSize?, request: String,
        start: @escaping @IO @Sendable (OpaquePointer) -> Int32
    ) async throws(SSHError) -> Channel {
        if let failure { throw failure }
        let limit = configuration.channelTimeout
        let opening = Opening()
        let result = await IO.within(limit) { () async -> Result<Channel, SSHError> in
            await self.open(opening, terminal, request, start)
        }
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
        var reason = ""
        var isAhead = false
        for pause in [Duration.zero, .milliseconds(20), .milliseconds(60), .milliseconds(150)] {
            if pause > .zero { try? await IO.sleep(for: pause) }
            let opened = await openSession()
            opening.raw = opened.raw
            isAhead = opened.wasAhead
            if let failure { return .failure(failure) }
            if opened.code == 0 { break }
            reason = session.lastError
            guard opened.code == LIBSSH2_ERROR_CHANNEL_FAILURE else {
                broke(opened.code)
                break
            }
            if !mayHavePlaceSoon { break }
        }
        if let failure { return .failure(failure) }
        guard let raw = opening.raw else { return .failure(.channelRefused(reason: reason)) }
        let channel = Channel(raw, on: self, hasTerminal: terminal != nil)
        add(channel)
        opening.channel = channel
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
        if code == 0 {
            asked = request
            code = await channel.ask(start)
        }
        if code != 0 {
            let refusal = refuse(channel, asked)
            // What was opened ahead may be stale. Only a request the server denied has surely not
            // run: after any other failure it may have, and must not be sent twice.
            guard isAhead, isOpen, !opening.abandoned, code == LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED
            else { return refusal }
            return await open(opening, terminal, request, start)
        }
        if opening.abandoned { channel.close() }
        return .success(channel)
    }

    private func refuse(_ channel: Channel, _ request: String) -> Result<Channel, SSHError> {
        channel.close()
        if case .linkLost(let reason) = failure {
            return .failure(.requestUnanswered(request: request, reason: reason))
        }
        return .failure(.requestRefused(request: request))
    }
}

/// A channel on its way.
@IO private final class Opening {
    var raw: OpaquePointer?
    var channel: Channel?
    private(set) var abandoned = false

    func abandon() {
        abandoned = true
        channel?.close()
    }
}
