// A whole page and the answer that carries it: the frame around each view, and the headers that
// keep scripts, frames and caches of others away. Flow: a page's handler → Page → HTTPResponder.
// Invariant: no page leaves without these headers.
import HTTP
import Loop

/// A page as a browser gets it.
struct Page {
    /// The name of the page, in the browser's title.
    let title: String
    /// Who is logged in, for the head of the page; nil: nobody.
    var person: String?
    /// The view.
    let body: HTML
    var status = 200
    /// Scripts of the program that the page needs, by their names under `web/`.
    var scripts: [String] = []
    /// Which of the tabs of a person who is logged in this page is.
    var current: Tab?
    /// Whether a page of another site that has opened this one in a window of its own still has
    /// that window afterwards: some clients wait so for the end of a login.
    var keepsOpener = false

    /// A tab at the head of each page.
    enum Tab: String, CaseIterable {
        case approvals = "Approvals"
        case me = "You"

        /// The path of its page.
        fileprivate var path: String {
            switch self {
            case .approvals: "approvals"
            case .me: ""
            }
        }
    }

    /// Sends it.
    @IO func send(
        _ responder: HTTPResponder, at address: WebAddress, headers more: HTTPHeaders = [:]
    ) {
        var headers = Self.headers(more)
        headers["Content-Type"] = "text/html; charset=utf-8"
        headers["Content-Security-Policy"] = policy
        if !keepsOpener { headers["Cross-Origin-Opener-Policy"] = "same-origin" }
        responder.send(status: status, headers: headers, body: Array(html(at: address).text.utf8))
    }

    /// Sends the browser to another URL, by GET.
    @IO static func redirect(
        to url: String, _ responder: HTTPResponder, headers more: HTTPHeaders = [:]
    ) {
        var headers = Self.headers(more)
        headers["Location"] = url
        responder.send(status: 303, headers: headers)
    }

    /// The headers of every answer to a browser.
    static func headers(_ more: HTTPHeaders) -> HTTPHeaders {
        var headers = more
        if headers["Cache-Control"] == nil { headers["Cache-Control"] = "no-store" }
        headers["X-Content-Type-Options"] = "nosniff"
        headers["X-Frame-Options"] = "DENY"
        // Not "no-referrer": browsers would then send "Origin: null" with the pages' own forms,
        // and it is by the origin that these are told from others'. Other sites get nothing.
        headers["Referrer-Policy"] = "same-origin"
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        return headers
    }

    private var policy: String {
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
            + " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    }

    /// The roof and the line that leads home.
    private static let mark: HTML = """
        <svg viewBox="0 0 20 20" aria-hidden="true"><path d="M2 15h6v-6l5-4 5 4v6" fill="none" \
        stroke="currentColor" stroke-width="1.7" stroke-linejoin="round" \
        stroke-linecap="round"/><circle cx="13" cy="11" r="1.6"/></svg>
        """

    private func html(at address: WebAddress) -> HTML {
        let links: [HTML] = scripts.map { name in
            "<script type=\"module\" src=\"\(address.path)/web/\(name)\"></script>\n"
        }
        let tabs: [HTML] = Tab.allCases.map { tab in
            let mark: HTML = tab == current ? " aria-current=\"page\"" : ""
            return "<a href=\"\(address.path)/\(tab.path)\"\(mark)>\(tab.rawValue)</a>"
        }
        let who: HTML =
            person.map {
                "<nav class=\"tabs\">\(tabs)</nav><span class=\"who\">\($0)</span>"
            } ?? ""
        return """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <title>\(title) · Homeline</title>
            <link rel="icon" href="\(address.path)/web/icon.svg" type="image/svg+xml">
            <link rel="stylesheet" href="\(address.path)/web/style.css">
            \(links)</head>
            <body>
            <a class="skip" href="#main">Skip to the page</a>
            <header class="top"><a class="brand" href="\(address.path)/">\(Self.mark)homeline</a>\
            \(who)</header>
            <main id="main">
            \(body)
            </main>
            </body>
            </html>

            """
    }
}
