// What each client has been given of a session: a read without an offset goes on from there, and a
// read that waits waits for something else. A value of the session.
// Invariant: bounded, whoever reads.
import Wire

/// The clients of one session, by their principals' ids.
struct Readers {
    /// What the last answer to a client said.
    struct Answer: Equatable {
        /// Where its output ended; nil: the client has had none.
        var offset: Int?
        var commandID: String?
        var state: CommandState?
        var prompt: String?

        /// Whether a result says anything but this about what runs.
        func differs(from result: CommandResult) -> Bool {
            commandID != result.commandID || state != result.state || prompt != result.prompt
        }
    }

    /// The most clients that are remembered: one owner and some administrators use a session.
    private static let limit = 16
    private var answers: [String: Answer] = [:]

    /// The last answer to a client.
    subscript(reader: String) -> Answer { answers[reader] ?? Answer() }

    /// Remembers an answer to a client.
    ///
    /// `isScreen`: it holds the screen alone, and no output.
    mutating func told(_ reader: String, _ result: CommandResult, isScreen: Bool = false) {
        if answers[reader] == nil, answers.count >= Self.limit { answers = [:] }
        let offset = isScreen ? self[reader].offset : result.nextOffset
        answers[reader] = Answer(
            offset: offset, commandID: result.commandID, state: result.state, prompt: result.prompt)
    }
}
