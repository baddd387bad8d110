// The second channel of a link: a `sh` that asks the kernel, for all sessions of the link. It is
// opened with the first question and closed when nobody has asked for a while.
// Invariant: a question never takes longer than its limit, and a channel that misses one is closed;
// a host that has no room for it, or does not answer, is left alone for a growing while.
import Loop
import SSH
import Terminal

/// A link's own `sh`.
@IO final class ProbeChannel {
    /// The shortest limit on an answer.
    private static let limit = Duration.seconds(2)
    private static let longestLimit = Duration.seconds(10)
    private static let idleTime = Duration.seconds(60)
    private static let longestRest = Duration.seconds(60)
    private static let answerLimit = 1 << 16

    private let link: Link
    private var channel: Channel?
    private var opening: Task<Channel?, Never>?
    /// What answers, and opening, took: where one was slow, so will others be.
    private var slowness = Duration.zero
    private var asked: [(number: Int, begin: ContinuousClock.Instant, answer: Once<[UInt8]?>)] = []
    private var number = 0
    private var received: [UInt8] = []
    private var limitTimer: LoopTimer?
    private var idleTimer: LoopTimer?
    private var misses = 0
    private var restUntil: ContinuousClock.Instant?

    /// For the sessions of a link; nothing is opened yet.
    init(_ link: Link) { self.link = link }

    isolated deinit { channel?.close() }

    /// Whether its channel is open.
    var isOpen: Bool { channel != nil }

    /// Asks; nil: it cannot be asked.
    func ask(_ question: Probe.Question) async -> [UInt8]? {
        if let restUntil, IO.now < restUntil { return nil }
        guard let channel = await open() else { return nil }
        number += 1
        let answer = Once<[UInt8]?>()
        asked.append((number, IO.now, answer))
        idleTimer?.cancel()
        channel.write(Array("\(question.line)echo; echo \"end \(number)\"\n".utf8))
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
            // Not `exec sh`: tcsh writes its history anew before that.
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
        channel.write(Array(Probe.definitions.utf8))
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

    /// 1, 2, 4, … 60 seconds.
    private func rest() {
        misses += 1
        let time = Duration.seconds(1 << min(misses - 1, 6))
        restUntil = IO.now + min(time, Self.longestRest)
    }
}
