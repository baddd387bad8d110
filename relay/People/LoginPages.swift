// Coming in and going out: `/login`, `/welcome` and `/logout`. Flow: a page's script asks for a
// challenge, has the browser sign it, and sends the outcome; the answer sets the session's cookie.
// Invariant: every refusal of a kind is one answer, whatever the reason; only the log has that.
import Configuration
import Crypto
import HTTP
import JSON
import Loop
import Passkeys

/// The pages of those who are not logged in.
@IO final class LoginPages {
    private let store: Store
    private let door: WebDoor
    private let sessions: PageSessions
    private var rates = VisitorRates(
        each: Rate(burst: LoginPages.burst, perSecond: LoginPages.perSecond),
        all: Rate(burst: LoginPages.burstOfAll, perSecond: LoginPages.perSecondOfAll))
    let log = LoginLog()
    private var challenges = Challenges()

    /// Attempts of one address at once, a login being two: an office logs in behind one address.
    nonisolated static let burst = 20
    /// Attempts of one address per second after that.
    nonisolated static let perSecond = 1
    /// Attempts of all addresses at once, and per second after that: each costs up to a millisecond
    /// (a signature, some queries), so this is 5 % of a core.
    nonisolated static let burstOfAll = 500
    nonisolated static let perSecondOfAll = 50

    init(_ store: Store, _ door: WebDoor, _ sessions: PageSessions) {
        (self.store, self.door, self.sessions) = (store, door, sessions)
        serve("GET", "login") { $0.showLogin($1, $2, $3) }
        serve("GET", "welcome") { $0.showWelcome($1, $2, $3) }
        serve("POST", "login/begin") { await $0.begin($1, $2, $3, asGuest: false) }
        serve("POST", "login/finish") { await $0.finishLogin($1, $2, $3) }
        serve("POST", "welcome/begin") { await $0.begin($1, $2, $3, asGuest: true) }
        serve("POST", "welcome/finish") { await $0.finishWelcome($1, $2, $3) }
        serve("POST", "logout") { await $0.logOut($1, $2, $3) }
    }

    private func serve(
        _ method: String, _ path: String,
        _ handler: @escaping @IO (LoginPages, HTTPRequest, HTTPResponder, WebAddress) async -> Void
    ) {
        door.serve(method, path) { [weak self] request, responder, _ in
            guard let self, let address = door.address else { return Page.absent(responder) }
            await handler(self, request, responder, address)
        }
    }

    // MARK: Pages

    private func showLogin(
        _ request: HTTPRequest, _ responder: HTTPResponder, _ address: WebAddress
    ) {
        let next = BackPath(request.queryValue("to") ?? "")
        guard !leadsHome(request, responder, address, to: "login", next) else { return }
        if sessions.visitor(of: request) != nil {
            return Page.redirect(to: address.url(next.text), responder)
        }
        let obstacle: HTML = address.obstacle.map { "<p class=\"bad\">\($0)</p>" } ?? ""
        let advice: HTML =
            sessions.hasPeople
            ? """
            <p class="muted">No passkey yet, or lost it? The operator of this relay makes a link \
            for you: <code>homeline-relay people link NAME</code>.</p>
            """
            : """
            <p class="muted">Nobody can log in yet. The operator of this relay makes a link for \
            the first person: <code>homeline-relay people invite NAME</code>.</p>
            """
        let caller: HTML =
            next.text.hasPrefix("oauth/authorize")
            ? """
            <p>A program has sent you here. After the login you are asked whether it may act in \
            your name; to say no, close this page.</p>
            """ : ""
        Page(
            title: "Log in",
            body: """
                <div class="narrow card" id="login" data-to="\(next.text)">
                <h1>Log in</h1>
                \(caller)\(obstacle)<p>This relay knows you by a passkey: your device asks for your \
                finger, face or PIN.</p>
                <p><button class="primary big" id="go" disabled>Log in with a passkey</button></p>
                <p class="bad" id="said" role="alert" hidden></p>
                <noscript><p class="bad">Passkeys need JavaScript: browsers offer them to scripts \
                alone.</p></noscript>
                \(advice)
                </div>
                """, scripts: ["login.js"], keepsOpener: true
        ).send(responder, at: address)
    }

    private func showWelcome(
        _ request: HTTPRequest, _ responder: HTTPResponder, _ address: WebAddress
    ) {
        guard !leadsHome(request, responder, address, to: "welcome", BackPath("")) else { return }
        let obstacle: HTML = address.obstacle.map { "<p class=\"bad\">\($0)</p>" } ?? ""
        Page(
            title: "Welcome",
            body: """
                <div class="narrow card">
                <h1>Welcome</h1>
                \(obstacle)<p>Your link lets you make a passkey for this relay. Your device keeps \
                it, and asks for your finger, face or PIN when you log in; there is no password.</p>
                <p><button class="primary big" id="go" disabled>Make my passkey</button></p>
                <p class="bad" id="said" role="alert" hidden></p>
                <noscript><p class="bad">Passkeys need JavaScript: browsers offer them to scripts \
                alone.</p></noscript>
                <p class="muted">A link works once, for 15 minutes.</p>
                </div>
                """, scripts: ["welcome.js"]
        ).send(responder, at: address)
    }

    /// Sends a browser that has come by 127.0.0.1 to `localhost`, where passkeys and the session's
    /// cookie are; true if it did.
    ///
    /// Only then is the Host header looked at, as it is a browser's on this machine that typed it.
    private func leadsHome(
        _ request: HTTPRequest, _ responder: HTTPResponder, _ address: WebAddress, to page: String,
        _ next: BackPath
    ) -> Bool {
        let host = request.header("host") ?? ""
        guard address.host == "localhost", !address.isSecure,
            host.hasPrefix("127.") || host.hasPrefix("[::1]")
        else { return false }
        let query = next.text.isEmpty ? "" : "?to=\(PercentText.value(next.text))"
        Page.redirect(to: address.url(page + query), responder)
        return true
    }

    // MARK: The two halves of a login

    private static let loginRefusal =
        "This passkey does not open this relay. Try another one, or ask the relay's operator for a"
        + " new link."
    private static let linkRefusal =
        "This link does not work: it has been used, is older than 15 minutes, or was not copied"
        + " whole. Ask the relay's operator for a new one."
    private static let lateRefusal =
        "This took too long, or was begun in another tab: press the button again."
    private static let tooOften = "Too many attempts: try again in a minute."
    private static let failure = "The relay's store failed: try again, or see the relay's log."

    /// The form of a page's own script; nil: it was answered.
    private func form(_ request: HTTPRequest, _ responder: HTTPResponder) -> FormBody? {
        guard rates.admits(request.peerAddress?.subscriber, at: IO.now) else {
            Page.refuse(Self.tooOften, status: 429, responder)
            return nil
        }
        guard let form = sessions.form(of: request) else {
            Page.refuse("This was not sent by a page of this relay.", responder)
            return nil
        }
        return form
    }

    /// Gives a challenge, and ties it to the browser by a cookie.
    private func begin(
        _ request: HTTPRequest, _ responder: HTTPResponder, _ address: WebAddress, asGuest: Bool
    ) async {
        guard let form = form(request, responder) else { return }
        let site = RelyingParty(id: address.host, origin: address.origin)
        let visit = Base64.encodeURL(Random.bytes(32))
        let hash = SHA256.hash(Array(visit.utf8))
        do throws(StoreError) {
            let owner = asGuest ? try await store.owner(ofLink: form["secret"] ?? "") : nil
            var known: [PasskeyRecord] = []
            if let owner { known = try await store.passkeys(of: owner.id) }
            guard
                let challenge = challenges.make(
                    for: asGuest ? .welcome(hash) : .login(hash), now: store.now())
            else { return Page.refuse(Self.tooOften, status: 429, responder) }
            let options =
                if let owner {
                    PasskeyTalk.creation(challenge, of: owner, known: known, at: site)
                } else {
                    PasskeyTalk.login(challenge, at: site)
                }
            Page.send(
                options, responder,
                headers: [
                    "Set-Cookie": PageCookie.visit.setting(visit, isSecure: address.isSecure)
                ])
        } catch {
            refuseLink(error, request, responder)
        }
    }

    private func visit(of request: HTTPRequest, _ address: WebAddress) -> [UInt8]? {
        PageCookie.visit.value(in: request, isSecure: address.isSecure)
            .map { SHA256.hash(Array($0.utf8)) }
    }

    private func finishLogin(
        _ request: HTTPRequest, _ responder: HTTPResponder, _ address: WebAddress
    ) async {
        guard let form = form(request, responder) else { return }
        func refuse(_ reason: String) {
            log.refuse(.login, from: request.peer, reason)
            Page.refuse(Self.loginRefusal, responder)
        }
        guard let visit = visit(of: request, address),
            let challenge = challenges.take(for: .login(visit), now: store.now())
        else {
            log.refuse(.login, from: request.peer, "its challenge is not open: used, or too old")
            return Page.refuse(Self.lateRefusal, responder)
        }
        guard let (id, handle, assertion) = PasskeyTalk.assertion(in: form), !id.isEmpty else {
            return refuse("its form is not complete")
        }
        do throws(StoreError) {
            let known = try await store.passkey(id)
            // A signature is checked in any case, so that the time says nothing about ids.
            let counter: UInt32
            do throws(PasskeyError) {
                counter = try assertion.verify(
                    by: known?.key ?? .nobody, counter: known?.counter ?? 0,
                    for: RelyingParty(id: address.host, origin: address.origin),
                    challenge: challenge)
            } catch {
                return refuse(known == nil ? "its passkey is unknown" : "\(error)")
            }
            guard let known, let person = sessions.person(known.person) else {
                return refuse("its passkey is unknown")
            }
            guard handle.isEmpty || handle == PasskeyTalk.handle(of: person) else {
                return refuse("its user handle is not that of the passkey's person")
            }
            guard try await store.usePasskey(known, counter: counter) else {
                return refuse("another login by the same passkey came in between")
            }
            try await welcome(person, by: known.id, "logged in", request, responder, address, form)
        } catch {
            switch error {
            case .unknownPasskey: refuse("its passkey was removed meanwhile")
            default: fail(error, responder)
            }
        }
    }

    private func finishWelcome(
        _ request: HTTPRequest, _ responder: HTTPResponder, _ address: WebAddress
    ) async {
        guard let form = form(request, responder) else { return }
        guard let visit = visit(of: request, address),
            let challenge = challenges.take(for: .welcome(visit), now: store.now()),
            let creation = PasskeyTalk.creation(in: form)
        else {
            log.refuse(.link, from: request.peer, "its challenge is not open, or not answered")
            return Page.refuse(Self.lateRefusal, responder)
        }
        do {
            let made = try creation.verified(
                for: RelyingParty(id: address.host, origin: address.origin), challenge: challenge)
            let secret = form["secret"] ?? ""
            let owner = try await store.owner(ofLink: secret)
            let passkey = PasskeyRecord(
                made, of: owner, named: BrowserName.of(request.header("user-agent") ?? ""),
                now: store.now())
            let person = try await store.redeemLink(secret, passkey)
            try await welcome(
                person, by: passkey.id, "made a passkey by a link and logged in", request,
                responder,
                address, form)
        } catch let error as PasskeyError {
            log.refuse(.link, from: request.peer, "\(error)")
            Page.refuse(
                "This device's passkey cannot be used: \(error). Try another device or browser.",
                responder)
        } catch let error as StoreError {
            refuseLink(error, request, responder)
        } catch {
            Page.refuse(Self.failure, status: 500, responder)
        }
    }

    private func refuseLink(
        _ error: StoreError, _ request: HTTPRequest, _ responder: HTTPResponder
    ) {
        switch error {
        case .linkRefused:
            log.refuse(.link, from: request.peer, "it is unknown, used or expired")
            Page.refuse(Self.linkRefusal, responder)
        case .passkeyKnown, .tooManyPasskeys: Page.refuse("\(error)", responder)
        default: fail(error, responder)
        }
    }

    private func fail(_ error: StoreError, _ responder: HTTPResponder) {
        Process.log("the store failed: \(error)")
        Page.refuse(Self.failure, status: 500, responder)
    }

    /// Opens a session, and tells the script where to go.
    private func welcome(
        _ person: Person, by passkey: [UInt8], _ how: String, _ request: HTTPRequest,
        _ responder: HTTPResponder, _ address: WebAddress, _ form: FormBody
    ) async throws(StoreError) {
        // The browser keeps one cookie: what it was logged in by before would only stay in lists.
        if let before = sessions.visitor(of: request) {
            try? await sessions.close(before.session, of: before.person.id)
        }
        let cookie = try await sessions.open(for: person, by: passkey, request)
        log.note(person, how, from: request.peer)
        var headers: HTTPHeaders = ["Set-Cookie": cookie]
        headers.add("Set-Cookie", PageCookie.visit.setting(nil, isSecure: address.isSecure))
        let next = BackPath(form["to"] ?? "")
        Page.send(["next": .string(address.url(next.text))], responder, headers: headers)
    }

    private func logOut(
        _ request: HTTPRequest, _ responder: HTTPResponder, _ address: WebAddress
    ) async {
        // Also where no cookie has come, as with a form of another site: the answer would remove
        // the cookie that the browser has.
        guard sessions.form(of: request) != nil else {
            return Page.foreign.send(responder, at: address)
        }
        if let visitor = sessions.visitor(of: request) {
            guard sessions.form(of: request, from: visitor) != nil else {
                return Page.foreign.send(responder, at: address)
            }
            try? await sessions.close(visitor.session, of: visitor.person.id)
        }
        Page.redirect(
            to: address.url("login"), responder,
            headers: [
                "Set-Cookie": PageCookie.session.setting(nil, isSecure: address.isSecure)
            ])
    }
}

extension PasskeyKey {
    /// A key that nobody has the other half of: the base point of P-256 (FIPS 186-4 §D.1.2.3).
    fileprivate static let nobody = PasskeyKey(
        algorithm: .es256,
        bytes: Hex.decode(
            "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
                + "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5") ?? [])
}
