// The newest commands of one session, which clients find by their ids after others have run.
// Invariant: at most `limit` are kept; the oldest that has ended is forgotten first.
import Loop

/// The commands that were given to any of a session's shells.
@IO struct CommandHistory {
    /// The most commands that are kept: each holds some hundred bytes, and its output is the
    /// session's.
    private static let limit = 50

    private var count = 0
    /// The commands that are kept, the oldest first.
    private(set) var kept: [SessionCommand] = []

    /// Called when one of them has ended.
    var onEnd: (@IO (SessionCommand) -> Void)?

    /// None yet.
    init() {}

    /// A new command; `session`: the handle that its own begins with; `directory`: where the shell
    /// is at its start.
    mutating func add(
        _ code: String, to session: String, begin: Int, in directory: String?
    ) -> SessionCommand {
        count += 1
        let number = String(count, radix: 36)
        let command = SessionCommand(
            id: "\(session).\(number)", code: code, begin: begin, in: directory)
        command.onEnd = onEnd
        if kept.count == Self.limit {
            kept.remove(at: kept.firstIndex { $0.outcome != nil } ?? 0)
        }
        kept.append(command)
        return command
    }
}
