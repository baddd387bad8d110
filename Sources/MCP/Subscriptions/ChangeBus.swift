// Who wants to know of what, and how often they are told. Flow: host → publish → each subscriber of
// the topic. Invariant: a topic's subscribers get its first notice at once, and after that at most
// one in each interval, the latest; what nobody subscribes to costs nothing.
import JSON
import Loop

/// Someone who is told of what has changed.
@IO protocol Subscriber: AnyObject {
    func deliver(_ notice: Notice)
}

@IO final class ChangeBus {
    private let interval: Duration
    private var subscribers: [Topic: [ObjectIdentifier: any Subscriber]] = [:]
    private var recent: [Topic: Recent] = [:]
    private var timer: LoopTimer?

    /// What was last said about a topic.
    private struct Recent {
        var sentAt: ContinuousClock.Instant
        /// A later notice, which waits for the end of the interval.
        var pending: Notice?
    }

    /// Most subscribers that are told in one turn of the loop: telling one takes about 10 µs.
    private static let perTurn = 64
    /// The timer beats this many times in an interval, so a merged notice is late by a part of it.
    private static let beats = 5

    init(interval: Duration) { self.interval = interval }

    func add(_ subscriber: any Subscriber, to topic: Topic) {
        subscribers[topic, default: [:]][ObjectIdentifier(subscriber)] = subscriber
    }

    func remove(_ subscriber: any Subscriber, from topic: Topic) {
        subscribers[topic]?[ObjectIdentifier(subscriber)] = nil
        if subscribers[topic]?.isEmpty == true { subscribers[topic] = nil }
    }

    func hasSubscribers(to topic: Topic) -> Bool { subscribers[topic] != nil }

    /// Tells the topic's subscribers, now or at the end of the interval.
    func publish(_ notice: Notice) {
        guard hasSubscribers(to: notice.topic) else { return }
        guard recent[notice.topic] == nil else {
            recent[notice.topic]?.pending = notice
            return
        }
        send(notice)
        guard timer == nil else { return }
        let step = interval / Self.beats
        timer = LoopTimer(after: step, repeating: step) { [weak self] in self?.beat(IO.now) }
    }

    private func send(_ notice: Notice) {
        recent[notice.topic] = Recent(sentAt: IO.now)
        guard let all = subscribers[notice.topic] else { return }
        guard all.count > Self.perTurn else {
            for subscriber in all.values { subscriber.deliver(notice) }
            return
        }
        IO.task {
            for (told, one) in all.enumerated() {
                if told > 0, told % Self.perTurn == 0 { try? await IO.sleep(for: .zero) }
                // It may have left meanwhile.
                self.subscribers[notice.topic]?[one.key]?.deliver(notice)
            }
        }
    }

    private func beat(_ now: ContinuousClock.Instant) {
        for (topic, last) in recent where now - last.sentAt >= interval {
            recent[topic] = nil
            if let pending = last.pending { send(pending) }
        }
        if recent.isEmpty {
            timer?.cancel()
            timer = nil
        }
    }
}
