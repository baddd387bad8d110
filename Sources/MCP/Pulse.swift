// The one slow timer of a server: heartbeats, keep-alives, late streams and idle sessions all check
// the time when it beats, so that a call needs no separate timer. Invariant: it runs only while it
// has listeners.
import Loop

@IO protocol Beating: AnyObject {
    func beat(_ now: ContinuousClock.Instant)
}

@IO final class Pulse {
    private let interval: Duration
    private var listeners: [ObjectIdentifier: any Beating] = [:]
    private var timer: LoopTimer?

    init(every interval: Duration) { self.interval = interval }

    func add(_ listener: any Beating) {
        listeners[ObjectIdentifier(listener)] = listener
        guard timer == nil else { return }
        timer = LoopTimer(after: interval, repeating: interval) { [weak self] in self?.beat() }
    }

    func remove(_ listener: any Beating) { listeners[ObjectIdentifier(listener)] = nil }

    private func beat() {
        guard !listeners.isEmpty else {
            timer?.cancel()
            timer = nil
            return
        }
        let now = IO.now
        for listener in listeners.values { listener.beat(now) }
    }
}
