// What the gate writes into the log. Strangers decide how often it is written to and put words of
// their own into it. Invariant: each line is short and plain, and no reason has more than its share
// of lines; the rest is counted and reported as a sum.
import Loop
import Wire

/// Why a connection goes no further, and what is said to the agent.
struct Rejection: Error {
    /// The reasons that are counted apart.
    enum Kind: Hashable, Sendable {
        /// No TLS with this peer.
        case handshake
        /// The hello or the welcome went wrong.
        case greeting
        /// The relay said no.
        case refused(Refusal.Reason)
    }

    let kind: Kind
    /// One plain line for the log.
    let reason: String
    /// What is said to the agent; nil: nothing.
    let refusal: Refusal?

    /// A connection that is cut without a word.
    init(_ kind: Kind, _ reason: String) {
        (self.kind, self.reason, refusal) = (kind, reason, nil)
    }

    /// An agent to which the reason is sent; the log has the same words unless it is given others.
    init(_ refusal: Refusal, reason: String? = nil) {
        kind = .refused(refusal.reason)
        self.reason = reason ?? refusal.message
        self.refusal = refusal
    }
}

/// The gate's lines in the log.
@IO final class GateLog {
    /// What has a share of lines of its own.
    private enum Kind: Hashable {
        case refused(Rejection.Kind)
        /// One agent, by its name.
        case connected(String)
    }

    private let write: @IO (String) -> Void
    /// Ten lines show what goes on; what comes after them in the same minute is the same again.
    private var budget = LogBudget<Kind>(lines: 10, within: .seconds(60))
    private var timer: LoopTimer?

    /// Characters of a line that are written; no honest one is longer.
    private static let lineLimit = 300

    init(_ write: @escaping @IO (String) -> Void) { self.write = write }

    func connected(_ name: String, _ peer: String, version: String) {
        tell(.connected(name), "agent \(name) connected from \(peer), version \(version)")
    }

    func refused(_ peer: String, _ rejection: Rejection) {
        tell(.refused(rejection.kind), "agent from \(peer) refused: \(rejection.reason)")
    }

    /// Writes the sums that are due.
    func close() {
        timer?.cancel()
        timer = nil
        for (kind, count) in budget.settle() {
            let connections = count == 1 ? "1 more connection" : "\(count) more connections"
            switch kind {
            case .refused(let kind):
                write("\(connections) refused in the last minute: \(kind.words)")
            case .connected(let name): write("\(connections) of agent \(name) in the last minute")
            }
        }
    }

    /// One line of the log, whatever a peer put into it, if its kind has lines left.
    private func tell(_ kind: Kind, _ line: String) {
        let isAdmitted = budget.admits(kind, at: IO.now)
        if timer == nil, let end = budget.end {
            timer = LoopTimer(after: end - IO.now) { [weak self] in self?.close() }
        }
        guard isAdmitted else { return }
        let plain = line.unicodeScalars.prefix(Self.lineLimit).map { scalar -> Character in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse:
                "?"
            default: Character(scalar)
            }
        }
        write(String(plain))
    }
}

extension Rejection.Kind {
    /// The reason of a sum.
    fileprivate var words: String {
        switch self {
        case .handshake: "TLS failed"
        case .greeting: "the hello failed"
        case .refused(.invitation): "the invitation does not hold"
        case .refused(.unknown): "the agent is unknown"
        case .refused(.revoked): "the agent was revoked"
        case .refused(.superseded): "a later connection of the agent is there"
        case .refused(.version): "the agent speaks another version"
        case .refused(.unavailable): "the relay could not take the agent"
        }
    }
}
