// How a client's user comes to know that a person has to decide something: by a form of the client,
// by a page it opens, or by the call's result. Flow: a tool's work → a fault with a question's id →
// here → the same work again once a person has agreed. Invariant: a secret is never asked for in a
// form; a call waits for a person only after its client was told where to answer.
import JSON
import Loop
import MCP
import Wire

/// Brings the questions of one relay's tool calls to persons.
@IO struct ApprovalDelivery {
    let approvals: Approvals
    /// Whether a client's form may answer: a client could do so without a person.
    let allowsForms: Bool

    /// Does a call's work, and again with each answer.
    ///
    /// For all its questions together, a call waits no longer than a client waits for a call.
    func result(
        of call: ToolCall, _ work: @IO () async throws(Fault) -> ToolResult
    ) async throws(Interruption) -> ToolResult {
        let words = ClientWords(client: call.client?.name, meta: call.meta)
        let end = IO.now + Approvals.patience
        var asked = 0
        while true {
            let fault: Fault
            do throws(Fault) { return try await words.during(work) } catch { fault = error }
            guard let id = fault.approval else { return .failure(fault.message) }
            guard asked < Grant.most else {
                return .failure(
                    "This call has raised \(asked) questions to a person and still needs another:"
                        + " do not repeat it.")
            }
            asked += 1
            guard let approval = approvals[id] else { continue }
            guard try await isDecided(approval, call, words, until: end) else {
                return told(approval, fault)
            }
        }
    }

    /// Asks in the best way that the client knows; whether a person has decided.
    private func isDecided(
        _ approval: Approval, _ call: ToolCall, _ words: ClientWords,
        until end: ContinuousClock.Instant
    ) async throws(Interruption) -> Bool {
        guard approvals.state(of: approval.id) == .waiting else { return true }
        let url = approvals.url(approval.id)
        // Another question has another key, so no answer counts for two.
        let key = "approval_" + approval.id
        if allowsForms, approval.question.kind != .secret, call.capabilities.has(.form) {
            let form = InputRequest.form(key, approval.words, [Self.field(for: approval.question)])
            return take(try call.ask(form, once: true)[key], approval, words)
        }
        if let url, call.capabilities.has(.url) {
            let page = InputRequest.page(key, approval.words, url: url, id: approval.id)
            guard case .accepted = try call.ask(page, once: true)[key] else { return false }
            return await waits(approval, call, until: end)
        }
        guard approvals.wasTold(approval.id) else { return false }
        return await waits(approval, call, until: end)
    }

    private static let choice = "decision"

    private static func field(for question: Question) -> FormField {
        var choices = [FormChoice("once", title: "Yes, this once")]
        if question.kind == .hostKey {
            choices.append(FormChoice("pin", title: "Yes, and store the key"))
        }
        choices.append(FormChoice("reject", title: "No"))
        // Not required: a client that sends forms back empty would be asked again and again.
        return FormField(choice, .choice(choices), title: "Decision", isRequired: false)
    }

    /// Takes the answer of a form; whether it decides.
    private func take(
        _ answer: InputResponse, _ approval: Approval, _ words: ClientWords
    ) -> Bool {
        let decision: Approval.Decision
        switch answer {
        case .accepted(let content):
            switch content[Self.choice]?.stringValue {
            case "once": decision = .grant(isPin: false)
            case "pin": decision = .grant(isPin: true)
            case "reject": decision = .deny
            // Accepted without a choice, as by a client that nobody sits at.
            default: return false
            }
        // Clients without a person at them decline, or cancel, every form at once.
        case .declined, .cancelled, .unanswered, .sampled, .roots: return false
        }
        let client = words.client?.visible ?? "unknown"
        // It may have been decided elsewhere meanwhile: then that counts.
        _ = try? approvals.answer(
            approval.id, decision, by: "\(approval.asker.label.visible) (form of client \(client))")
        return true
    }

    /// How often a waiting call's progress is shown.
    private static let interval = Duration.seconds(5)

    /// Waits for a person; whether one has decided.
    private func waits(
        _ approval: Approval, _ call: ToolCall, until end: ContinuousClock.Instant
    ) async -> Bool {
        while IO.now < end, !Task.isCancelled {
            call.progress?.report(0, message: "waits for approval \(approval.id) by a person")
            let left = min(Self.interval, end - IO.now)
            switch await approvals.wait(for: approval.id, atMost: left) {
            case .waiting: continue
            case .granted, .denied, .expired, .used: return true
            }
        }
        return false
    }

    /// The result that tells the model, and its user, where to answer.
    private func told(_ approval: Approval, _ fault: Fault) -> ToolResult {
        approvals.noteTold(approval.id)
        let url = approvals.url(approval.id)
        var members: JSON.Object = [
            "status": "approval_required", "approval_id": .string(approval.id),
            "expires": .string(approval.deadline), "question": .string(approval.brief),
            "message": .string(fault.message), "retry": "same call",
        ]
        members["approval_url"] = url.map(JSON.string)
        return ToolResult(
            structured: .object(members), text: .string(fault.message), isError: true)
    }
}
