// What the gate writes into the log. Unauthenticated peers control how often it is written and part
// of the text. Invariant: each line is short and plain, and no reason has more than its share of
// lines; the rest is counted and reported as a total.
import Loop
import Wire

/// Why a connection is refused, and what the agent is sent.
struct Rejection: Error {
    /// The reasons that are counted separately.
    enum Kind: Hashable, Sendable {
        /// The TLS handshake failed.
        case handshake
        /// The hello or the welcome failed.
        case greeting
        /// The relay refused the agent.
        case refused(Refusal.Reason)
    }

    let kind: Kind
    /// One plain line for the log.
    let reason: String
    /// What the agent is sent; nil for nothing.
    let refusal: Refusal?

    /// A connection that is closed without an answer.
    init(_ kind: Kind, _ reason: String) {
        (self.kind, self.reason, refusal) = (kind, reason, nil)
    }

    /// A refusal that is sent to the agent; the log shows the same text unless given another.
    init(_ refusal: Refusal, reason: String? = nil) {
        kind = .refused(refusal.reason)
        self.reason = reason ?? refusal.message
        self.refusal = refusal
    }
}

/// The gate's lines in the log.
@IO final class GateLog {
    /// What has its own share of lines.
    private enum Kind: Hashable {
        case refused(Rejection.Kind)
        /// One agent, by its name.
        case connected(String)
    }

    private let write: @IO (String) -> Void
    /// Ten lines a minute show what is happening; more would only repeat it.
    private var budget = LogBudget<Kind>(lines: 10, within: .seconds(60))
    private var timer: LoopTimer?

    /// The most characters written per line; no legitimate line is longer.
    private static let lineLimit = 300

    init(_ write: @escaping @IO (String) -> Void) { self.write = write }

    func connected(_ name: String, _ peer: String, version: String) {
        tell(.connected(name), "agent \(name) connected from \(peer), version \(version)")
    }

    func refused(_ peer: String, _ rejection: Rejection) {
        tell(.refused(rejection.kind), "agent from \(peer) refused: \(rejection.reason)")
    }

    /// Writes the totals that are due.
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

    /// Writes one line, whatever a peer put into it, if its kind has lines left.
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
    /// The reason in a total.
    fileprivate var words: String {
        switch self {
        case .handshake: "TLS failed"
        case .greeting: "the hello failed"
        case .refused(.invitation): "the invitation is not valid"
        case .refused(.unknown): "the agent is unknown"
        case .refused(.revoked): "the agent was revoked"
        case .refused(.superseded): "a later connection of the agent is open"
        case .refused(.version): "the agent speaks another version"
        case .refused(.unavailable): "the relay could not take the agent"
        }
    }
}
