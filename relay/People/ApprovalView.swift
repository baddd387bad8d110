// A question of an agent as a person sees it, and what came of it. Pure. Flow: ApprovalPages → here
// → Page. Invariant: what will be done is shown exactly (`VisibleText`), apart from what the model
// says of it; granting and denying are two forms, so that no key of one does the other.
import Loop
import Wire

/// The view of one question.
struct ApprovalView {
    let approval: Approval
    let state: Approval.State
    let now: Int64
    let formToken: String
    /// Why the last answer was not taken.
    var refusal: String?

    private var question: Question { approval.question }

    /// In one line, for a list and the head of the page.
    var title: String {
        switch question.matter {
        case .hostKey: "Is this the right host?"
        case .secret(_, let program, _):
            program == "login" ? "A login asks for a secret" : "A program asks for a secret"
        case .policy: "May this be done?"
        }
    }

    /// What became of it, in words.
    var outcome: String {
        let by = approval.answeredBy.map { " by \($0)" } ?? ""
        return switch state {
        case .waiting: "waits for you"
        case .granted(let isPin):
            "allowed\(by)\(isPin ? ", and the key will be remembered" : ""): the call goes on when "
                + "the client makes it again"
        case .denied: "denied\(by)"
        case .expired: "expired: nobody has answered in time, so nothing was done"
        case .used:
            question.kind == .secret
                ? "answered\(by): the secret was passed on" : "allowed\(by), and done"
        }
    }

    /// The whole view; its forms lead to the page at `path`.
    func html(at path: String) -> HTML {
        let note: HTML = refusal.map { "<p class=\"note\" role=\"alert\">\($0)</p>" } ?? ""
        let isWaiting = state == .waiting
        let left: HTML =
            isWaiting
            ? """
            <p class="left">Expires <span data-expires="\(approval.expires - now)">\
            \(HTML.words(approval.expires - now))</span>: then nothing is done</p>
            """
            : "<p class=\"left\"><b>\(outcome)</b></p>"
        return """
            \(note)<article class="ask card">
            <header><h1>\(title)</h1><p>\(VisibleText(approval.target).html)</p>\(left)</header>
            <div class="body">
            \(matter)
            \(reason)
            <dl class="kv">\(facts)</dl>
            </div>
            \(isWaiting ? decisions(path) : "")
            </article>
            """
    }

    // MARK: What is asked

    private var hidesSomething: Bool {
        guard case .policy(_, _, let text) = question.matter else { return false }
        return VisibleText(text).hidesSomething
    }

    private var matter: HTML {
        switch question.matter {
        case .hostKey(let type, let fingerprint):
            return """
                <div><span class="label">The key that the host has shown; none is known for \
                it</span><div class="fingerprint">\(VisibleText(type).html) \
                \(VisibleText(fingerprint).html)</div></div>
                <p>Compare it with the one that the host itself has: <code>cat \
                /etc/ssh/ssh_host_*_key.pub | ssh-keygen -lf -</code> on its console, or ask whoever runs it. If it \
                differs, somebody may stand between the agent and the host.</p>
                """
        case .secret(let name, let program, let prompt):
            return """
                <div><span class="label">\(VisibleText(program).html) asks, exactly</span>\
                <div class="exact">\(VisibleText(prompt).html)</div></div>
                <p>What you enter goes to this program on this host alone, if it still asks at the \
                same prompt (the secret <code>\(VisibleText(name).html)</code>). It is not stored, \
                not logged, and not shown to the model.</p>
                """
        case .policy(_, let tool, let text):
            let shown = VisibleText(text)
            let warning: HTML =
                shown.hidesSomething
                ? """
                <p class="bad"><b>This holds hidden characters.</b> They could make part of it \
                invisible in a terminal. They are in red boxes here.</p>
                """ : ""
            return """
                <div><span class="label">What will be done, exactly \
                (\(VisibleText(tool).html))</span><div class="exact">\(shown.html)</div></div>
                \(warning)
                """
        }
    }

    /// The most characters of a command in a list: enough to tell two apart.
    private static let lineLimit = 80

    /// What would be done, in short, before the host in a list; empty where the title says it.
    var matterLine: HTML {
        guard case .policy(_, let tool, let text) = question.matter else { return "" }
        let line = text.prefix { $0 != "\n" }.prefix(Self.lineLimit)
        let rest = line.count < text.count ? "…" : ""
        return
            "<code>\(VisibleText(tool).html): \(VisibleText(String(line)).html)\(rest)</code> on "
    }

    private var reason: HTML {
        guard let reason = approval.asker.reason, !reason.isEmpty else { return "" }
        return """
            <div><span class="label">Why, in the model's words; nobody has checked them</span>
            <blockquote class="words">\(VisibleText(reason).html)</blockquote></div>
            """
    }

    private var facts: [HTML] {
        var facts: [(String, HTML)] = []
        if let place = question.place {
            facts.append(
                ("Where", VisibleText("\(place.user)@\(place.host), port \(place.port)").html))
        }
        facts.append(("Agent", VisibleText(approval.origin.name).html))
        if let session = question.session { facts.append(("Session", VisibleText(session).html)) }
        if case .policy(let rule, _, _) = question.matter {
            facts.append(("Rule", VisibleText(rule).html))
        }
        let client: HTML =
            approval.asker.client.map { ", through \(VisibleText($0).html)" } ?? ""
        facts.append(("Who asks", "\(VisibleText(approval.asker.label).html)\(client)"))
        facts.append(("Asked", HTML.moment(approval.created, now: now)))
        return facts.map { "<dt>\($0)</dt><dd>\($1)</dd>" }
    }

    // MARK: Answers

    private func decisions(_ path: String) -> HTML {
        let grant: HTML =
            switch question.kind {
            case .hostKey:
                form(
                    path,
                    """
                    <button class="primary big" name="decision" value="once">Only this time\
                    </button> <button class="big" name="decision" value="pin">Trust and remember it\
                    </button>
                    """)
            case .policy:
                form(
                    path,
                    hidesSomething
                        ? """
                        <button class="danger big" name="decision" value="once">Do it anyway\
                        </button>
                        """
                        : """
                        <button class="primary big" name="decision" value="once">Allow once\
                        </button>
                        """)
            case .secret:
                form(
                    path,
                    """
                    <label class="secret"><span class="label">The secret</span>\
                    <input type="password" name="secret" required maxlength="\(Grant.secretBytes)" \
                    autocomplete="off" autocapitalize="off" spellcheck="false" \
                    data-1p-ignore data-lpignore="true"></label> \
                    <button class="primary big" name="decision" value="secret">Give it</button>
                    """)
            }
        let deny = form(
            path, "<button class=\"big\" name=\"decision\" value=\"deny\">Deny</button>")
        return "<div class=\"decide\">\(grant)<div class=\"deny\">\(deny)</div></div>"
    }

    private func form(_ path: String, _ inside: HTML) -> HTML {
        """
        <form method="post" action="\(path)" autocomplete="off">\
        <input type="hidden" name="token" value="\(formToken)">\(inside)</form>
        """
    }
}
