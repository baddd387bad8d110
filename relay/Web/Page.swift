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
    /// Where forms may lead beside this relay (`form-action`): a client's callback is an address of
    /// another site, and some browsers check the redirect that follows a form as well.
    var formTargets: [String] = []

    /// Sends it.
    @IO func send(
        _ responder: HTTPResponder, at address: WebAddress, headers more: HTTPHeaders = [:]
    ) {
        var headers = Self.headers(more)
        headers["Content-Type"] = "text/html; charset=utf-8"
        headers["Content-Security-Policy"] = policy
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
        headers["Referrer-Policy"] = "no-referrer"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        return headers
    }

    private var policy: String {
        let forms = (["'self'"] + formTargets).joined(separator: " ")
        return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
            + " connect-src 'self'; form-action \(forms); base-uri 'none'; frame-ancestors 'none'"
    }

    private func html(at address: WebAddress) -> HTML {
        let links: [HTML] = scripts.map { name in
            "<script type=\"module\" src=\"\(address.path)/web/\(name)\"></script>\n"
        }
        let who: HTML = person.map { "<span class=\"who\">\($0)</span>" } ?? ""
        return """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <title>\(title) · Homeline</title>
            <link rel="stylesheet" href="\(address.path)/web/style.css">
            \(links)</head>
            <body>
            <header class="top"><strong>Homeline</strong>\(who)</header>
            <main>
            \(body)
            </main>
            </body>
            </html>

            """
    }
}
