// `/`: what a person has here: passkeys, where this person is logged in, and the lines that connect
// a client. Its forms work without JavaScript; only a new passkey needs a script. Invariant: each
// form is one of the page's own (`Visitors.form`), and touches what belongs to its sender alone.
import Configuration
import Crypto
import HTTP
import JSON
import Loop
import Passkeys
import Wire

/// The page of a person who is logged in.
@IO final class MePage {
    private let store: Store
    private let door: WebDoor
    private let sessions: PageSessions
    private var challenges = Challenges()
    /// The programs that act for people.
    weak var clients: (any ConnectedClients)?

    init(_ store: Store, _ door: WebDoor, _ sessions: PageSessions) {
        (self.store, self.door, self.sessions) = (store, door, sessions)
        door.serve("GET", "") { [weak self] request, responder, _ in
            guard let self, let address = door.address else { return }
            guard let visitor = sessions.visitor(of: request) else {
                return sessions.login(responder, backTo: "")
            }
            responder.client = visitor.person.id
            await show(visitor, nil, responder, address)
        }
        serve("passkeys/begin") { (page, sent) throws(StoreError) in try await page.begin(sent) }
        serve("passkeys/finish") { (page, sent) throws(StoreError) in try await page.finish(sent) }
        serve("passkeys/rename") { (page, sent) throws(StoreError) in try await page.rename(sent) }
        serve("passkeys/remove") { (page, sent) throws(StoreError) in try await page.remove(sent) }
        serve("clients/end") { (page, sent) throws(StoreError) in try await page.disconnect(sent) }
        serve("sessions/end") { (page, sent) throws(StoreError) in try await page.end(sent) }
    }

    /// A form of this page that its own person has sent.
    private struct Sent {
        let visitor: Visitor
        let form: FormBody
        let request: HTTPRequest
        let responder: HTTPResponder
        let address: WebAddress

        var person: Person { visitor.person }
        var site: RelyingParty { RelyingParty(id: address.host, origin: address.origin) }

        /// The passkey that it names.
        var passkey: [UInt8]? { form["id"].flatMap(Base64.decodeURL) }
    }

    /// Has a form answered; what the store refuses is shown on the page, or told to its script.
    private func serve(
        _ path: String,
        _ handler: @escaping @IO (MePage, Sent) async throws(StoreError) -> Void
    ) {
        door.serve("POST", path) { [weak self] request, responder, _ in
            guard let self, let address = door.address else { return }
            let isScript = request.header("accept")?.contains("application/json") == true
            guard let visitor = sessions.visitor(of: request),
                let form = sessions.form(of: request, from: visitor)
            else {
                return isScript
                    ? Page.refuse("You are not logged in here any more: reload.", responder)
                    : Page.foreign.send(responder, at: address)
            }
            responder.client = visitor.person.id
            let sent = Sent(
                visitor: visitor, form: form, request: request, responder: responder,
                address: address)
            do throws(StoreError) { try await handler(self, sent) } catch {
                if isScript { return Page.refuse("\(error)", status: 409, responder) }
                await show(visitor, "\(error)", responder, address)
            }
        }
    }

    // MARK: Forms

    private func begin(_ sent: Sent) async throws(StoreError) {
        let known = try await store.passkeys(of: sent.person.id)
        guard known.count < PasskeyRecord.limit else {
            throw .tooManyPasskeys(limit: PasskeyRecord.limit)
        }
        let purpose = Challenges.Purpose.passkey(sent.visitor.session)
        guard let challenge = challenges.make(for: purpose, now: store.now()) else {
            return Page.refuse("Too many attempts: try again in a minute.", sent.responder)
        }
        Page.send(
            PasskeyTalk.creation(challenge, of: sent.person, known: known, at: sent.site),
            sent.responder)
    }

    private func finish(_ sent: Sent) async throws(StoreError) {
        let purpose = Challenges.Purpose.passkey(sent.visitor.session)
        guard let challenge = challenges.take(for: purpose, now: store.now()),
            let creation = PasskeyTalk.creation(in: sent.form)
        else { return Page.refuse("This took too long: try again.", sent.responder) }
        let made: NewPasskey
        do throws(PasskeyError) {
            made = try creation.verified(for: sent.site, challenge: challenge)
        } catch {
            return Page.refuse("This passkey cannot be used: \(error).", sent.responder)
        }
        let name = BrowserName.of(sent.request.header("user-agent") ?? "")
        try await store.addPasskey(
            PasskeyRecord(made, of: sent.person, named: name, now: store.now()))
        Page.send(["next": .string(sent.address.url(""))], sent.responder)
    }

    private func rename(_ sent: Sent) async throws(StoreError) {
        let name = (sent.form["name"] ?? "").plain(keepsLines: false)
            .split(whereSeparator: \.isWhitespace).joined(separator: " ")
        guard let id = sent.passkey, !name.isEmpty, name.utf8.count <= PasskeyRecord.nameLimit
        else {
            return await show(
                sent.visitor, "A name has 1 to \(PasskeyRecord.nameLimit) bytes.", sent.responder,
                sent.address)
        }
        try await store.renamePasskey(id, of: sent.person.id, to: name)
        Page.redirect(to: sent.address.url(""), sent.responder)
    }

    private func remove(_ sent: Sent) async throws(StoreError) {
        guard let id = sent.passkey else { throw .unknownPasskey }
        try await store.removePasskey(id, of: sent.person.id, keeping: sent.visitor.session)
        sessions.forget(passkey: id, keeping: sent.visitor.session)
        Page.redirect(to: sent.address.url(""), sent.responder)
    }

    private func disconnect(_ sent: Sent) async throws(StoreError) {
        let id = sent.form["id"] ?? ""
        guard try await clients?.revoke(id, of: sent.person.id) == true else {
            throw .unknownGrant(id)
        }
        Page.redirect(to: sent.address.url(""), sent.responder)
    }

    private func end(_ sent: Sent) async throws(StoreError) {
        try await sessions.close(sent.form["id"] ?? "", of: sent.person.id)
        Page.redirect(to: sent.address.url(""), sent.responder)
    }

    // MARK: The page

    private func show(
        _ visitor: Visitor, _ refusal: String?, _ responder: HTTPResponder, _ address: WebAddress
    ) async {
        let passkeys = (try? await store.passkeys(of: visitor.person.id)) ?? []
        let view = MeView(
            visitor: visitor, passkeys: passkeys,
            sessions: sessions.sessions(of: visitor.person.id),
            clients: clients?.grants(of: visitor.person.id) ?? [],
            now: store.now(), mcp: clients?.isOpen == true ? .login : .token, refusal: refusal)
        Page(
            title: "You", person: visitor.person.name, body: view.html(at: address),
            status: refusal == nil ? 200 : 409, scripts: ["me.js"], current: .me
        ).send(responder, at: address)
    }
}
