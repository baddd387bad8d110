// The second channel of a link: an `sh` that probes the kernel for all sessions of the link. The
// first question opens it; 60 s without a question close it.
// Invariant: a question never takes longer than its limit, and a channel that misses one is closed;
// a host that has no room for it, or does not answer, is left alone for 1 s, then 2, 4, up to 60 s.
import Loop
import SSH
import Terminal

/// A link's own `sh`.
@IO final class ProbeChannel {
    /// The shortest limit on an answer; three times `slowness`, where that is more.
    private static let limit = Duration.seconds(2)
    /// The longest limit on an answer: no question is waited for longer than this.
    private static let longestLimit = Duration.seconds(10)
    /// Time without a question after which the channel is closed: it is one of those that the
    /// server allows.
    private static let idleTime = Duration.seconds(60)
    /// The longest time for which a host that does not answer is left alone: one that is well again
    /// is noticed within a minute.
    private static let longestRest = Duration.seconds(60)
    /// The most bytes kept of an answer, so that a host cannot fill the agent's memory.
    private static let answerLimit = 1 << 16

    /// The terminals of the link.
    private let terminals: LinkTerminals

    private let link: Link
    private var channel: Channel?
    private var opening: Task<Channel?, Never>?
    /// How long opening and answers took lately: a slow host stays slow.
    private var slowness = Duration.zero
    private var asked: [(number: Int, begin: ContinuousClock.Instant, answer: Once<[UInt8]?>)] = []
    private var number = 0
    private var received: [UInt8] = []
    private var limitTimer: LoopTimer?
    private var idleTimer: LoopTimer?
    private var misses = 0
    private var restUntil: ContinuousClock.Instant?

    /// A channel for a link's sessions; it is not opened yet.
    init(_ link: Link) { (self.link, terminals) = (link, LinkTerminals(link)) }

    isolated deinit { channel?.close() }

    /// Whether its channel is open.
    var isOpen: Bool { channel != nil }

    /// Asks the kernel; nil if it cannot be asked or does not answer.
    func ask(_ question: Probe.Question) async -> [UInt8]? { await ask(question.line) }

    /// Asks which process the shell of this channel is.
    func findLogin(on channel: Channel) async -> LoginShell.Answer {
        guard let question = terminals.question(about: channel) else { return .hidden }
        guard let bytes = await ask(question.line) else { return .unasked }
        let answer = LoginShell.Answer(bytes)
        if case .found(let login) = answer {
            terminals.found(login.question.process, on: channel)
        }
        return answer
    }

    private func ask(_ line: String) async -> [UInt8]? {
        if let restUntil, IO.now < restUntil { return nil }
        guard let channel = await open() else { return nil }
        number += 1
        let answer = Once<[UInt8]?>()
        asked.append((number, IO.now, answer))
        idleTimer?.cancel()
        channel.write(Array("\(line)echo; echo \"end \(number)\"\n".utf8))
        if limitTimer == nil { startLimit() }
        return await answer.wait()
    }

    // MARK: The channel

    private func open() async -> Channel? {
        if let channel { return channel }
        if let opening { return await opening.value }
        let link = link
        let began = IO.now
        let task = IO.task { () async -> Channel? in
            // Not `exec sh`, before which tcsh rewrites its history file.
            let channel = try? await link.execute("sh")
            self.opening = nil
            self.slowness = max(self.slowness, IO.now - began)
            if let channel { self.use(channel) } else { self.rest() }
            return channel
        }
        opening = task
        return await task.value
    }

    private func use(_ channel: Channel) {
        self.channel = channel
        received = []
        channel.onOutput = { [weak self] in self?.receive($0) }
        channel.onEnd = { [weak self, weak channel] _ in
            guard let self, let channel, channel === self.channel else { return }
            self.fail()
        }
        channel.write(Array((Probe.definitions + LoginShell.definitions).utf8))
        channel.resume()
    }

    private func receive(_ bytes: [UInt8]) {
        received += bytes
        while let first = asked.first {
            let end = Array("\nend \(first.number)\n".utf8)
            guard let place = received.firstRange(of: end) else { break }
            asked.removeFirst()
            misses = 0
            slowness = max(slowness * 0.9, IO.now - first.begin)
            let answer = Array(received[..<place.lowerBound])
            received.removeSubrange(..<place.upperBound)
            first.answer.set(answer)
            limitTimer?.cancel()
            limitTimer = nil
        }
        if received.count > Self.answerLimit { return fail() }
        if !asked.isEmpty, limitTimer == nil { startLimit() }
        if asked.isEmpty { startIdle() }
    }

    private func startLimit() {
        let limit = min(max(Self.limit, slowness * 3), Self.longestLimit)
        limitTimer = LoopTimer(after: limit) { [weak self] in self?.fail() }
    }

    private func startIdle() {
        idleTimer = LoopTimer(after: Self.idleTime) { [weak self] in
            guard let self, self.asked.isEmpty else { return }
            let channel = self.channel
            self.channel = nil
            channel?.close()
        }
    }

    /// The channel is gone or does not answer.
    private func fail() {
        limitTimer?.cancel()
        limitTimer = nil
        idleTimer?.cancel()
        let channel = channel
        let unanswered = asked
        self.channel = nil
        asked = []
        received = []
        channel?.close()
        if let first = unanswered.first {
            slowness = max(slowness, IO.now - first.begin)
            rest()
        }
        for question in unanswered { question.answer.set(nil) }
    }

    /// Leaves the host alone for 1, 2, 4, … up to 60 seconds.
    private func rest() {
        misses += 1
        let time = Duration.seconds(1 << min(misses - 1, 6))
        restUntil = IO.now + min(time, Self.longestRest)
    }
}
