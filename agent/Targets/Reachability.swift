// Whether targets can be reached now, for `target.list`: each address is dialled and its greeting
// read, all in parallel and without a login. Between Targets, which says where they lead, and SSH.
// Invariant: a check takes `limit` at most and waits `patience` for its turn, opens `width`
// sockets, and dials an address that several targets lead to once; who asks for what is being
// checked shares the answer, and no address is dialled more often than once in `freshness`.
import Loop
import SSH

/// The reachability of a target.
enum Reachability: Sendable, Equatable {
    case reachable
    /// It cannot be reached, for this reason.
    case unreachable(String)
    /// Only a login can show it, for this reason.
    case unknown(String)
}

/// Finds out which targets can be reached.
@IO struct TargetProbe {
    /// The time for all targets together: a list waits this long at most.
    var limit: Duration = .seconds(2)
    /// How long a list waits for its turn: two other checks may come first.
    var patience: Duration = .seconds(4)
    /// The most addresses dialled at once: each takes a descriptor.
    var width = 128
    /// Whether a link to a target is open, which proves more than a greeting.
    var isOpen: @IO (SSHTarget) -> Bool = { _ in false }

    /// The answers of the last seconds.
    var recent = RecentAnswers()

    /// The checks under way: one for each principal, two in all, as each opens `width` sockets.
    var checks = JointWork<[Address], [Address: Reachability]>(
        Shares(TargetProbe.checkLimit, share: 1))
    /// The most checks at once.
    nonisolated static let checkLimit = 2

    /// A host and its port, to dial.
    struct Address: Hashable, Sendable {
        let host: String
        let port: UInt16
    }

    /// The reachability of each target.
    func look(at targets: [SSHTarget]) async -> [Reachability] {
        var seen: Set<Address> = []
        // An open link proves more than a greeting.
        let open = targets.map(isOpen)
        let all = zip(targets, open).compactMap { $1 ? nil : Self.address(of: $0) }
        var answers = recent.of(all)
        let addresses = all.filter { answers[$0] == nil && seen.insert($0).inserted }
        do throws(Lack) {
            if !addresses.isEmpty {
                let found = try await checks.value(
                    addresses, for: Sharer.current, until: IO.now + patience
                ) {
                    let found = await dial(addresses)
                    recent.keep(found)
                    return found
                }
                answers.merge(found) { _, new in new }
            }
        } catch {
            let reason = "this agent checks other targets now: ask again in a few seconds"
            for address in addresses { answers[address] = .unknown(reason) }
        }
        return zip(targets, open).map { target, isOpen in
            if isOpen { return .reachable }
            let answer = Self.address(of: target).flatMap { answers[$0] }
            guard let gate = target.via.first else {
                return answer
                    ?? .unknown("it is reached by a ProxyCommand, which is run only to log in")
            }
            return switch answer {
            case .reachable:
                .unknown(
                    "it is behind \(gate.name), which answers; whether it answers too, only a login"
                        + " can show")
            case .unreachable(let reason): .unreachable("on the way, \(gate.name): \(reason)")
            case .unknown(let reason): .unknown(reason)
            case nil:
                .unknown("it is behind \(gate.name), whose ProxyCommand is run only to log in")
            }
        }
    }

    /// The first address to dial; nil if a ProxyCommand makes the connection.
    private static func address(of target: SSHTarget) -> Address? {
        let first = target.via.first ?? target
        guard first.proxyCommand == nil else { return nil }
        return Address(host: first.hostname, port: first.port)
    }

    private func dial(_ addresses: [Address]) async -> [Address: Reachability] {
        // If there are more addresses than may be dialled at once, each gets its share of the time.
        let rounds = (addresses.count + width - 1) / max(1, width)
        let share = limit / max(1, rounds)
        let queue = Queue(addresses[...])
        let end = IO.now + limit
        let workers = (0..<min(width, addresses.count)).map { _ in
            IO.task {
                while let address = queue.next() {
                    let left = min(share, end - IO.now)
                    guard left > .zero else { return }
                    // An error reports the limit in tenths of a second.
                    let tenths = Int64((left / .milliseconds(100)).rounded(.up))
                    queue.answers[address] = await Self.dial(
                        address, limit: .milliseconds(100 * tenths))
                }
            }
        }
        for worker in workers { await worker.value }
        return queue.answers.merging(
            queue.rest.map { ($0, .unknown("the check ended before this host was dialled")) }
        ) { known, _ in known }
    }

    private static func dial(_ address: Address, limit: Duration) async -> Reachability {
        do throws(SSHError) {
            _ = try await Greeting.read(host: address.host, port: address.port, limit: limit)
            return .reachable
        } catch {
            switch error {
            // It listens, and may greet later; or it locks this machine out for a while.
            case .handshakeTimedOut, .notAllowedNow: return .unknown(error.description)
            default: return .unreachable(error.description)
            }
        }
    }

    @IO private final class Queue {
        private(set) var rest: ArraySlice<Address>
        var answers: [Address: Reachability] = [:]
        init(_ addresses: ArraySlice<Address>) { rest = addresses }
        func next() -> Address? { rest.popFirst() }
    }
}

/// What checks have found in the last seconds.
///
/// A connection that never logs in counts against its address at OpenSSH 9.8 and later
/// (PerSourcePenalties): 16 in a row lock the agent out, also its sessions, and each is forgotten
/// after a second.
@IO final class RecentAnswers {
    /// How long an answer is given again, without dialling.
    private let freshness: Duration
    private var kept:
        [TargetProbe.Address: (answer: Reachability, since: ContinuousClock.Instant)] =
            [:]

    nonisolated init(freshness: Duration = .seconds(10)) { self.freshness = freshness }

    /// The answers for these addresses that are still fresh.
    func of(_ addresses: [TargetProbe.Address]) -> [TargetProbe.Address: Reachability] {
        addresses.reduce(into: [:]) { found, address in
            guard let known = kept[address], IO.now - known.since < freshness else { return }
            found[address] = known.answer
        }
    }

    /// Keeps what was found.
    func keep(_ found: [TargetProbe.Address: Reachability]) {
        let now = IO.now
        kept = kept.filter { now - $1.since < freshness }
        guard kept.count < Targets.namesKept else { return }
        for (address, answer) in found { kept[address] = (answer, now) }
    }
}
