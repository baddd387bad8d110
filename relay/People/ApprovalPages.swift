// `/approvals` and `/approve/ID`: what waits for a person, and this person's answer. Flow: a link
// that a client shows, or the list → the question → the broker (`Approvals`). Works without
// JavaScript. Invariant: a question is shown to, and answered by, whom it was asked for, or an
// admin whose pattern covers its host; without a button there is no answer; a secret is on no page.
import Crypto
import HTTP
import Loop
import Wire

/// The pages of questions to people.
@IO final class ApprovalPages {
    private let door: WebDoor
    private let sessions: PageSessions
    private let approvals: Approvals
    /// Whether a pattern covers the host that a question is about.
    private let covers: @IO (AccessPattern, Approval) -> Bool
    private let now: @IO () -> Int64

    init(
        _ door: WebDoor, _ sessions: PageSessions, _ approvals: Approvals,
        now: @escaping @IO () -> Int64,
        covers: @escaping @IO (AccessPattern, Approval) -> Bool
    ) {
        (self.door, self.sessions, self.approvals) = (door, sessions, approvals)
        (self.now, self.covers) = (now, covers)
        door.serve("GET", "approvals") { [weak self] request, responder, _ in
            guard let self, let (visitor, address) = admit(request, responder, "approvals") else {
                return
            }
            list(visitor, responder, address)
        }
        door.serve("GET", "approve/*") { [weak self] request, responder, id in
            guard let self,
                let (visitor, address) = admit(
                    request, responder, "approve/\(PercentText.value(id))")
            else { return }
            show(id, visitor, responder, address)
        }
        door.serve("POST", "approve/*") { [weak self] request, responder, id in
            guard let self, let address = door.address else { return }
            guard let visitor = sessions.visitor(of: request),
                let form = sessions.form(of: request, from: visitor)
            else { return Page.foreign.send(responder, at: address) }
            responder.client = visitor.person.id
            answer(id, form, visitor, responder, address)
        }
    }

    /// Who is logged in; nil: the browser was sent to log in.
    private func admit(
        _ request: HTTPRequest, _ responder: HTTPResponder, _ page: String
    ) -> (Visitor, WebAddress)? {
        guard let address = door.address else {
            Page.absent(responder)
            return nil
        }
        guard let visitor = sessions.visitor(of: request) else {
            sessions.login(responder, backTo: page)
            return nil
        }
        responder.client = visitor.person.id
        return (visitor, address)
    }

    /// Whether a person may see and answer a question.
    private func may(_ person: Person, _ approval: Approval) -> Bool {
        approval.asker.principal == person.id
            || person.scopes.contains(.admin) && covers(person.pattern, approval)
    }

    private func list(_ visitor: Visitor, _ responder: HTTPResponder, _ address: WebAddress) {
        let now = now()
        let all = approvals.listed.filter { may(visitor.person, $0) }.map {
            ApprovalView(
                approval: $0, state: approvals.state(of: $0.id), now: now,
                formToken: visitor.formToken)
        }
        let waiting = all.filter { $0.state == .waiting }
        Page(
            title: waiting.isEmpty ? "Approvals" : "(\(waiting.count)) Approvals",
            person: visitor.person.name,
            body: ApprovalList(
                waiting: waiting, decided: all.filter { $0.state != .waiting }.reversed()
            ).html(at: address), scripts: ["approvals.js"], current: .approvals
        ).send(responder, at: address)
    }

    private func show(
        _ id: String, _ visitor: Visitor, _ responder: HTTPResponder, _ address: WebAddress,
        refusal: String? = nil
    ) {
        guard let approval = approvals[id], may(visitor.person, approval) else {
            return Page.saying(
                "No such question",
                "No question with this address waits for you. It may have expired: a question"
                    + " waits for 5 minutes. Have the call made again, and you are asked anew.",
                status: 404, person: visitor.person.name
            ).send(responder, at: address)
        }
        let view = ApprovalView(
            approval: approval, state: approvals.state(of: id), now: now(),
            formToken: visitor.formToken, refusal: refusal)
        Page(
            title: view.title, person: visitor.person.name,
            body: view.html(at: "\(address.path)/approve/\(id)"),
            status: refusal == nil ? 200 : 409, scripts: ["approvals.js"], current: .approvals
        ).send(responder, at: address)
    }

    private func answer(
        _ id: String, _ form: FormBody, _ visitor: Visitor, _ responder: HTTPResponder,
        _ address: WebAddress
    ) {
        guard let approval = approvals[id], may(visitor.person, approval) else {
            return show(id, visitor, responder, address)
        }
        let name = visitor.person.name
        do throws(ApprovalError) {
            switch form["decision"] {
            case "once": try approvals.answer(id, .grant(isPin: false), by: name)
            case "pin": try approvals.answer(id, .grant(isPin: true), by: name)
            case "deny": try approvals.answer(id, .deny, by: name)
            case "secret":
                let secret = SecretBytes((form["secret"] ?? "").utf8)
                try approvals.answer(id, secret: secret, by: name)
            default: throw .unfit("choose one of the buttons")
            }
        } catch {
            return show(id, visitor, responder, address, refusal: "Not taken: \(error).")
        }
        Page.redirect(to: address.url("approve/\(id)"), responder)
    }
}
