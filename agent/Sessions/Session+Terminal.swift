// The terminal itself: its screen, its size, and keys and text as the program in it wants them.
// Invariant: what is typed depends on the modes the program has set, on nothing else.
import Configuration
import Loop
import Terminal
import Wire

extension Session {
    /// How long a screen must be still to be shown, and the longest wait for that.
    private static let stillness = (Duration.milliseconds(40), Duration.milliseconds(400))

    /// The screen as a person would see it, waiting for a change past `offset` (default: from now).
    func readScreen(
        offset: Int?, wait patience: Duration, maxBytes: Int
    ) async throws(Fault) -> CommandResult {
        let offset = offset ?? log.end
        guard offset <= log.end else {
            throw Fault(
                .invalidArgument,
                "offset \(offset) is past the end of the output; the newest is \(log.end)")
        }
        lastUsed = IO.now
        let deadline = IO.now + patience
        let command = command
        await wait(until: deadline, orOutput: true) {
            self.log.end > offset || !(self.isRunning || self.isDirectOpen) || self.end != nil
        }
        // A picture is drawn in pieces: half of one helps nobody.
        let limit = IO.now + Self.stillness.1
        while IO.now < min(limit, deadline), lastOutput + Self.stillness.0 > IO.now {
            let seen = lastOutput
            await wait(until: min(limit, lastOutput + Self.stillness.0), orOutput: true) {
                self.lastOutput > seen || self.end != nil
            }
            if end != nil { break }
        }
        if need == nil { await glance() }
        var result = describe(command)
        let end = log.end
        var screen = await display.view(log, follows: isRunning || isDirectOpen)
        var left = maxBytes
        let rows = screen.rows.prefix {
            left -= $0.utf8.count + 1
            return left >= 0
        }
        result.isTruncated = rows.count < screen.rows.count
        screen.rows = Array(rows)
        result.screen = screen
        (result.offset, result.nextOffset) = (end, end)
        return result
    }

    /// Gives the terminal another size: the program is told by SIGWINCH.
    func resize(columns: Int, rows: Int) {
        guard columns != display.columns || rows != display.rows else { return }
        display.resize(columns: columns, rows: rows)
        transport.resize(columns: UInt16(columns), rows: UInt16(rows))
    }

    /// The bytes a terminal sends for text and keys.
    func typed(_ text: String, _ keys: [String], _ enter: Bool) throws(Fault) -> [UInt8] {
        var bytes = Array(text.utf8)
        // Lines typed one by one are indented, completed or run by an editor; pasted ones are not.
        if display.modes.bracketsPaste, bytes.dropLast().contains(10) {
            bytes = Keys.pasted(bytes)
        }
        for key in keys {
            do throws(TerminalError) {
                let inApplication = display.modes.applicationCursorKeys
                bytes += try Keys.bytes(for: key, applicationCursorKeys: inApplication)
            } catch {
                let near = Nearest.match(key, in: Keys.names).map { "; did you mean \"\($0)\"?" }
                throw Fault(.invalidArgument, error.description + (near ?? ""))
            }
        }
        if enter { bytes.append(13) }
        return bytes
    }
}
