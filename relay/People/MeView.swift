// What `/` shows, as HTML. Pure. Flow: MePage → here → Page. Invariant: each form carries the
// token of the session that it is shown in.
import Loop
import Wire

/// The view of a person's own things.
struct MeView {
    let visitor: Visitor
    let passkeys: [PasskeyRecord]
    let sessions: [PageSessionRecord]
    let now: Int64
    /// The URL of the MCP endpoint.
    let mcp: String
    /// Why the last form was refused.
    let refusal: String?

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
            \(connecting)
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

    private var connecting: HTML {
        let line = "claude mcp add --transport http homeline \(mcp)"
        return """
            <section class="section"><h2>Connect a client</h2>
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
