// Commands of one kind, as the `command.*` calls see them: one-shot commands, and those of
// sessions. CommandCalls asks each source in turn.
// Invariant: a source answers only for ids that it has an owner for, and the dispatcher has checked
// that the caller may use what this owner has.
import Loop
import Wire

/// Commands that are found by their ids.
@IO protocol CommandSource: AnyObject {
    /// The owner of the command with this id; nil: it is not one of these.
    func owner(of id: String) -> Owner?
    /// The command's output from the offsets on, once there is some or the wait is over.
    func output(_ request: ReadCommand) async throws(Fault) -> RunResult
    /// Ends the command, and answers when it has ended or could not be ended.
    func cancel(_ request: CancelCommand, maxBytes: Int) async throws(Fault) -> RunResult
    /// The last line of its output and how many bytes it has, for a caller that waits.
    func progress(of id: String) -> CallProgress
    /// The caller's commands, each with the time of its start.
    func list(
        for caller: Caller, target: String?
    ) -> [(started: ContinuousClock.Instant, info: CommandInfo)]
}
