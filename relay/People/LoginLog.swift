// What the log says of logins, and of attempts that were refused. Invariant: a line has no secret
// and no challenge; strangers have a few lines a minute, the rest is counted and reported as a
// total.
import Loop

/// The lines in the log about people who come in, or do not.
@IO final class LoginLog {
    /// Lines a minute about refused attempts of one kind: they show what is happening.
    nonisolated static let lines = 5

    /// What was tried.
    enum Attempt: String, Sendable {
        case login = "a login"
        case link = "a link"
    }

    private let refused: PacedLog<Attempt>

    nonisolated init(_ write: @escaping @IO (String) -> Void = { Process.log($0) }) {
        refused = PacedLog(lines: Self.lines, write: write) {
            "\($0.rawValue) was refused \($1) more times in the last minute"
        }
    }

    /// An attempt was refused; the sender is told no reason.
    func refuse(_ attempt: Attempt, from peer: String, _ reason: String) {
        refused.note(attempt, "\(attempt.rawValue) from \(peer) was refused: \(reason)")
    }

    /// Somebody has come in.
    func note(_ person: Person, _ how: String, from peer: String) {
        Process.log("\(person.name) \(how) (\(peer))")
    }

    /// Writes the totals that are due.
    func close() { refused.close() }
}
