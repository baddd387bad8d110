// What `/` shows, as HTML. Pure. Flow: MePage → here → Page. Invariant: each form carries the
// token of the session that it is shown in.
import Loop
import Wire

/// The view of a person's own things.
struct MeView {
    let visitor: Visitor
    let passkeys: [PasskeyRecord]
    let sessions: [PageSessionRecord]
    /// The programs that this person has let act.
    let clients: [GrantRecord]
    let now: Int64
    let mcp: Entry
    /// Why the last form was refused.
    let refusal: String?

    /// How a client comes in.
    enum Entry {
        /// It asks the person to log in (OAuth).
        case login
        /// It needs a token of the operator's.
        case token
    }

    /// The view; its forms lead to the pages at `address`.
    func html(at address: WebAddress) -> HTML {
        let note: HTML = refusal.map { "<p class=\"note\" role=\"alert\">\($0)</p>" } ?? ""
        return """
            \(note)<div class="head"><h1>\(visitor.person.name)</h1>
            <p>What you have here, and the lines that connect a client.</p></div>
            <div class="me">
            <div>
            \(ownPasskeys(address))
            \(pageSessions(address))
            </div>
            <div>
            \(rights)
            \(connected(address))
            \(connecting(address.url("mcp")))
            </div>
            </div>
            """
    }

    private func form(_ path: String, _ address: WebAddress, _ inside: HTML) -> HTML {
        """
        <form method="post" action="\(address.path)/\(path)">\
        <input type="hidden" name="token" value="\(visitor.formToken)">\(inside)</form>
        """
    }

    private func ownPasskeys(_ address: WebAddress) -> HTML {
        let rows = passkeys.map { passkey -> HTML in
            let used: HTML =
                passkey.lastUsed.map { "used \(HTML.moment($0, now: now))" } ?? "not used yet"
            let place =
                passkey.isBackedUp
                ? "on every device of its account" : "on one device"
            let id: HTML = "<input type=\"hidden\" name=\"id\" value=\"\(passkey.text)\">"
            let rename = form(
                "passkeys/rename", address,
                """
                \(id)<input name="name" value="\(passkey.name)" aria-label="New name" required \
                maxlength="\(PasskeyRecord.nameLimit)"><button>Rename</button>
                """)
            let remove: HTML =
                passkeys.count == 1
                ? ""
                : """
                <details><summary>Remove…</summary>\(form(
                    "passkeys/remove", address,
                    """
                    \(id)<p>It opens this relay no more, and what is logged in by it is logged out, \
                    but for this page.</p><button class="danger">Remove this passkey</button>
                    """))</details>
                """
            return """
                <li><b>\(passkey.name)</b>
                <small>made \(HTML.moment(passkey.created, now: now)), \(used), \(place)</small>
                <details><summary>Rename…</summary>\(rename)</details>
                \(remove)</li>

                """
        }
        return """
            <section class="section"><h2>Passkeys</h2>
            <p>Have two: who loses the only one needs a new link from the operator.</p>
            <ul class="list card">
            \(rows)<li><span class="bad" id="said" role="alert" hidden></span>
            <span class="acts"><button id="add" data-token="\(visitor.formToken)" disabled>Add a \
            passkey</button></span></li>
            </ul></section>
            """
    }

    private func pageSessions(_ address: WebAddress) -> HTML {
        let rows = sessions.map { session -> HTML in
            let isThis = session.id == visitor.session
            let mark: HTML = isThis ? " <span class=\"you\">this page</span>" : ""
            let id: HTML = "<input type=\"hidden\" name=\"id\" value=\"\(session.id)\">"
            let end =
                isThis
                ? form("logout", address, "<button>Log out</button>")
                : form("sessions/end", address, "\(id)<button>End</button>")
            return """
                <li><b>\(session.browser)\(mark)</b>
                <small>from \(session.peer), logged in \(HTML.moment(session.created, now: now)), \
                last used \(HTML.moment(session.lastUsed, now: now))</small>
                <span class="acts">\(end)</span></li>

                """
        }
        return """
            <section class="section"><h2>Where you are logged in</h2>
            <ul class="list card">
            \(rows)</ul></section>
            """
    }

    private var rights: HTML {
        let words: [HTML] = Scope.allCases.filter(visitor.person.scopes.contains).map {
            "<li><span>\($0.words)</span> <code class=\"muted\">\($0.rawValue)</code></li>\n"
        }
        let none: HTML = words.isEmpty ? "<li class=\"none\">Nothing yet.</li>" : ""
        return """
            <section class="section"><h2>What you, and clients in your name, may do</h2>
            <ul class="list card">
            \(words)\(none)<li><span>at these agents and targets</span> \
            <code>\(visitor.person.pattern.description)</code></li>
            </ul></section>
            """
    }

    private func connected(_ address: WebAddress) -> HTML {
        guard !clients.isEmpty else { return "" }
        let rows = clients.map { grant -> HTML in
            let id: HTML = "<input type=\"hidden\" name=\"id\" value=\"\(grant.id)\">"
            let used: HTML =
                grant.lastUsed.map { "used \(HTML.moment($0, now: now))" } ?? "not used yet"
            return """
                <li><b>\(grant.clientName)</b>
                <small>connected \(HTML.moment(grant.created, now: now)), \(used): \
                \(Scope.text(grant.scopes)) at \(grant.pattern.description)</small>
                <span class="acts">\(form("clients/end", address, "\(id)<button>End</button>"))\
                </span></li>

                """
        }
        return """
            <section class="section"><h2>Connected clients</h2>
            <p>Programs that you have let act in your name.</p>
            <ul class="list card">
            \(rows)</ul></section>
            """
    }

    private func connecting(_ mcp: String) -> HTML {
        let plain = "claude mcp add --transport http homeline \(mcp)"
        let (line, advice): (String, HTML) =
            switch self.mcp {
            case .login: (plain, "<p>It asks you to log in here, and what it may do.</p>")
            case .token:
                (
                    plain + " --header \"Authorization: Bearer TOKEN\"",
                    "<p>The operator makes the token: <code>homeline-relay tokens create NAME</code>.</p>"
                )
            }
        return """
            <section class="section"><h2>Connect a client</h2>
            \(advice)
            <div class="card pad">
            <div><span class="label">The relay's URL, for any client</span>\(copy(mcp))</div>
            <div><span class="label">Claude Code</span>\(copy(line))</div>
            </div></section>
            """
    }

    private func copy(_ line: String) -> HTML {
        """
        <div class="copy"><code>\(line)</code>\
        <button type="button" data-copy="\(line)" hidden>Copy</button></div>
        """
    }
}
