// The broker between calls and persons. Flow: Router notes an agent's question → a page, a client's
// form or a command brings a person's answer → Router takes it for the same call. A secret is not
// kept for that call: the broker makes the noted call itself, and keeps what came of it.
// Invariant: a secret is held only while the call that it is for is being made; nothing is granted
// without a person's answer, and every wait ends.
import Crypto
import Glibc
import JSON
import Loop
import Wire

/// Asks persons, and keeps their answers for the calls that they are for.
@IO final class Approvals {
    /// What one call is known by when it comes again.
    struct CallName: Hashable, Sendable {
        let principal: String
        /// The id of the token or grant that the call is made with.
        let grant: String
        let agent: String
        let method: String
        /// Of the arguments.
        let digest: String
    }

    /// A call that a question has stopped, and how to make it again.
    struct NotedCall: Sendable {
        let name: CallName
        /// Makes it with these answers.
        let make: @IO @Sendable ([Grant]) async -> Result<AgentAnswer, Fault>
        /// Whether its answer may be kept for the next such call; else that is made anew.
        let isKept: Bool
    }

    /// An answer that was taken for a call.
    struct Taken: Sendable {
        let id: String
        let grant: Grant
    }

    /// How long a question waits, and an answer or an outcome for its call.
    nonisolated static let lifetime = Duration.seconds(300)
    /// How long a call waits for a person at most: some clients give a call up after 60 s.
    nonisolated static let patience = Duration.seconds(45)
    /// The most bytes of answers that are kept: a model reads far less.
    nonisolated static let keptBytes = 8 << 20
    /// How often what has expired is looked for.
    private nonisolated static let pulse = Duration.seconds(5)

    /// The page on which a person answers a question; nil: there is none.
    var url: @IO (String) -> String? = { _ in nil }
    /// What the commands of this relay are given besides, so that they find it: ` --data FOLDER`.
    var commandOptions = ""
    /// Called for each question that is new, was answered, or has expired.
    var onChange: [@IO (Approval) -> Void] = []

    private let now: @IO () -> Int64
    private var table: ApprovalTable
    /// The calls that wait for a secret, by the ids of their questions.
    private var calls: [String: NotedCall] = [:]
    private var outcomes: [CallName: Made] = [:]
    /// The questions that a client has been told of in a result.
    private var told: Set<String> = []
    /// Those that were reported as expired.
    private var lapsed: Set<String> = []
    private let changed = Condition()
    private var timer: LoopTimer?

    /// What came of a call that the broker has made.
    @IO private final class Made {
        let result = Once<Result<AgentAnswer, Fault>>()
        let since: Int64
        var bytes = 0
        init(since: Int64) { self.since = since }
    }

    init(
        lifetime: Duration = lifetime, now: @escaping @IO () -> Int64 = { Int64(time(nil)) }
    ) {
        self.now = now
        table = ApprovalTable(lifetime: lifetime.components.seconds)
    }

    // MARK: Calls

    /// Notes a question that has stopped a call.
    ///
    /// The same question of the same caller at the same agent is noted once; one for a secret once
    /// for each call, as the secret is for the call that the person was asked about. Throws where a
    /// person has refused, and where there are too many questions.
    func note(
        _ question: Question, by asker: Approval.Asker, at origin: Approval.Origin,
        _ call: NotedCall
    ) throws(Fault) -> Approval {
        let now = now()
        let isSecret = question.kind == .secret
        let approval = Approval(
            id: Base64.encodeURL(Random.bytes(16)), question, by: asker, at: origin,
            for: isSecret ? call.name : nil, created: now, lifetime: table.lifetime)
        if let known = table.known(approval.key, now) {
            if known.state(at: now) == .denied { throw .denied(known) }
            return known
        }
        try table.add(approval, at: now)
        if isSecret { calls[approval.id] = call }
        startPulse()
        tell(approval)
        return approval
    }

    /// Takes the answer to a question, once; nil: nobody has agreed.
    ///
    /// A secret is never taken: its call is made when a person gives it.
    func take(_ question: Question, of principal: String, at agent: String) -> Taken? {
        let key = Approval.Key(
            digest: question.digest, principal: principal, agent: agent, call: nil)
        guard let taken = table.take(key, now()) else { return nil }
        return Taken(
            id: taken.id, grant: Grant(question.digest, taken.isPin ? .pin : .once))
    }

    /// Gives back what was taken for a call that began nothing.
    func giveBack(_ taken: [Taken]) {
        for one in taken { table.giveBack(one.id, isPin: one.grant.answer == .pin) }
    }

    /// What came of a call that the broker has made with a secret, for the next such call.
    ///
    /// Waits while the call is being made. nil: none was made.
    func outcome(of name: @autoclosure () -> CallName) async -> Result<AgentAnswer, Fault>? {
        guard !outcomes.isEmpty else { return nil }
        let name = name()
        guard let outcome = outcomes[name] else { return nil }
        let result = await outcome.result.wait()
        if outcomes[name] === outcome { outcomes[name] = nil }
        return result
    }

    /// Waits for a person's decision, for a client that waits too.
    func wait(for id: String, atMost patience: Duration = patience) async -> Approval.State {
        let end = IO.now + patience
        await changed.wait(until: end) { self.state(of: id) != .waiting }
        return state(of: id)
    }

    /// Whether a client was told of a question, in a result.
    func wasTold(_ id: String) -> Bool { told.contains(id) }

    /// Notes that a client is told of a question, in a result.
    func noteTold(_ id: String) { told.insert(id) }

    // MARK: Persons

    /// The question of this id.
    subscript(id: String) -> Approval? { table[id] }

    /// The question whose id is this, or alone begins so.
    func find(_ text: String) throws(ApprovalError) -> Approval { try table.find(text) }

    /// The state of a question now.
    func state(of id: String) -> Approval.State { table[id]?.state(at: now()) ?? .expired }

    /// The questions that wait, the oldest first.
    var waiting: [Approval] { table.waiting(at: now()) }

    /// The questions that wait, and those that were answered or have expired lately.
    var listed: [Approval] { table.listed }

    /// A question for programs, as it stands now.
    func json(of approval: Approval) -> JSON {
        approval.json(at: now(), url: url(approval.id))
    }

    /// Waits until other questions wait than these.
    func waitForChange(of ids: [String], atMost patience: Duration) async {
        await changed.wait(until: IO.now + patience) { self.waiting.map(\.id) != ids }
    }

    /// Takes a person's decision; `person` says for people who it was.
    @discardableResult
    func answer(
        _ id: String, _ decision: Approval.Decision, by person: String
    ) throws(ApprovalError) -> Approval {
        guard let approval = table[id] else { throw .unknown(id) }
        let state: Approval.State
        switch decision {
        case .deny: state = .denied
        case .grant(let isPin):
            switch approval.question.kind {
            case .secret: throw .unfit("a secret is asked for: give it, or deny")
            case .policy where isPin: throw .unfit("only a host's key can be pinned")
            case .policy, .hostKey: state = .granted(isPin: isPin)
            }
        }
        return settled(try table.answer(id, state, by: person, at: now()))
    }

    /// Takes the secret that a person has entered, and makes the call that waits for it at once.
    @discardableResult
    func answer(
        _ id: String, secret: SecretBytes, by person: String
    ) throws(ApprovalError) -> Approval {
        guard let approval = table[id] else { throw .unknown(id) }
        guard approval.question.kind == .secret else {
            throw .unfit("no secret is asked for: grant or deny")
        }
        guard (1...Grant.secretBytes).contains(secret.count) else {
            throw .unfit("a secret has 1 to \(Grant.secretBytes) bytes")
        }
        let call = calls[id]
        let answered = try table.answer(id, .used, by: person, at: now())
        if let call { make(call, with: secret, for: approval.question) }
        return settled(answered)
    }

    /// Forgets all questions and answers of a principal.
    func forget(_ principal: String) {
        for approval in table.listed where approval.asker.principal == principal {
            calls[approval.id] = nil
        }
        table.forget(principal)
        outcomes = outcomes.filter { $0.key.principal != principal }
        changed.broadcast()
    }

    private func make(_ call: NotedCall, with secret: SecretBytes, for question: Question) {
        let outcome = Made(since: now())
        outcomes[call.name] = outcome
        IO.task { [weak self] in
            let result = await call.make([Grant(question.digest, .secret(secret.copy))])
            self?.keep(result, as: outcome, call)
        }
    }

    private func keep(
        _ result: Result<AgentAnswer, Fault>, as outcome: Made, _ call: NotedCall
    ) {
        guard case .success(let answer) = result else { return outcome.result.set(result) }
        let bytes = answer.result.bytes.count
        let kept = outcomes.values.reduce(0) { $0 + $1.bytes }
        if !call.isKept, outcomes[call.name] === outcome { outcomes[call.name] = nil }
        guard kept + bytes <= Self.keptBytes else {
            return outcome.result.set(
                .failure(
                    Fault(
                        .outcomeUnknown,
                        "The call was made with the secret, and its answer of \(bytes) bytes was not"
                            + " kept: ssh_session_read and ssh_command_list show what came of it."))
            )
        }
        outcome.bytes = bytes
        // Without what counts its bytes: it may wait for minutes.
        outcome.result.set(.success(AgentAnswer(answer.result)))
    }

    private func settled(_ approval: Approval) -> Approval {
        calls[approval.id] = nil
        tell(approval)
        return approval
    }

    private func tell(_ approval: Approval) {
        changed.broadcast()
        for listener in onChange { listener(approval) }
    }

    // MARK: Time

    private func startPulse() {
        guard timer == nil else { return }
        timer = LoopTimer(after: Self.pulse, repeating: Self.pulse) { [weak self] in self?.sweep() }
    }

    private func sweep() {
        let now = now()
        for approval in table.listed where approval.state(at: now) == .expired {
            if lapsed.insert(approval.id).inserted { tell(approval) }
        }
        table.sweep(now)
        let known = Set(table.listed.map(\.id))
        calls = calls.filter { state(of: $0.key) == .waiting }
        (told, lapsed) = (told.intersection(known), lapsed.intersection(known))
        outcomes = outcomes.filter { $0.value.since + table.lifetime > now }
        guard table.isEmpty, outcomes.isEmpty else { return }
        timer?.cancel()
        timer = nil
    }
}
