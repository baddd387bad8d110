// A device that is not a Unix shell (a switch, a router). It has no marks: its prompt is learned at
// the beginning, pages are turned, and a command has ended when the prompt is back and nothing
// follows it.
// Invariant: `done` rests on the prompt, reported as evidence `prompt`, and never has an exit code.
import Loop
import Programs
import Terminal
import Wire

/// Speaks to a device with a prompt.
@IO final class DeviceDialogue: Dialogue {
    private let console: Console
    private let prompt: DevicePrompt
    /// Lines of the command that are still to be typed.
    private var lines: [String] = []
    /// The echo of the first line, while it is expected.
    private var echo: DeviceEcho?
    /// The end of the output when a page was asked for; -1 if none was.
    private var turnedAt = -1
    private var settling: LoopTimer?

    /// Time without output after which what a device shows is complete.
    private static let stillness = Duration.milliseconds(300)
    /// Time in which nothing may follow a prompt: a line of output that looks like one is followed
    /// at once.
    private static let promptRest = Duration.milliseconds(60)
    /// The longest wait for silence: some devices print without end at login.
    private static let longest = Duration.seconds(3)
    /// Time between two checks for silence.
    private static let step = Duration.milliseconds(20)
    /// The most bytes in which an echo is looked for: the longest line, and what drawing it adds.
    private static let echoLimit = 8192
    /// The most bytes of a command, which bounds how long a device is typed to.
    private static let codeLimit = 1 << 16

    private init(_ console: Console, _ prompt: DevicePrompt) {
        (self.console, self.prompt) = (console, prompt)
        console.shell.hasMarks = false
        console.shell.state.goWithoutMarks()
    }

    var evidence: Evidence { .prompt }
    var promptStatus: Int? { nil }
    func adopt(wait: Duration) async throws(Fault) { throw console.refusal("adopts no shells") }
    func willType() async {}
    func typesAtPrompt(_ line: String?) {}
    func watch(_ command: SessionCommand, keys: [UInt8], isBefore: Bool) async {}
    func recover(from keys: [UInt8]) async {}

    // MARK: Opening

    /// Learns the prompt and switches paging off.
    ///
    /// Also returns what the device showed at login.
    static func open(
        _ console: Console, until deadline: ContinuousClock.Instant, target: String
    ) async throws(Fault) -> (dialogue: DeviceDialogue, banner: String) {
        console.shell.name = "network"
        await silence(console, until: deadline)
        var learned: DevicePrompt?
        var candidate: DevicePrompt?
        while learned == nil {
            guard IO.now < deadline, console.end == nil, !Task.isCancelled else {
                console.close()
                let said = SetUp.banner(console.intake.greeting).split(separator: "\n").last
                throw Fault(
                    console.end == nil ? .timedOut : .shellUnusable,
                    "no prompt could be learned at \(target)"
                        + (said.map { "; it said: \($0)" } ?? "")
                        + "; open it with shell \"raw\" to see what it shows")
            }
            // The same line twice: a question or a slow banner is not a prompt.
            console.transport.write([13])
            await silence(console, until: deadline)
            let seen = DevicePrompt(learning: openLine(console.intake.greeting.suffix(4096)))
            if seen != nil, seen == candidate { learned = seen }
            candidate = seen
        }
        guard let learned else { throw console.refusal("has no prompt") }
        let banner = SetUp.banner(console.intake.greeting)
            .split(separator: "\n", omittingEmptySubsequences: false)
            .prefix { !$0.hasPrefix(learned.base) }.joined(separator: "\n")
        for setting in ["terminal length 0", "terminal width 511"] {
            console.transport.write(Array(setting.utf8) + [13])
            await silence(console, until: deadline)
        }
        _ = console.intake.takeGreeting()
        let dialogue = DeviceDialogue(console, learned)
        console.onPrinted = { [weak dialogue] in dialogue?.printed() }
        return (dialogue, banner)
    }

    /// Waits until something has arrived and nothing follows.
    private static func silence(
        _ console: Console, until deadline: ContinuousClock.Instant
    ) async {
        let begin = IO.now
        let limit = min(deadline, begin + longest)
        while console.end == nil, !Task.isCancelled, IO.now < limit {
            let last = console.lastOutput
            if last >= begin, IO.now - last >= stillness { return }
            await console.waiters.wait(until: min(limit, IO.now + step)) { console.end != nil }
        }
    }

    /// The unfinished line at the end of what the device has shown.
    private static func openLine(_ tail: ArraySlice<UInt8>) -> String {
        CleanText.clean(tail.lastIndex(of: 10).map { tail[($0 + 1)...] } ?? tail)
    }

    // MARK: Commands

    func run(_ order: CommandOrder) async throws(Fault) -> SessionCommand {
        let deadline = IO.now + order.wait
        if let command = console.shell.command, console.shell.isRunning {
            throw await console.busy(command)
        }
        guard order.code.utf8.count <= Self.codeLimit,
            order.code.utf8.allSatisfy({ $0 >= 32 || $0 == 10 || $0 == 9 })
        else {
            throw Fault(
                .invalidArgument, "a device takes lines of text, at most 64 KiB of them in all")
        }
        let command = console.history.add(
            order.code, to: console.id, begin: console.log.end, in: nil)
        console.shell.state.endTyping()
        (console.shell.command, console.shell.rest) = (command, nil)
        console.watch.typed(at: IO.now)
        command.deadline = order.timeout.map { limit in
            LoopTimer(after: limit) { [weak console, weak command] in
                if let console, let command { console.interrupt(command) }
            }
        }
        lines = order.code.split(separator: "\n", omittingEmptySubsequences: true).map(String.init)
        let first = lines.isEmpty ? "" : lines.removeFirst()
        echo = DeviceEcho(of: first)
        console.transport.write(Array(first.utf8) + [13])
        await console.asker.wait(until: deadline) { command.outcome != nil }
        return command
    }

    /// Removes what turning pages left in the text.
    func cleaned(_ text: String, from offset: Int) -> String {
        turnedAt >= offset ? DevicePager.cleaned(text) : text
    }

    /// The device has sent something: turns a page, or waits to see if the prompt stays last.
    private func printed() {
        let isRunning = console.shell.isRunning
        guard isRunning || console.shell.state.typed != nil else { return }
        settling?.cancel()
        settling = nil
        if isRunning { skipEcho() }
        let end = console.log.end
        let line = Self.openLine(console.log.bytes(max(console.log.start, end - 4096)..<end)[...])
        if let key = DevicePager.key(for: line), turnedAt < end {
            turnedAt = end
            console.transport.write([key])
        } else if echo == nil || !isRunning, prompt.matches(line) {
            settling = LoopTimer(after: Self.promptRest) { [weak self] in self?.promptStayed(end) }
        }
    }

    /// What follows the prompt first is the typed line, as the device shows it.
    private func skipEcho() {
        guard let command = console.shell.command, let echo else { return }
        let limit = min(console.log.end, command.begin + Self.echoLimit)
        let shown = console.log.bytes(command.begin..<limit)
        switch echo.extent(in: shown[...]) {
        case .open:
            // An echo that ends in a prompt was output.
            guard let end = shown.lastIndex(of: 10) else { return }
            let last = Self.openLine(shown[end...])
            if shown.count == Self.echoLimit || prompt.matches(last) { self.echo = nil }
        case .none: self.echo = nil
        case .ends(let count):
            self.echo = nil
            command.begin += count
        }
    }

    private func promptStayed(_ end: Int) {
        guard end == console.log.end else { return }
        settling = nil
        let tail = console.log.bytes(max(console.log.start, end - 4096)..<end)
        let begin = tail.lastIndex(of: 10).map { end - tail.count + $0 + 1 } ?? end
        guard let command = console.shell.command, command.outcome == nil else {
            console.endTyping(at: begin)
            return console.waiters.wakeAll()
        }
        guard lines.isEmpty else {
            return console.transport.write(Array(lines.removeFirst().utf8) + [13])
        }
        console.watch.ended()
        command.finish(.prompted, at: max(command.begin, begin))
        console.waiters.wakeAll()
    }
}
