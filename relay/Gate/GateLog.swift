// What the gate writes into the log. Unauthenticated peers control how often it is written and part
// of the text. Invariant: each line is short and plain; no reason has more than its share of lines,
// and all reasons together have a limit; the rest is counted and reported as a total.
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
    /// Lines a minute of one kind: they show what is happening; more would only repeat it.
    nonisolated static let lines = 10
    /// Lines a minute about refused peers: three kinds of trouble at once are seen in full.
    nonisolated static let linesInAll = 30
    /// The most characters written per line; no legitimate line is longer.
    nonisolated static let lineLimit = 300

    /// Lines about refused peers.
    private let strangers: PacedLog<Rejection.Kind>
    /// Lines about each agent that was welcomed, by its name.
    private let agents: PacedLog<String>

    init(_ write: @escaping @IO (String) -> Void) {
        let plain: @IO (String) -> Void = { write(Self.plain($0)) }
        strangers = PacedLog(lines: Self.lines, linesInAll: Self.linesInAll, write: plain) {
            "\(Self.more($1)) refused in the last minute: \($0.words)"
        }
        agents = PacedLog(lines: Self.lines, write: plain) {
            "\(Self.more($1)) of agent \($0) in the last minute"
        }
    }

    /// An agent was welcomed; `deniedWish` is the name that a joining agent proposed and did not
    /// get.
    func connected(
        _ name: String, _ peer: String, at address: String?, version: String,
        deniedWish: String? = nil
    ) {
        let way = address.map { " at \($0)" } ?? ""
        let line = "agent \(name) connected from \(peer)\(way), version \(version)"
        guard let deniedWish else { return agents.note(name, line) }
        agents.note(
            name, line,
            "agent \(name) asked for the name \(deniedWish);"
                + " homeline-relay invite --name gives a name")
    }

    func refused(_ peer: String, _ rejection: Rejection) {
        strangers.note(rejection.kind, "agent from \(peer) refused: \(rejection.reason)")
    }

    /// Writes the totals that are due.
    func close() {
        strangers.close()
        agents.close()
    }

    private nonisolated static func more(_ count: Int) -> String {
        count == 1 ? "1 more connection" : "\(count) more connections"
    }

    /// A line that is short and plain, whatever a peer put into it.
    private nonisolated static func plain(_ line: String) -> String {
        String(String.UnicodeScalarView(line.unicodeScalars.prefix(lineLimit)))
            .plain(keepsLines: false)
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
        case .refused(.signature): "the signature is not of the connection"
        case .refused(.revoked): "the agent was revoked"
        case .refused(.superseded): "a later connection of the agent is open"
        case .refused(.duplicate): "another machine has the agent's identity"
        case .refused(.version): "the agent speaks another version"
        case .refused(.unavailable): "the relay could not take the agent"
        }
    }
}
