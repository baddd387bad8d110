// Short answers to the pages' scripts and to forms that were refused. Invariant: they have the
// headers of every page.
import HTTP
import JSON
import Loop

extension Page {
    /// Answers a script of a page.
    @IO static func send(
        _ json: JSON, status: Int = 200, _ responder: HTTPResponder, headers more: HTTPHeaders = [:]
    ) {
        var headers = headers(more)
        headers["Content-Type"] = "application/json"
        responder.send(status: status, headers: headers, body: json.encoded())
    }

    /// There is no such page.
    @IO static func absent(_ responder: HTTPResponder) {
        responder.send(status: 404, text: "there is no such page", headers: headers([:]))
    }

    /// Tells a script of a page why not.
    @IO static func refuse(_ sentence: String, status: Int = 403, _ responder: HTTPResponder) {
        send(["error": .string(sentence)], status: status, responder)
    }

    /// A page that says one thing.
    static func saying(
        _ title: String, _ sentence: String, status: Int = 200, person: String? = nil
    ) -> Page {
        Page(
            title: title, person: person,
            body: """
                <div class="narrow"><h1>\(title)</h1>
                <p>\(sentence)</p></div>
                """, status: status)
    }
}

extension Page {
    /// The answer to a form that no page of the relay has sent, or an old one.
    static var foreign: Page {
        .saying(
            "Not done",
            "This form was not sent by a page of this relay that is open now, so nothing was"
                + " changed. Go back, reload the page (log in again if it asks), and try again.",
            status: 403)
    }
}
