// Where hosts are: the addresses of their names, for the rules. Between Targets, which compares
// hosts by them, and the resolver.
// Invariant: every answer comes in `patience`, and a name that was not looked up in time is
// reported as such: a caller could make lookups late, and a rule must not miss a host for that.
import Configuration
import Loop

/// The addresses of hosts, as they were at most `freshness` ago.
@IO final class Whereabouts {
    /// Looks up the addresses of a host.
    typealias LookUp = @IO @Sendable (String) async throws(LoopError) -> [SocketAddress]

    /// The usual lookup.
    nonisolated static let lookUp: LookUp = { host throws(LoopError) in
        try await DNS.resolve(host, port: 22)
    }

    /// The name of a host and its addresses, each in one spelling.
    enum Answer: Sendable, Equatable {
        /// The name alone stands for a host that has no address.
        case place(Set<String>)
        /// The name is still being looked up; `last` is its last place, however old.
        case late(last: Set<String>?)
        /// The resolver could not answer, for this reason; `last` is its last place, however old.
        case failed(String, last: Set<String>?)
    }

    /// How long a host is waited for: a resolver whose first server is silent answers after 5 s,
    /// and one without any server gives up after 10 s (resolv.conf(5), `timeout` and `attempts`).
    let patience: Duration

    private struct Known {
        let answer: Answer
        /// The newest place that was found.
        let place: Set<String>?
        let since: ContinuousClock.Instant
    }

    private let freshness: Duration
    private let lookUp: LookUp
    private var known: [String: Known] = [:]
    /// The addresses of this machine, and when they were asked for.
    private var ownPlace: (place: Set<String>, since: ContinuousClock.Instant)?

    init(
        freshness: Duration, patience: Duration = .seconds(12), lookUp: @escaping LookUp = lookUp
    ) {
        self.freshness = freshness
        self.patience = patience
        self.lookUp = lookUp
    }

    /// Where a host is; one behind a jump host or a ProxyCommand is known by its name alone, as its
    /// name is resolved there.
    func place(of target: SSHTarget, within patience: Duration) async -> Answer {
        let host = HostName.canonical(target.hostname)
        guard target.via.isEmpty,
            target.proxyCommand == nil || SocketAddress(ip: host, port: 0) != nil
        else { return .place([host]) }
        if let known = known[host], IO.now - known.since < freshness { return known.answer }
        // The lookup goes on when the caller stops waiting: the next one finds its answer.
        let lookup = IO.task { await self.answer(for: host) }
        let answer = await IO.within(patience) { await lookup.value }
        return answer.flatMap { $0 } ?? .late(last: known[host]?.place)
    }

    /// What the resolver says; nil if it was not asked, as a caller's lookups had all places.
    private func answer(for host: String) async -> Answer? {
        let answer: Answer
        var place = known[host]?.place
        do throws(LoopError) {
            let found = Set([host] + (try await lookUp(host)).map { HostName.canonical($0.host) })
            (answer, place) = (.place(found), found)
        } catch {
            switch error {
            case .nameNotFound: (answer, place) = (.place([host]), [host])
            // Callers bring this about: it says nothing about the host, and is not kept.
            case .nameLookupsBusy: return nil
            case .nameLookupFailed, .cannotStart, .timedOut, .tooMuchOutput, .system:
                answer = .failed("\(error)", last: place)
            }
        }
        if known.count >= Targets.namesKept { known = [:] }
        known[host] = Known(answer: answer, place: place, since: IO.now)
        return answer
    }

    /// Whether one of these addresses leads back to this machine: its interfaces', and, unless the
    /// host is behind another one, those of the loopback network and the unspecified one, which the
    /// kernel takes for loopback.
    func isThisMachine(_ place: Set<String>, isFar: Bool) -> Bool {
        let addresses = place.compactMap { SocketAddress(ip: $0, port: 0) }
        return addresses.contains { address in
            address.isLoopback || address.isWildcard
                ? !isFar : interfaces().contains(HostName.canonical(address.host))
        }
    }

    /// The addresses of this machine's interfaces, at most `freshness` old.
    private func interfaces() -> Set<String> {
        if let known = ownPlace, IO.now - known.since < freshness { return known.place }
        let place = Set(SocketAddress.ofThisMachine.map(HostName.canonical))
        ownPlace = (place, IO.now)
        return place
    }
}
