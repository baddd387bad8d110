// Where a client wants the browser to come back to: which addresses are taken, and when two are the
// same. Pure. Flow: a registration, a metadata document or an authorization request → here.
// Invariant: a code goes to an address that its client has named, byte for byte; only the port of a
// loopback address may differ (RFC 8252 §7.3).
import HTTP
import Loop

/// A client's redirect URI.
struct RedirectURI: Sendable, Hashable, CustomStringConvertible {
    /// What is behind it.
    enum Place: Sendable, Hashable {
        /// A web server.
        case web
        /// A program on the computer of the browser, at a port.
        case loopback
        /// A program on that computer, by a scheme of its own.
        case app
    }

    /// The longest one in bytes; the URLs of clients have some hundred.
    static let limit = 2000

    /// As it was written.
    let description: String
    let place: Place
    /// For people: the host, or what stands before a private scheme's colon.
    let shown: String
    /// What comes before the port of a loopback address, and behind it.
    private let around: [String]

    /// Reads one; nil if it is no absolute URI, has a fragment or user information, or is of a kind
    /// that no code may go to.
    init?(_ text: String) {
        guard text.utf8.count <= Self.limit, text.utf8.allSatisfy(Self.isPlain),
            let colon = text.firstIndex(of: ":")
        else { return nil }
        let scheme = String(text[..<colon])
        let rest = text[text.index(after: colon)...]
        guard Self.isScheme(scheme), !rest.isEmpty, !Self.hasAnswer(text) else { return nil }
        description = text
        if scheme == "https" || scheme == "http" {
            guard rest.hasPrefix("//"), let place = HostAndPort(rest.dropFirst(2)) else {
                return nil
            }
            guard scheme == "https" || place.isLoopback else { return nil }
            self.place = place.isLoopback ? .loopback : .web
            shown = place.host
            // No path is the path "/" (RFC 9110 §4.2.3), and programs write both.
            around = ["\(scheme)://\(place.host)", place.rest.isEmpty ? "/" : place.rest]
        } else {
            guard !Self.isForbidden(scheme) else { return nil }
            place = .app
            shown = scheme
            around = []
        }
    }

    /// Whether the query has a parameter of the answers' own: a reader could take that for theirs.
    private static func hasAnswer(_ text: String) -> Bool {
        guard let mark = text.firstIndex(of: "?") else { return false }
        return text[mark...].dropFirst().split(separator: "&").contains { pair in
            let name = pair.prefix { $0 != "=" }
            return PercentText.decode(name).map(answers.contains) ?? true
        }
    }

    private static let answers = ["code", "state", "iss", "error", "error_description"]

    /// Whether a code may go to `other` where the client has named this one.
    func admits(_ other: RedirectURI) -> Bool {
        if other.description == description { return true }
        return place == .loopback && description.hasPrefix("http://") && around == other.around
    }

    /// It with more parameters behind its query.
    func adding(_ parameters: [(String, String)]) -> String {
        let query = parameters.map { "\($0)=\(PercentText.value($1))" }.joined(separator: "&")
        guard let mark = description.firstIndex(of: "?") else { return "\(description)?\(query)" }
        let isOpen = description[mark...] == "?" || description.hasSuffix("&")
        return description + (isOpen ? "" : "&") + query
    }

    /// The parts of `HOST[:PORT][/PATH][?QUERY]`.
    private struct HostAndPort {
        let host: String
        let rest: String

        init?(_ text: Substring) {
            let end = text.firstIndex { $0 == "/" || $0 == "?" } ?? text.endIndex
            let authority = text[..<end]
            rest = String(text[end...])
            let port: Substring
            if authority.hasPrefix("[") {
                guard let bracket = authority.firstIndex(of: "]"),
                    let six = SocketAddress(ip: String(authority[..<bracket].dropFirst()), port: 0),
                    six.isIPv6
                else { return nil }
                host = String(authority[...bracket])
                port = authority[authority.index(after: bracket)...]
            } else {
                let colon = authority.firstIndex(of: ":") ?? authority.endIndex
                host = String(authority[..<colon])
                port = authority[colon...]
                guard !host.isEmpty, host.utf8.allSatisfy(Self.isNameByte) else { return nil }
            }
            guard port.isEmpty || port.first == ":" && UInt16(port.dropFirst()) ?? 0 > 0,
                port.dropFirst().utf8.allSatisfy({ $0 >= 48 && $0 <= 57 })
            else { return nil }
        }

        var isLoopback: Bool {
            if host == "localhost" { return true }
            let ip = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
            return SocketAddress(ip: ip, port: 0)?.isLoopback == true
        }

        private static func isNameByte(_ byte: UInt8) -> Bool {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
            default: false
            }
        }
    }

    /// What may stand in one: no space, quote, bracket, backslash or fragment, which readers of
    /// URLs take differently.
    private static func isPlain(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte < 0x7F && !"\"<>\\^`{|}#".utf8.contains(byte)
    }

    /// RFC 3986 §3.1, in lower case.
    private static func isScheme(_ text: String) -> Bool {
        guard let first = text.utf8.first, (0x61...0x7A).contains(first), text.utf8.count <= 64
        else { return false }
        return text.utf8.allSatisfy { byte in
            switch byte {
            case 0x61...0x7A, 0x30...0x39, 0x2B, 0x2D, 0x2E: true
            default: false
            }
        }
    }

    /// Schemes that browsers or systems give a meaning of their own: they run code, read files, or
    /// hand text to programs that no one has chosen for a login.
    private static func isForbidden(_ scheme: String) -> Bool {
        forbidden.contains(scheme)
            || ["ms-", "search-", "chrome", "moz-", "web+", "microsoft-", "shell"]
                .contains(where: scheme.hasPrefix)
    }

    private static let forbidden: Set = [
        "about", "blob", "cid", "content", "data", "dav", "davs", "facetime", "feed", "file",
        "filesystem", "ftp", "ftps", "git", "gopher", "im", "imap", "intent", "irc", "jar",
        "javascript", "ldap", "ldaps", "livescript", "mailto", "market", "mhtml", "mid", "mocha",
        "news", "nfs", "nntp", "opaquelocktoken", "pop", "res", "resource", "rtsp", "sftp", "sip",
        "sips", "sms", "smb", "ssh", "steam", "svn", "tel", "telnet", "tftp", "urn", "vbscript",
        "view-source", "vnc", "ws", "wss", "wyciwyg", "x-apple-helpbasic", "xmpp",
    ]
}
