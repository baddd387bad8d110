// Who is logged in on a page, as the pages' handlers see it. Flow: a request's cookie →
// PageSessions → Visitor → handler. Invariant: there is none without a live session of a live
// person; a form counts only with the token of the session that it was shown in.
import HTTP
import Loop

/// A person at a page.
struct Visitor: Sendable {
    let person: Person
    /// The id of the session of the page, for the list of sessions.
    let session: String
    /// What each form of the page carries as `token`, so that no other page can send one.
    let formToken: String
}

/// Knows who is logged in.
@IO protocol Visitors: AnyObject {
    /// Who sends this request; nil: nobody who is logged in.
    func visitor(of request: HTTPRequest) -> Visitor?

    /// The form that a visitor has sent; nil if it does not come from one of the relay's own pages
    /// (token, `Origin`, `Sec-Fetch-Site`), or is not a form.
    func form(of request: HTTPRequest, from visitor: Visitor) -> FormBody?

    /// Sends the browser to the login page, which leads back to `path` of the relay afterwards.
    ///
    /// `path` is one of the relay's own, with its query and without a slash before it.
    func login(_ responder: HTTPResponder, backTo path: String)
}
