// Running one command: type it, wait for its end or for the caller's patience to end, tell. The
// wait's end, or its cancellation, never touches the command.
import Loop
import Programs
import Terminal
import Wire

extension Session {
    /// After mark E the prompt follows at once; when it does not, the command replaced it.
    private static let promptPatience = Duration.milliseconds(250)
    /// Input that the terminal has not taken is refused beyond this.
    static let unsentLimit = 1 << 20

    /// Runs code and waits for its end, at most `wait`.
    func run(
        _ code: String, wait patience: Duration, timeout: Duration? = nil, maxBytes: Int
    ) async throws(Fault) -> CommandResult {
        try checkAlive()
        if case .device = kind {
            return try await runOnDevice(
                code, wait: patience, timeout: timeout, maxBytes: maxBytes)
        }
        try checkShell("runs no commands")
        let deadline = IO.now + patience
        try checkFree()
        if let command, isRunning {
            throw Fault(
                .busy,
                "session \(id) is running \(command.id): \(command.preview); "
                    + "wait with ssh_session_read or interrupt it with ssh_session_send ctrl-c")
        }
        // fish shows a prompt and keeps the line that it could not parse.
        if direct?.mayStay == true, profile.editor == .draws { direct?.isOver = false }
        let clears = isDirectOpen
        if clears { try await clearPrompt() }
        let lines = try encode(code, arms: false)
        let previous = self.command
        let command = SessionCommand(
            id: "\(id).\(commandCount + 1)", code: code,
            begin: direct?.end ?? previous?.end ?? log.start)
        commandCount += 1
        command.clearedPrompt = clears
        self.command = command
        direct = nil
        forgetFindings()
        lastUsed = IO.now
        command.deadline = timeout.map { limit in
            LoopTimer(after: limit) { [weak self, weak command] in self?.expire(command) }
        }
        await waitForPrompt(after: previous)
        await waitForQuiet()
        learning.isAsking = false
        if command.outcome == nil {
            let arms = state.phase == .ending
            type(arms ? try encode(code, arms: true) : lines, for: command)
            noteExports(of: code)
            await waitForEnd(of: command, until: deadline)
        }
        return result(of: command, from: command.begin, maxBytes: maxBytes)
    }

    /// What is typed before the shell reads again would be echoed twice by an editor.
    func waitForPrompt(after command: SessionCommand?) async {
        guard state.phase == .ending else { return }
        await wait(until: (command?.ended ?? IO.now) + Self.promptPatience) {
            self.state.phase != .ending
        }
    }

    func checkAlive() throws(Fault) {
        guard let end else { return }
        let how =
            switch end {
            case .exited(let code): "its shell exited with \(code)"
            case .signalled(let name): "its shell was ended by SIG\(name)"
            case .lost(let reason): "its connection was lost: \(reason)"
            }
        throw Fault(
            .sessionEnded,
            "session \(id) is over: \(how). ssh_session_open {\"reopen\": \"\(id)\"} opens a new shell "
                + "where it was")
    }

    func checkFree() throws(Fault) {
        if isAdopting {
            throw Fault(
                .busy, "a shell inside session \(id) is being adopted; try again in a moment")
        }
        if isClearing {
            throw Fault(
                .busy,
                "what was typed at the prompt of session \(id) is being cleared; try again in a moment"
            )
        }
    }

    private func encode(_ code: String, arms: Bool) throws(Fault) -> CommandEncoder.Lines {
        do throws(TerminalError) {
            return try CommandEncoder(profile: profile).encode(
                Array(code.utf8), number: state.number + 1, previous: state.previousStatus,
                arms: arms, learning: learnsExports(of: code) ? nonce : nil)
        } catch {
            throw Fault(.invalidArgument, error.description)
        }
    }

    private func type(_ lines: CommandEncoder.Lines, for command: SessionCommand) {
        state.start(pieces: !lines.pieces.isEmpty)
        command.pieces = lines.pieces[...]
        command.line = lines.command
        typePieces()
    }

    /// Types as much of the code as the terminal may hold, and the command once all is taken.
    func typePieces() {
        guard let command, end == nil, !command.line.isEmpty else { return }
        while let piece = command.pieces.first,
            command.piecesOnTheirWay < CommandEncoder.pieceWindow
        {
            command.pieces.removeFirst()
            command.piecesOnTheirWay += 1
            type(piece)
        }
        guard command.pieces.isEmpty, command.piecesOnTheirWay <= 0 else { return }
        let line = command.line
        command.line = []
        state.typedCommand()
        type(line)
    }

    private func type(_ line: [UInt8]) {
        echo.expect(line)
        transport.write(line)
    }

    static let expiryNote = "timeout_s passed: Ctrl-C was sent"

    /// Interrupts a command, or what runs in the shell inside that it is.
    func expire(_ command: SessionCommand?) {
        guard let command, command.outcome == nil, end == nil else { return }
        let isOuter = outer.contains { $0.command === command }
        guard isOuter || command === self.command else { return }
        guard !isOuter || isRunning else {
            command.expiry = "timeout_s passed while the shell in it was at its prompt"
            return
        }
        command.expiry = Self.expiryNote
        self.command?.expiry = Self.expiryNote
        state.interrupted()
        transport.write([Keys.interrupt])
    }
}
