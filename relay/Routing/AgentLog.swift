// What the log says of agents whose answers are wrong: about others, or none where one is due. Such
// an agent decides how often that is. Flow: Claims, Revocations → here → the log.
// Invariant: an agent has a few lines a minute, and all agents together have a limit; the rest is
// counted and reported as a total.
import Loop

/// The lines in the log about agents' wrong answers.
@IO final class AgentLog {
    /// The relay's own.
    nonisolated static let shared = AgentLog { Process.log($0) }

    /// Lines a minute about one agent: they show what is happening; more would only repeat it.
    nonisolated static let lines = 5
    /// Lines a minute about all agents: six of them are seen in full.
    nonisolated static let linesInAll = 30

    /// By the agents' names.
    private let log: PacedLog<String>

    nonisolated init(_ write: @escaping @IO (String) -> Void) {
        log = PacedLog(lines: Self.lines, linesInAll: Self.linesInAll, write: write) {
            "agent \($0): \($1) more wrong answers in the last minute"
        }
    }

    /// Writes a line about an agent, or counts it.
    nonisolated func note(_ agent: String, _ what: String) {
        IO.task { self.log.note(agent, "agent \(agent) \(what)") }
    }

    /// Writes the totals that are due.
    func close() { log.close() }
}
