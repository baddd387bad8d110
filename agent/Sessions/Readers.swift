// What each client has been given of a session: a read without an offset goes on from there, and a
// read that waits waits for something else. A value of the session.
// Invariant: bounded, whoever reads.
import Loop
import Wire

/// A client that reads a session, in one call.
struct Reader {
    /// Its principal's id.
    let id: String
    /// The call; nil: what the reader is given, it gets.
    var visit: Visit?

    /// The client of a call.
    @IO init(_ visit: Visit) { (id, self.visit) = (visit.caller.id, visit) }

    /// A client without a call.
    init(_ id: String = "") { self.id = id }

    /// Has something done when the client gets its answer: one that nobody gets must not move the
    /// place from which the client reads on.
    @IO func gets(_ body: @escaping @IO (String) -> Void) {
        let id = id
        if let visit { visit.onDelivery { body(id) } } else if !Task.isCancelled { body(id) }
    }
}

/// The clients of one session, by their principals' ids.
struct Readers {
    /// What the last answer to a client said.
    struct Answer: Equatable {
        /// Where its output ended; nil: the client has had none.
        var offset: Int?
        /// Where the last output ends that the client has been given; nil: it has had none.
        var seen: Int?
        var commandID: String?
        var state: CommandState?
        var prompt: String?

        /// Where the output ends that the client has been given of a command that still ran then.
        ///
        /// nil: the command had ended, or there was none: what comes at a prompt is no command's.
        var unfinished: Int? {
            guard commandID != nil else { return nil }
            return switch state {
            case .running, .lineInput, .secret, .fullscreen, .incomplete, .maybeInput, .stopped:
                seen
            case .done, .aborted, .shellExited, .linkLost, nil: nil
            }
        }

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
            offset: offset, seen: offset.map { max($0, self[reader].seen ?? 0) },
            commandID: result.commandID, state: result.state, prompt: result.prompt)
    }
}
