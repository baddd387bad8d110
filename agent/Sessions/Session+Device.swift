// A device that is no Unix shell (a switch, a router) and what is driven by keys alone. A device has no
// marks: its prompt is learned at the beginning, pages are turned, and a command is over when the
// prompt is back and nothing follows it.
// Invariant: `done` rests on the prompt, said as evidence `prompt`, and never has an exit code.
import Loop
import Terminal
import Wire

extension Session {
    /// What is at the other end of the terminal.
    enum Kind {
        /// A Unix shell, with marks.
        case shell
        /// A device, with its prompt.
        case device(Device)
        /// Anything: text and keys go there, output comes back.
        case raw
    }

    /// How the talk with a device stands.
    struct Device {
        var prompt: DevicePrompt
        /// Lines of the command that are still to be typed.
        var lines: [String] = []
        /// The line whose echo comes first.
        var typed: String?
        /// The end of the output when a page was asked for.
        var turnedAt = -1
        var settling: LoopTimer?
    }

    /// What a device shows is complete when nothing has followed for so long.
    private static let stillness = Duration.milliseconds(300)
    /// So long nothing may follow a prompt.
    private static let promptRest = Duration.milliseconds(60)

    var isShell: Bool {
        if case .shell = kind { return true }
        return false
    }

    /// Sessions without a shell of their own refuse what needs one.
    func checkShell(_ what: String) throws(Fault) {
        guard !isShell else { return }
        throw Fault(
            .invalidArgument,
            "session \(id) was opened with shell \"\(shellName)\", which \(what); type with "
                + "ssh_session_send and read with ssh_session_read, or open a session with shell \"auto\""
        )
    }

    // MARK: Opening

    /// Takes the terminal as it is.
    func openRaw() {
        transport.resume()
        (kind, shellName, setUp) = (.raw, "raw", .done)
        // Nothing ever tells that what is typed here is over.
        direct = Direct(begin: log.end)
    }

    /// Learns the prompt and switches paging off.
    func openDevice(within limit: Duration) async throws(Fault) {
        shellName = "network"
        let deadline = IO.now + limit
        transport.resume()
        await silence(until: deadline)
        var learned: DevicePrompt?
        var candidate: DevicePrompt?
        while learned == nil {
            guard IO.now < deadline, end == nil, !Task.isCancelled else {
                close()
                let said = Self.banner(greeting).split(separator: "\n").last
                throw Fault(
                    end == nil ? .timedOut : .shellUnusable,
                    "no prompt could be learned at \(target)"
                        + (said.map { "; it said: \($0)" } ?? "")
                        + "; open it with shell \"raw\" to see what it shows")
            }
            // Twice the same: a question or a slow banner is no prompt.
            transport.write([13])
            await silence(until: deadline)
            let seen = DevicePrompt(learning: openLine)
            if seen != nil, seen == candidate { learned = seen }
            candidate = seen
        }
        guard let learned else { return }
        banner = Self.banner(greeting).split(separator: "\n", omittingEmptySubsequences: false)
            .prefix { !$0.hasPrefix(learned.base) }.joined(separator: "\n")
        for setting in ["terminal length 0", "terminal width 511"] {
            transport.write(Array(setting.utf8) + [13])
            await silence(until: deadline)
        }
        greeting = []
        (kind, setUp) = (.device(Device(prompt: learned)), .done)
    }

    /// Waits until something came and nothing follows.
    private func silence(until deadline: ContinuousClock.Instant) async {
        let begin = IO.now
        let limit = min(deadline, begin + .seconds(3))
        while end == nil, !Task.isCancelled, IO.now < limit {
            if lastOutput >= begin, IO.now - lastOutput >= Self.stillness { return }
            await wait(until: min(limit, IO.now + .milliseconds(20))) { self.end != nil }
        }
    }

    /// The unfinished line at the end of what the device has shown.
    private var openLine: String {
        let tail =
            setUp == .done
            ? log.bytes(max(log.start, log.end - 4096)..<log.end) : Array(greeting.suffix(4096))
        let line = tail.lastIndex(of: 10).map { tail[($0 + 1)...] } ?? tail[...]
        return CleanText.clean(line)
    }

    // MARK: Commands

    /// Types a command's lines, each when the prompt is back, and waits for the last one's end.
    func runOnDevice(
        _ code: String, wait patience: Duration, timeout: Duration?, maxBytes: Int
    ) async throws(Fault) -> CommandResult {
        let deadline = IO.now + patience
        guard case .device(var device) = kind else { return describe(nil) }
        if let command, isRunning {
            throw Fault(.busy, "session \(id) is running \(command.id): \(command.preview)")
        }
        guard code.utf8.count <= 1 << 16, code.utf8.allSatisfy({ $0 >= 32 || $0 == 10 || $0 == 9 })
        else {
            throw Fault(
                .invalidArgument, "a device takes lines of text, at most 64 KiB of them in all")
        }
        let command = SessionCommand(id: "\(id).\(commandCount + 1)", code: code, begin: log.end)
        commandCount += 1
        (self.command, direct, lastUsed) = (command, nil, IO.now)
        forgetFindings()
        command.deadline = timeout.map { limit in
            LoopTimer(after: limit) { [weak self, weak command] in
                guard let self, let command, command.outcome == nil else { return }
                command.expiry = Self.expiryNote
                self.transport.write([Keys.interrupt])
            }
        }
        device.lines = code.split(separator: "\n", omittingEmptySubsequences: true).map(String.init)
        if device.lines.isEmpty { device.lines = [""] }
        let first = device.lines.removeFirst()
        device.typed = first
        kind = .device(device)
        transport.write(Array(first.utf8) + [13])
        await waitForEnd(of: command, until: deadline)
        var result = result(of: command, from: command.begin, maxBytes: maxBytes)
        result.output = withoutPages(result.output, from: command.begin)
        return result
    }

    /// Text of a device from an offset on, without what turning pages left in it.
    func withoutPages(_ text: String, from offset: Int) -> String {
        guard case .device(let device) = kind, device.turnedAt >= offset else { return text }
        return DevicePager.cleaned(text)
    }

    /// The device has said something: turns a page, or waits whether the prompt stays the last.
    func followDevice() {
        guard case .device(var device) = kind, isRunning || direct?.isOver == false else { return }
        device.settling?.cancel()
        device.settling = nil
        if isRunning { skipEcho(&device) }
        let line = openLine
        if let key = DevicePager.key(for: line), device.turnedAt < log.end {
            device.turnedAt = log.end
            transport.write([key])
        } else if device.typed == nil || !isRunning, device.prompt.matches(line) {
            let end = log.end
            device.settling = LoopTimer(after: Self.promptRest) { [weak self] in
                self?.promptStayed(end)
            }
        }
        kind = .device(device)
    }

    /// The first line is the typed one, as the device shows it.
    private func skipEcho(_ device: inout Device) {
        guard let command, let typed = device.typed else { return }
        let bytes = log.bytes(command.begin..<min(log.end, command.begin + 8192))
        guard let line = bytes.firstIndex(of: 10) else { return }
        device.typed = nil
        let shown = CleanText.clean(bytes[...line])
        if typed.isEmpty || shown.contains(typed.suffix(20)) { command.begin += line + 1 }
    }

    private func promptStayed(_ end: Int) {
        guard case .device(var device) = kind, end == log.end else { return }
        device.settling = nil
        defer { kind = .device(device) }
        let tail = log.bytes(max(log.start, end - 4096)..<end)
        let begin = tail.lastIndex(of: 10).map { end - tail.count + $0 + 1 } ?? end
        guard let command, command.outcome == nil else {
            direct?.isOver = true
            direct?.end = begin
            return wakeAll()
        }
        guard device.lines.isEmpty else {
            return transport.write(Array(device.lines.removeFirst().utf8) + [13])
        }
        need = nil
        command.finish(.prompted, at: max(command.begin, begin))
        wakeAll()
    }
}

extension Substring {
    /// The same without the blanks it ends in.
    var withoutBlanksAtEnd: Substring {
        var rest = self
        while rest.last == " " { rest.removeLast() }
        return rest
    }
}
