// One question to a person, with who asked, where, and what came of it. A value. Flow: Router notes
// it, a person answers it, Router takes the answer once. Invariant: it never holds a secret, and
// its state at a time follows from what it holds and that time alone.
import Wire

/// A question that waits for a person, or was answered.
struct Approval: Sendable, Equatable {
    /// What a question is known by when it comes again.
    struct Key: Hashable, Sendable {
        /// Of the question.
        let digest: String
        /// The id of the principal.
        let principal: String
        /// The id of the agent.
        let agent: String
        /// The call that the answer is for; nil: any call of the principal that raises the
        /// question.
        ///
        /// A secret is for one call: the person has read who makes that one, and why.
        let call: Approvals.CallName?
    }

    /// Who asks, as far as the relay knows.
    struct Asker: Sendable, Equatable {
        /// The principal's id.
        var principal: String
        /// The principal's name, for people.
        var label: String
        /// What the client program says it is.
        var client: String?
        /// What the model gave as its reason, in its own words.
        var reason: String?
    }

    /// The agent that raised the question.
    struct Origin: Sendable, Equatable {
        var id: String
        var name: String
    }

    /// What came of it.
    enum State: Sendable, Equatable {
        /// Nobody has answered yet.
        case waiting
        /// A person agreed, and no call has used that yet; `isPin`: the host's key is to be stored.
        case granted(isPin: Bool)
        /// A person refused.
        case denied
        /// Nobody answered, or nobody took the answer, in time.
        case expired
        /// A call was made with it.
        case used

        /// Its name for programs.
        var name: String {
            switch self {
            case .waiting: "waiting"
            case .granted: "granted"
            case .denied: "denied"
            case .expired: "expired"
            case .used: "used"
            }
        }
    }

    /// A person's decision.
    enum Decision: Sendable {
        case deny
        /// Yes; `isPin` has a host's key stored.
        case grant(isPin: Bool)
    }

    /// 22 random characters.
    let id: String
    let question: Question
    let asker: Asker
    let origin: Origin
    /// The call that a secret is for; nil for other questions.
    private let call: Approvals.CallName?
    /// Seconds since 1970.
    let created: Int64
    /// When it counts no more, in seconds since 1970.
    let expires: Int64
    private var answer: State = .waiting
    /// Who decided, for people.
    private(set) var answeredBy: String?

    init(
        id: String, _ question: Question, by asker: Asker, at origin: Origin,
        for call: Approvals.CallName? = nil, created: Int64, lifetime: Int64
    ) {
        (self.id, self.question, self.asker, self.origin) = (id, question, asker, origin)
        (self.created, expires) = (created, created + lifetime)
        self.call = call
    }

    /// What it is known by.
    var key: Key {
        Key(digest: question.digest, principal: asker.principal, agent: origin.id, call: call)
    }

    /// The agent, and the target on it, as a caller writes them.
    var target: String { question.target.map { "\(origin.name)/\($0)" } ?? origin.name }

    /// Its state at a time.
    func state(at now: Int64) -> State {
        switch answer {
        case .waiting, .granted: now < expires ? answer : .expired
        case .denied, .used, .expired: answer
        }
    }

    /// The same with another state.
    func turned(_ state: State, by person: String? = nil) -> Approval {
        var approval = self
        approval.answer = state
        approval.answeredBy = person ?? answeredBy
        return approval
    }
}

/// Why an answer to a question is not taken.
enum ApprovalError: Error, Equatable, CustomStringConvertible {
    case unknown(String)
    /// Several ids begin so.
    case ambiguous(String)
    /// It was decided, or its time is over.
    case notWaiting(Approval.State)
    /// The answer is not of the kind that is asked for.
    case unfit(String)

    var description: String {
        switch self {
        case .unknown(let id): "there is no question \(id.prefix(40)): it may have expired"
        case .ambiguous(let id):
            "several questions' ids begin with \(id.prefix(40)): write more of it"
        case .notWaiting(let state): "the question is answered no more: it is \(state.name)"
        case .unfit(let why): why
        }
    }
}
