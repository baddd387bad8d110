// The page on which a person lets a program act in their name, and the pages around it. Pure. Flow:
// a request that was checked → here → Page. Invariant: what a program says of itself is marked as
// its own words; where the answer goes is shown by the address that it will go to.
import Wire

/// The pages of an authorization.
struct ConsentPage {
    let request: AuthorizationRequest
    let client: OAuthClient
    let person: Person
    let address: OAuthAddress
    /// The scopes that the client asks for.
    let asked: Set<Scope>
    /// What to do about what the person has chosen; nil at first.
    var problem: String?
    /// What the person has chosen so far.
    var pattern = "*"
    var chosen: Set<Scope>?

    /// The scopes that the person can grant: those asked for, and those that could be asked for
    /// later; `admin` only where the client asks for it.
    var offered: [Scope] {
        let holds = person.principal
        return Scope.allCases.filter { scope in
            holds.holds([scope]) && (scope != .admin || asked.contains(scope))
        }
    }

    /// The question.
    func question(token: String) -> Page {
        let trouble: HTML =
            problem.map { "<p class=\"note\" role=\"alert\">\($0)</p>" } ?? ""
        let body: HTML = """
            <form class="ask card" method="post" action="\(address.web.url("oauth/authorize"))">
            <header><h1>Let \(client.name) use this relay?</h1>
            <p>It acts in your name, and its sessions are yours. You can end this at any time.</p>
            </header>
            <div class="body">
            \(trouble)<dl class="kv">
            <dt>Program</dt><dd>\(client.name)\(proof)</dd>
            <dt>Answer goes to</dt><dd><strong>\(request.redirect.shown)</strong>\(warning)</dd>
            <dt>You are</dt><dd>\(person.name)</dd>
            <dt>At</dt><dd>\(address.web.host)</dd>
            </dl>
            <fieldset><legend>It may</legend>
            \(offered.map(box))</fieldset>
            <div><label class="label" for="pattern">On these agents and hosts</label>
            <input id="pattern" type="text" name="pattern" value="\(pattern)" autocomplete="off"
            maxlength="\(Self.patternLimit)" autocapitalize="off" spellcheck="false">
            <p class="muted">* is all that you reach (<code>\(person.pattern.description)</code>). Less
            is a list such as <code>lab-*,site1/db</code>.</p></div>
            <input type="hidden" name="token" value="\(token)">
            <input type="hidden" name="request" value="\(request.query)">
            </div>
            <div class="decide">
            <button class="big" name="decision" value="deny">Do not allow</button>
            <button class="big primary" name="decision" value="allow">Allow</button>
            </div>
            </form>

            """
        return Page(
            title: "Allow \(client.name)?", person: person.name, body: body, keepsOpener: true)
    }

    /// The longest pattern in bytes, and its alternatives at most: each call compares them with
    /// those of the person.
    static let patternLimit = 500
    static let patternParts = 32

    private func box(_ scope: Scope) -> HTML {
        let isAsked = asked.contains(scope)
        let checked: HTML = (chosen ?? asked).contains(scope) ? " checked" : ""
        let more: HTML = isAsked ? "" : " <small class=\"muted\">(not asked for)</small>"
        return """
            <label class="choice"><input type="checkbox" name="scope" value="\(scope.rawValue)"\
            \(checked)> <span>\(scope.words) <code class="muted">\(scope.rawValue)</code>\(more)</span>\
            </label>

            """
    }

    /// How the relay knows the program.
    private var proof: HTML {
        switch client.origin {
        case .document:
            " <small class=\"muted\">its own words, from <code>\(client.id)</code></small>"
        case .registered:
            """
             <small class="caution">Unverified: the program has given itself this name. Anyone can.
            </small>
            """
        case .added: " <small class=\"muted\">added by the operator</small>"
        }
    }

    private var warning: HTML {
        switch request.redirect.place {
        case .web: ""
        case .loopback:
            """
             <small class="caution">A program on the computer where you read this. Go on only if you
            have just asked a program there to connect.</small>
            """
        case .app:
            """
             <small class="caution">The program on this computer that opens
            <code>\(request.redirect.shown):</code> links. Go on only if you have just asked it to
            connect.</small>
            """
        }
    }

    // MARK: The pages around it

    /// Takes the browser to the client.
    ///
    /// A page of its own, and not a redirect of the form: Chromium and Safari apply `form-action`
    /// to a form's redirects, and to those that follow at the client's site, which are not known
    /// here (fastmcp issues 2302 and 3369).
    static func leave(to url: String, shown: String, person: String, isAllowed: Bool) -> Page {
        Page(
            title: isAllowed ? "Allowed" : "Not allowed", person: person,
            body: """
                <div class="narrow"><h1>\(isAllowed ? "Allowed" : "Not allowed")</h1>
                <p><a href="\(url)">Back to \(shown)</a>, if that does not happen by itself.</p></div>

                """, keepsOpener: true)
    }

    /// Says what is wrong with what a known client has asked for, with the way back to it.
    ///
    /// The browser does not go by itself: nobody has decided anything, and anyone can register a
    /// client whose address a link to this relay would then lead to (RFC 9700 §4.11.2).
    static func refuse(_ error: OAuthError, _ client: OAuthClient, back: String, shown: String)
        -> Page
    {
        var page = Page(
            title: "This cannot be allowed",
            body: """
                <div class="narrow">
                <h1>\(client.name) asks for what this relay does not do</h1>
                <p>\(error.description) (<code>\(error.code.rawValue)</code>).</p>
                <p><a href="\(back)">Tell it so, at \(shown)</a></p></div>

                """)
        page.status = 400
        return page
    }

    /// Says what is wrong where no client can be told.
    static func refuse(_ sentence: String, status: Int = 400) -> Page {
        var page = Page(
            title: "This cannot be allowed",
            body: """
                <div class="narrow"><h1>This cannot be allowed</h1>
                <p>\(sentence)</p>
                <p>Nothing was changed. Begin again in the program that sent you here.</p></div>

                """)
        page.status = status
        return page
    }
}
