// Reading a session's output by offset, and waiting for more of it. Invariant: a wait ends with its
// deadline, whatever the output and the pattern.
import Loop
import Terminal
import Wire

extension Session {
    /// Output from an offset on (default: where the newest command's begins), waiting for more when
    /// there is none yet, or until a line from there on matches.
    func read(
        offset: Int?, until text: String? = nil, wait patience: Duration, raw: Bool, maxBytes: Int
    ) async throws(Fault) -> CommandResult {
        let offset = offset ?? command?.begin ?? 0
        guard offset <= log.end else {
            throw Fault(
                .invalidArgument,
                "offset \(offset) is past the end of the output; the newest is \(log.end)")
        }
        let pattern = try text.map(Self.pattern)
        lastUsed = IO.now
        let deadline = IO.now + patience
        let command = command
        if need != nil { await glance() }
        var isMatched: Bool?
        if let pattern {
            isMatched = await find(pattern, from: offset, until: deadline)
        } else {
            await waitAndLook(until: deadline, orOutput: true) {
                self.log.end > offset || !self.isBusy
            }
        }
        // The end often follows the last output at once: worth a moment.
        await wait(until: min(deadline, IO.now + .milliseconds(20))) { !self.isRunning }
        if need == nil { await glance() }
        var result = describe(command)
        result.isMatched = isMatched
        let excerpt = Excerpt(
            log, from: offset, to: log.end, maxBytes: maxBytes, raw: raw, isOver: !isRunning)
        result.output = raw ? excerpt.text : withoutPages(excerpt.text, from: offset)
        result.lostBytes = excerpt.lostBytes
        result.isTruncated = excerpt.lostBytes > 0 || excerpt.nextOffset < log.end
        result.omittedBytes = 0
        result.offset = offset + excerpt.lostBytes
        result.nextOffset = excerpt.nextOffset
        return result
    }
    /// Whether something runs whose output may go on.
    private var isBusy: Bool { (isRunning || isDirectOpen) && end == nil }

    private static func pattern(_ text: String) throws(Fault) -> LinePattern {
        do throws(TerminalError) {
            return try LinePattern(text)
        } catch {
            throw Fault(.invalidArgument, error.description)
        }
    }

    /// Waits until a line from `offset` on matches; false: it ended, or the time was over, before.
    private func find(
        _ pattern: LinePattern, from offset: Int, until deadline: ContinuousClock.Instant
    ) async -> Bool {
        var search = OutputSearch(pattern, from: offset)
        while true {
            switch search.step(log) {
            case .found: return true
            case .more:
                // Others have their turn between two pieces.
                do { try await IO.sleep(for: .zero) } catch { return false }
                if IO.now >= deadline { return false }
            case .caughtUp:
                guard isBusy, IO.now < deadline, !Task.isCancelled else { return false }
                let seen = log.end
                // What waits for input may still print: servers read their terminal.
                await waitAndLook(until: deadline, orOutput: true, stopsAtNeed: false) {
                    self.log.end > seen || !self.isBusy
                }
            }
        }
    }
}
