// Reading a session's output by offset, or its screen, and waiting for more of it. Invariant: a
// wait ends with its deadline, whatever the output and the pattern.
import Loop
import Programs
import Terminal
import Wire

/// Reads one session.
@IO struct Reading {
    let console: Console
    let answers: Answers

    /// How long to wait for a command's end after its last output: it often follows at once.
    private static let endTime = Duration.milliseconds(20)
    /// Time without output after which a picture counts as drawn, and the longest wait for that.
    private static let stillness = (Duration.milliseconds(40), Duration.milliseconds(400))

    /// Whether something runs whose output may go on.
    private var isBusy: Bool {
        (console.shell.isRunning || console.shell.state.typed != nil) && console.end == nil
    }

    /// Output from an offset on, after waiting until a line from `start` on matches.
    func output(
        from offset: Int, matching text: String, after start: Int, wait patience: Duration,
        raw: Bool, maxBytes: Int
    ) async throws(Fault) -> CommandResult {
        let pattern = try Self.pattern(text)
        var isMatched: Bool?
        var result = try await output(from: offset, wait: patience, raw: raw, maxBytes: maxBytes) {
            isMatched = await find(pattern, from: start, until: $0)
        }
        result.isMatched = isMatched
        return result
    }

    /// Output from an offset on, after waiting for the goal, and for anything that the reader's
    /// last answer did not have.
    func output(
        from offset: Int, for goal: ReadOutput.Goal, beyond last: Readers.Answer,
        wait patience: Duration, raw: Bool, maxBytes: Int
    ) async throws(Fault) -> CommandResult {
        try await output(from: offset, wait: patience, raw: raw, maxBytes: maxBytes) { deadline in
            await console.asker.wait(until: deadline, orOutput: true, stopsAtFinding: false) {
                let isReached =
                    switch goal {
                    case .end: !isBusy || console.watch.finding != nil
                    case .output: true
                    }
                guard isReached else { return false }
                // Nothing more comes from a shell that is gone.
                return console.end != nil || console.log.end > offset
                    || last.differs(from: answers.describe(console.shell.command))
            }
        }
    }

    private func output(
        from offset: Int, wait patience: Duration, raw: Bool, maxBytes: Int,
        _ wait: @IO (ContinuousClock.Instant) async -> Void
    ) async throws(Fault) -> CommandResult {
        try check(offset)
        let deadline = IO.now + patience
        let command = console.shell.command
        if console.watch.finding != nil { await console.asker.glance() }
        await wait(deadline)
        await console.waiters.wait(until: min(deadline, IO.now + Self.endTime)) {
            !self.console.shell.isRunning
        }
        if console.watch.finding == nil { await console.asker.glance() }
        var result = answers.describe(command)
        let excerpt = Excerpt(
            console.log, from: offset, to: console.log.end, maxBytes: maxBytes, raw: raw,
            isOver: !console.shell.isRunning)
        result.output =
            raw ? excerpt.text : answers.dialogue.cleaned(excerpt.text, from: offset)
        result.lostBytes = excerpt.lostBytes
        result.isTruncated = excerpt.lostBytes > 0 || excerpt.nextOffset < console.log.end
        result.omittedBytes = 0
        result.isPage = true
        result.offset = offset + excerpt.lostBytes
        result.nextOffset = excerpt.nextOffset
        return result
    }

    /// The screen as a person would see it, waiting for a change past `offset` (default: from now).
    func screen(
        offset: Int?, wait patience: Duration, maxBytes: Int
    ) async throws(Fault) -> CommandResult {
        let log = console.log
        let offset = offset ?? log.end
        try check(offset)
        let deadline = IO.now + patience
        let command = console.shell.command
        await console.waiters.wait(until: deadline, orOutput: true, asAsked: true) {
            log.end > offset || !self.isBusy
        }
        await drawn(until: deadline)
        if console.watch.finding == nil { await console.asker.glance() }
        var result = answers.describe(command)
        let end = log.end
        await show(in: &result, maxBytes: maxBytes)
        (result.offset, result.nextOffset, result.isPage) = (end, end, true)
        return result
    }

    /// Adds the screen to the result about a program that draws: its output has no picture.
    func addScreen(to result: inout CommandResult, maxBytes: Int) async {
        guard result.state == .fullscreen, console.log.alternate.isDrawing else { return }
        await drawn(until: IO.now + Self.stillness.1)
        await show(in: &result, maxBytes: max(0, maxBytes - result.output.utf8.count))
    }

    /// Puts the screen in the place of the output.
    func replaceOutput(of result: inout CommandResult, maxBytes: Int) async {
        await drawn(until: IO.now + Self.stillness.1)
        (result.output, result.omittedBytes, result.isTruncated) = ("", 0, false)
        await show(in: &result, maxBytes: maxBytes)
    }

    /// Waits a moment, as a picture is drawn in pieces, and half of one is of no use.
    private func drawn(until deadline: ContinuousClock.Instant) async {
        let limit = min(deadline, IO.now + Self.stillness.1)
        while IO.now < limit, console.end == nil {
            let still = console.lastOutput + Self.stillness.0
            if still <= IO.now { break }
            await console.waiters.wait(until: min(limit, still)) { self.console.end != nil }
        }
    }

    /// Puts as many rows of the screen into a result as fit.
    private func show(in result: inout CommandResult, maxBytes: Int) async {
        var screen = await console.display.view(
            console.log, follows: console.shell.isRunning || console.shell.state.typed != nil)
        var left = maxBytes
        let rows = screen.rows.prefix {
            left -= $0.utf8.count + 1
            return left >= 0
        }
        if rows.count < screen.rows.count { result.isTruncated = true }
        screen.rows = Array(rows)
        result.screen = screen
    }

    private func check(_ offset: Int) throws(Fault) {
        guard offset <= console.log.end else {
            throw Fault(
                .invalidArgument,
                "offset \(offset) is past the end of the output; the newest is \(console.log.end)")
        }
    }

    static func pattern(_ text: String) throws(Fault) -> LinePattern {
        do throws(TerminalError) {
            return try LinePattern(text)
        } catch {
            throw Fault(.invalidArgument, error.description)
        }
    }

    /// How long a match waits for what the kernel says of its program, if that goes on silently: on
    /// a loaded host, one that asks is found in less.
    private static let settlingTime = Duration.seconds(2)

    /// Waits until the kernel has said whether an unfinished last line is a question.
    ///
    /// More output shows that it is not.
    private func settle(until deadline: ContinuousClock.Instant) async {
        guard let line = console.scene?.openLine, !line.allSatisfy(\.isWhitespace) else { return }
        let seen = console.log.end
        await console.asker.wait(until: min(deadline, IO.now + Self.settlingTime), orOutput: true) {
            console.log.end > seen || !isBusy
        }
    }

    /// Waits until a line from `offset` on matches; false if the command or the time ended before.
    func find(
        _ pattern: LinePattern, from offset: Int, until deadline: ContinuousClock.Instant
    ) async -> Bool {
        var search = OutputSearch(pattern, from: offset)
        while true {
            switch search.step(console.log) {
            case .found:
                await settle(until: deadline)
                return true
            case .more:
                // Other work has its turn between two pieces.
                do { try await IO.sleep(for: .zero) } catch { return false }
                if IO.now >= deadline { return false }
            case .caughtUp:
                guard isBusy, IO.now < deadline, !Task.isCancelled, !TaskPatience.isOver
                else { return false }
                let seen = console.log.end
                // A program that waits for input may still print: servers read their terminal.
                await console.asker.wait(until: deadline, orOutput: true, stopsAtFinding: false) {
                    self.console.log.end > seen || !self.isBusy
                }
            }
        }
    }
}
