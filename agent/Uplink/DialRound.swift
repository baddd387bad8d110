// Which of a relay's addresses is dialled next. Pure: times are handed in. Used by Uplink.
// Invariant: a round dials each address at most once, and the backoff counts rounds.
import Wire

/// One pass over the addresses of a relay, until one of them serves.
struct DialRound {
    private var rest: ArraySlice<String>
    private var failures: [DialFailure] = []

    init(_ addresses: [String]) { rest = addresses[...] }

    /// The address to dial now; nil: the round is over.
    var next: String? { rest.first }

    /// Takes note that the dial of `next` failed.
    mutating func failed(_ error: UplinkError) {
        guard let address = rest.popFirst() else { return }
        failures.append(DialFailure(address: address, error: error))
        // All addresses lead to this relay: asking again at once is what it asks not to be done.
        // That it does not know this agent may come of one address alone, where a proxy with an
        // authority of its own ends TLS.
        if case .refused(let refusal) = error, refusal.outlook == .soon { rest = [] }
    }

    /// How long the relay asks to be left alone; nil: it does not.
    var retryAfter: Duration? {
        failures.compactMap { failure -> Duration? in
            if case .refused(let refusal) = failure.error { refusal.retryAfter } else { nil }
        }.max()
    }

    /// Why no address serves, once there is none left.
    var error: UplinkError {
        switch failures.count {
        case 0: .badAddress("")
        case 1: failures[0].error
        default: .several(failures)
        }
    }
}

/// What came of one address.
struct DialFailure: Equatable, Sendable, CustomStringConvertible {
    let address: String
    let error: UplinkError

    var description: String { "\(address): \(error)" }
}

/// The order of the addresses in the rounds of one process.
struct DialOrder {
    /// The address that served last.
    private var served: String?
    /// The address that comes first by the settings, and until when it is passed over.
    private var passed: (address: String, end: ContinuousClock.Instant)?

    /// The longest time of a dial that fails without harm, as where nothing listens: such an
    /// address is dialled first again.
    static let quick = Duration.seconds(1)
    /// One that took longer, as where packets are dropped, is passed over for this many times what
    /// its dial took: it costs a sixtieth of the time at most.
    static let patience = 60

    /// The addresses in the order in which a round that begins now dials them: the first unless it
    /// has just failed, then the one that served last, then the others.
    func round(of addresses: [String], at now: ContinuousClock.Instant) -> [String] {
        guard let served, addresses.contains(served), let first = addresses.first else {
            return addresses
        }
        let isPassed = passed.map { $0.address == first && now < $0.end } ?? false
        let head = isPassed || served == first ? [served] : [first, served]
        return head + addresses.filter { !head.contains($0) }
    }

    /// Takes note that an address serves.
    mutating func serves(_ address: String) { served = address }

    /// Takes note that the machine woke or its network changed: what failed may work now.
    mutating func forgetFailures() { passed = nil }

    /// Takes note that the dial of an address failed after `time`.
    mutating func failed(
        _ address: String, of addresses: [String], after time: Duration,
        at now: ContinuousClock.Instant
    ) {
        guard address == addresses.first, time > Self.quick else { return }
        passed = (address, now + time * Self.patience)
    }
}
