// The cookies of the pages. Pure. Flow: a request's Cookie header → a secret → PageSessions.
// Invariant: a name that comes twice with different values has none, so that a cookie that another
// site of the same domain has set never stands for ours.
import HTTP

/// A cookie of the pages.
enum PageCookie {
    /// Says who is logged in.
    ///
    /// `SameSite=Lax`, not Strict: people come to the consent page by claude.ai's redirect, and to
    /// an approval by a link in a chat. Of a Strict cookie a browser sends nothing with such a
    /// request, nor with one that the answer leads to, so they would look logged out. Of other
    /// sites' requests, Lax comes with top-level GETs alone, which change nothing here: a change is
    /// a POST with the session's token and our own Origin.
    case session
    /// Ties the two halves of a login together; only the pages' own scripts need it.
    case visit

    /// The name; over TLS with the prefix by which browsers refuse one that another host, a
    /// subdomain or plain HTTP sets (RFC 6265bis §4.1.3.2).
    func name(isSecure: Bool) -> String {
        let name =
            switch self {
            case .session: "homeline"
            case .visit: "homeline-visit"
            }
        return isSecure ? "__Host-" + name : name
    }

    /// Seconds after which a browser drops it; the relay decides by itself when a session ends.
    private var age: Int64 {
        switch self {
        case .session: PageSessionRecord.lifetime
        case .visit: Challenges.lifetime
        }
    }

    /// The header field that sets it to `secret`, or removes it (nil).
    func setting(_ secret: String?, isSecure: Bool) -> String {
        let site =
            switch self {
            case .session: "Lax"
            case .visit: "Strict"
            }
        return "\(name(isSecure: isSecure))=\(secret ?? ""); Path=/; HttpOnly; SameSite=\(site);"
            + " Max-Age=\(secret == nil ? 0 : age)" + (isSecure ? "; Secure" : "")
    }

    /// Its value in a request.
    func value(in request: HTTPRequest, isSecure: Bool) -> String? {
        let name = name(isSecure: isSecure)
        var found: Substring?
        for line in request.headers("cookie") {
            for pair in line.split(separator: ";") {
                let pair = pair.drop { $0 == " " }
                guard pair.hasPrefix(name + "=") else { continue }
                let value = pair.dropFirst(name.utf8.count + 1)
                guard found == nil || found == value else { return nil }
                found = value
            }
        }
        return found.map(String.init)
    }
}
