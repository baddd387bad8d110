// Where a client's browser comes in to ask a person. GET shows the question, POST has the answer.
// Flow: the request → who asks → who is logged in → is what is asked for possible → the page.
// Invariant: nobody is sent anywhere before the client is known and has named that address; the
// answer is judged as the question was, from the same query.
//
// The person is asked each time, also for what was allowed before: an address does not tell which
// program has sent the browser, and programs ask once a month at most.
import HTTP
import Loop
import MCP
import Wire

/// The authorization endpoint.
@IO final class AuthorizationDoor {
    private let service: OAuthService
    /// Knows who is logged in; nil: nobody can be.
    var visitors: (any Visitors)?
    private var rate = VisitorRates(
        each: Rate(burst: AuthorizationDoor.burst, perSecond: AuthorizationDoor.perSecond),
        all: Rate(
            burst: AuthorizationDoor.burstOfAll, perSecond: AuthorizationDoor.perSecondOfAll))

    /// Requests of one address without a login, at once and per second after that: a person needs
    /// one for each program.
    nonisolated static let burst = 60
    nonisolated static let perSecond = 1
    /// Such requests of all addresses, at once and per second after that.
    nonisolated static let burstOfAll = 240
    nonisolated static let perSecondOfAll = 20

    init(_ service: OAuthService) { self.service = service }

    /// Serves it while `isOpen` says so.
    func open(_ web: WebDoor, while isOpen: @escaping @IO () -> Bool) {
        web.serve("GET", "oauth/authorize", while: isOpen) { [weak self] request, responder, _ in
            await self?.ask(request, responder)
        }
        web.serve("POST", "oauth/authorize", while: isOpen) { [weak self] request, responder, _ in
            await self?.decide(request, responder)
        }
    }

    /// A request whose client is known and whose person is there.
    private struct Case {
        let request: AuthorizationRequest
        let client: OAuthClient
        let visitor: Visitor
        let wish: AuthorizationRequest.Wish
    }

    private func ask(_ request: HTTPRequest, _ responder: HTTPResponder) async {
        guard let (address, visitors) = admit(request, responder) else { return }
        guard
            let found = await judge(
                request.query ?? "", visitors.visitor(of: request), address, responder)
        else { return }
        let page = page(found, address)
        guard !page.offered.isEmpty else {
            return refuse(
                OAuthError(.accessDenied, "this person has no rights to give"), found.request,
                found.client, address, responder)
        }
        page.question(token: found.visitor.formToken).send(responder, at: address.web)
    }

    private func decide(_ request: HTTPRequest, _ responder: HTTPResponder) async {
        guard let (address, visitors) = admit(request, responder) else { return }
        guard let visitor = visitors.visitor(of: request) else {
            return ConsentPage.refuse("You are not logged in any more.", status: 403)
                .send(responder, at: address.web)
        }
        guard let form = visitors.form(of: request, from: visitor), let query = form["request"]
        else {
            return ConsentPage.refuse(
                "This form does not come from the relay's own page.", status: 403
            )
            .send(responder, at: address.web)
        }
        guard let found = await judge(query, visitor, address, responder) else { return }
        let (person, client) = (visitor.person, found.client)
        guard form["decision"] == "allow" else {
            Process.log("OAuth: \(person.name) has refused \(Self.named(client))")
            let denied = OAuthError(.accessDenied, "the person has not allowed it")
            let url = found.request.answer(denied, issuer: address.issuer)
            return leave(to: url, found, isAllowed: false, address, responder)
        }
        var page = page(found, address)
        let chosen = Set(form.all("scope").compactMap(Scope.init)).intersection(page.offered)
        page.chosen = chosen
        if chosen.isEmpty { page.problem = "Choose at least one thing that it may do." }
        let text = form["pattern"]?.filter { $0 != " " } ?? "*"
        page.pattern = text
        let pattern = AccessPattern(text)
        if pattern == nil || text.utf8.count > ConsentPage.patternLimit
            || text.split(separator: ",").count > ConsentPage.patternParts
        {
            page.problem =
                "“\(text.prefix(80))” is not a list of agents and hosts: use names with * and ?, "
                + "agent/host, or tag:NAME, joined by commas; \(ConsentPage.patternParts) at most."
        }
        guard page.problem == nil, let pattern else {
            return page.question(token: visitor.formToken).send(responder, at: address.web)
        }
        let code = service.issue(
            found.request, client, challenge: found.wish.challenge, by: person, scopes: chosen,
            pattern: pattern, at: address)
        Process.log(
            "OAuth: \(person.name) lets \(Self.named(client)) act: \(Scope.text(chosen)) on "
                + pattern.description.plain(keepsLines: false))
        let url = found.request.answer(code: code, issuer: address.issuer)
        leave(to: url, found, isAllowed: true, address, responder)
    }

    // MARK: Steps

    /// Whether the request may go on; otherwise it is answered.
    ///
    /// Who is logged in is never refused for the rate of strangers: behind a web server on this
    /// machine all of them have one address.
    private func admit(
        _ request: HTTPRequest, _ responder: HTTPResponder
    ) -> (OAuthAddress, any Visitors)? {
        guard let visitors, let address = service.address else {
            responder.sendNotFound(OAuthDoor.absence)
            return nil
        }
        guard
            visitors.visitor(of: request) != nil
                || rate.admits(request.peerAddress?.subscriber, at: IO.now)
        else {
            ConsentPage.refuse("Too many requests: try again in a minute.", status: 429)
                .send(responder, at: address.web, headers: OAuthDoor.later)
            return nil
        }
        return (address, visitors)
    }

    /// What a query asks for; nil: it was answered.
    ///
    /// A client that is not known is told before anybody logs in: some look whether it is, before
    /// they open a browser. A client's document is fetched only for who is logged in.
    private func judge(
        _ query: String, _ visitor: Visitor?, _ address: OAuthAddress, _ responder: HTTPResponder
    ) async -> Case? {
        let request: AuthorizationRequest
        do throws(AuthorizationRequest.Failure) {
            request = try AuthorizationRequest(query: query)
        } catch {
            ConsentPage.refuse(error.sentence).send(responder, at: address.web)
            return nil
        }
        do throws(OAuthError) {
            try await service.checkKnown(client: request.client)
            guard let visitor else {
                visitors?.login(responder, backTo: "oauth/authorize?\(query)")
                return nil
            }
            let client = try await service.client(request.client, for: visitor.person.id)
            guard client.redirects.contains(where: { $0.admits(request.redirect) }) else {
                ConsentPage.refuse(
                    "\(client.name) has not named the address \(request.redirect.description), "
                        + "to which it wants the answer."
                ).send(responder, at: address.web)
                return nil
            }
            do throws(OAuthError) {
                return Case(
                    request: request, client: client, visitor: visitor,
                    wish: try request.wish(address))
            } catch {
                refuse(error, request, client, address, responder)
                return nil
            }
        } catch {
            let sentence =
                DocumentFetch.isURL(request.client) || error.code != .invalidClient
                ? "This relay cannot find out which program sent you here: \(error.description)."
                // Programs keep the id that they once got, also when it has ended here.
                : "This relay does not know the program that sent you here, or not any more. Remove"
                    + " the relay in that program, and connect it again."
            // A server that gives no document may give it later; what it gave stays wrong.
            ConsentPage.refuse(sentence, status: error.code == .temporarilyUnavailable ? 503 : 400)
                .send(responder, at: address.web)
            return nil
        }
    }

    private func page(_ found: Case, _ address: OAuthAddress) -> ConsentPage {
        ConsentPage(
            request: found.request, client: found.client, person: found.visitor.person,
            address: address, asked: found.wish.scopes)
    }

    private func refuse(
        _ error: OAuthError, _ request: AuthorizationRequest, _ client: OAuthClient,
        _ address: OAuthAddress, _ responder: HTTPResponder
    ) {
        ConsentPage.refuse(
            error, client, back: request.answer(error, issuer: address.issuer),
            shown: request.redirect.shown
        ).send(responder, at: address.web)
    }

    private func leave(
        to url: String, _ found: Case, isAllowed: Bool, _ address: OAuthAddress,
        _ responder: HTTPResponder
    ) {
        ConsentPage.leave(
            to: url, shown: found.request.redirect.shown, person: found.visitor.person.name,
            isAllowed: isAllowed
        ).send(responder, at: address.web, headers: ["Refresh": "0; url=\(url)"])
    }

    private static func named(_ client: OAuthClient) -> String {
        "\(client.name.plain(keepsLines: false)) (\(client.id.plain(keepsLines: false)))"
    }
}
