// Calls for which a person has to decide something first. Flow: an agent's `approval_needed` → the
// answer that waits for it, and the same call again; or a question for a person, and a fault with
// its id. Part of Router. Invariant: an answer goes to the agent and for the principal that the
// question came from, and an answer that a call did not use stays for the next one.
import Crypto
import JSON
import Loop
import Wire

extension Router {
    /// Makes a call through `make`, and again with each answer that persons have given to its
    /// questions.
    ///
    /// Nobody is asked for a call that no client waits for, such as the relay's own looks.
    func asking(
        _ call: AgentCall, to member: Fleet.Member,
        _ make: @escaping @IO @Sendable ([Grant]?) async throws(Fault) -> AgentAnswer
    ) async throws(Fault) -> AgentAnswer {
        guard call.method.row.rules != nil, let words = ClientWords.current else {
            return try await make(nil)
        }
        if let made = await approvals.outcome(of: name(of: call, at: member)) {
            return try made.get()
        }
        return try await asking(call, to: member, with: [], words, make)
    }

    private func asking(
        _ call: AgentCall, to member: Fleet.Member, with given: [Grant], _ words: ClientWords,
        _ make: @escaping @IO @Sendable ([Grant]?) async throws(Fault) -> AgentAnswer
    ) async throws(Fault) -> AgentAnswer {
        var grants = given
        var taken: [Approvals.Taken] = []
        while true {
            do throws(Fault) { return try await make(grants) } catch {
                guard error.code == .approvalNeeded else { throw error }
                guard let question = error.question else {
                    throw Fault(
                        .internal, "the agent asks a person something that this relay cannot read")
                }
                if grants.count < Grant.most,
                    !grants.map(\.digest).contains(question.digest),
                    let next = approvals.take(
                        question, of: call.principal.id, at: member.record.id)
                {
                    grants.append(next.grant)
                    taken.append(next)
                    continue
                }
                // The call has begun nothing: what was granted is still to be used.
                approvals.giveBack(taken)
                throw try noted(error, question, call, member, words, make)
            }
        }
    }

    /// The fault of a call that waits for a person, with the question's id.
    private func noted(
        _ fault: Fault, _ question: Question, _ call: AgentCall, _ member: Fleet.Member,
        _ words: ClientWords,
        _ make: @escaping @IO @Sendable ([Grant]?) async throws(Fault) -> AgentAnswer
    ) throws(Fault) -> Fault {
        let asker = Approval.Asker(
            principal: call.principal.id, label: call.principal.name,
            client: call.principal.client ?? words.client,
            reason: words.reason)
        let again: @IO @Sendable ([Grant]) async -> Result<AgentAnswer, Fault> = {
            [weak self] grants in
            guard let self, isCurrent(call.principal) else {
                return .failure(Fault(.refusedByPolicy, "this token has lost its rights"))
            }
            do throws(Fault) {
                // The person's answer may come minutes after the call was admitted.
                try admit(call, call.method.row, to: member)
                return .success(try await asking(call, to: member, with: grants, words, make))
            } catch {
                return .failure(error)
            }
        }
        let approval = try approvals.note(
            question, by: asker,
            at: Approval.Origin(id: member.record.id, name: member.record.name),
            Approvals.NotedCall(
                name: name(of: call, at: member), make: again, isKept: !call.method.givesTicket))
        var noted = Fault(
            .approvalNeeded,
            fault.message + ". "
                + approval.sentence(
                    url: approvals.url(approval.id), commandOptions: approvals.commandOptions),
            asking: question)
        noted.approval = approval.id
        return noted
    }

    /// What a call is known by when it comes again, however its arguments are spelled.
    private func name(of call: AgentCall, at member: Fleet.Member) -> Approvals.CallName {
        let bytes = JSON.object(call.fields.object).sortedBytes()
        return Approvals.CallName(
            principal: call.principal.id, grant: call.principal.grant, agent: member.record.id,
            method: call.method.rawValue, digest: Base64.encodeURL(SHA256.hash(bytes)))
    }
}

extension Method {
    /// Whether its answer has a ticket, which is good for a minute only.
    fileprivate var givesTicket: Bool {
        [.streamFile, .sendFiles, .startTransfer, .connectForward].contains(self)
    }
}
