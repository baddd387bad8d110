// Who may reach the endpoint: the checks of Origin and Host that keep out web pages and DNS
// rebinding. Invariant: they come first, before authentication and before the body is read.
import HTTP
import Loop

/// Which origins and hosts an endpoint accepts.
public struct HTTPAccess: Sendable {
    /// Whether the listener is bound to a loopback address: foreign hosts are refused then, and
    /// pages served from loopback are accepted.
    public var isLoopback: Bool
    /// Origins of web pages that may call, such as `https://app.example`.
    public var allowedOrigins: Set<String>
    /// Further accepted `Host` names, without port; if there are any, a public listener refuses all
    /// others, too.
    public var allowedHosts: Set<String>
    /// What the operator can do about a refusal.
    public var advice: Advice?

    /// Access rules; names are compared without case.
    public init(
        isLoopback: Bool, allowedOrigins: Set<String> = [], allowedHosts: Set<String> = [],
        advice: Advice? = nil
    ) {
        self.isLoopback = isLoopback
        self.allowedOrigins = Set(allowedOrigins.map { $0.lowercased() })
        self.allowedHosts = Set(allowedHosts.map { Self.canonical($0.lowercased()) })
        self.advice = advice
    }

    /// What to do about a refused name, each as the end of a sentence.
    public struct Advice: Sendable {
        /// About a host name that is not served.
        public var host: String
        /// About an origin that is not allowed.
        public var origin: String

        /// One advice for each of the two.
        public init(host: String, origin: String) {
            self.host = host
            self.origin = origin
        }
    }

    /// Whether a host is this machine itself: its name, or one of its loopback addresses.
    ///
    /// DNS rebinding cannot make the host of a page one of these.
    private static func isLoopback(_ host: String) -> Bool {
        host == "localhost" || address(host)?.isLoopback == true
    }

    /// The IP address that a URL's host is.
    private static func address(_ host: String) -> SocketAddress? {
        guard host.hasPrefix("[") else {
            return SocketAddress(ip: host, port: 0).flatMap { $0.isIPv6 ? nil : $0 }
        }
        return SocketAddress(ip: String(host.dropFirst().dropLast()), port: 0)
            .flatMap { $0.isIPv6 ? $0 : nil }
    }

    /// One spelling for each host: IPv6 addresses as the system writes them, names without the dot
    /// of the root.
    private static func canonical(_ host: String) -> String {
        if host.hasPrefix("[") { return address(host).map { "[\($0.host)]" } ?? host }
        return host.hasSuffix(".") ? String(host.dropLast()) : host
    }

    enum Verdict: Equatable {
        case open
        /// A page of this origin, which needs CORS headers to read the reply.
        case page(String)
        case foreignOrigin
        case foreignHost
    }

    func verdict(_ request: HTTPRequest) -> Verdict {
        guard acceptsHost(request.header("host") ?? ""),
            request.targetAuthority.map(acceptsHost) ?? true
        else { return .foreignHost }
        guard let origin = request.header("origin") else { return .open }
        let name = origin.lowercased()
        if allowedOrigins.contains(name) { return .page(origin) }
        guard isLoopback, let scheme = name.firstIndex(of: ":") else { return .foreignOrigin }
        let rest = name[scheme...]
        guard ["http", "https"].contains(name[..<scheme]), rest.hasPrefix("://"),
            let host = Self.host(String(rest.dropFirst(3))), Self.isLoopback(host)
        else { return .foreignOrigin }
        return .page(origin)
    }

    private func acceptsHost(_ authority: String) -> Bool {
        guard isLoopback || !allowedHosts.isEmpty else { return true }
        guard let host = Self.host(authority.lowercased()) else { return false }
        return allowedHosts.contains(host) || (isLoopback && Self.isLoopback(host))
    }

    /// The host of `HOST` or `HOST:PORT`; nil for anything else, such as user information or text
    /// behind a bracket.
    private static func host(_ authority: String) -> String? {
        let end: String.Index
        if authority.hasPrefix("[") {
            guard let bracket = authority.firstIndex(of: "]") else { return nil }
            end = authority.index(after: bracket)
        } else {
            end = authority.firstIndex(of: ":") ?? authority.endIndex
        }
        let (host, port) = (authority[..<end], authority[end...])
        let isPort =
            port.isEmpty
            || port.first == ":" && port.dropFirst().utf8.allSatisfy { $0 >= 48 && $0 <= 57 }
        return isPort && !host.isEmpty && !host.contains("@") ? canonical(String(host)) : nil
    }
}

extension HTTPAccess {
    /// Why a host name is refused, and what to do.
    func refusal(ofHost request: HTTPRequest) -> String {
        let name = request.targetAuthority ?? request.header("host") ?? ""
        return "this host name, \(quoted(name)), is not served here"
            + (advice.map { ": \($0.host)" } ?? "")
    }

    /// Why an origin is refused, and what to do.
    func refusal(ofOrigin request: HTTPRequest) -> String {
        let name = request.header("origin") ?? ""
        return "this origin, \(quoted(name)), is not allowed"
            + (advice.map { ": \($0.origin)" } ?? "")
    }
}

extension HTTPAccess.Verdict {
    /// The headers every reply to this origin carries.
    var headers: HTTPHeaders {
        guard case .page(let origin) = self else { return [:] }
        return [
            "Access-Control-Allow-Origin": origin, "Vary": "Origin",
            "Access-Control-Expose-Headers":
                "WWW-Authenticate, Mcp-Session-Id, MCP-Protocol-Version",
        ]
    }

    /// The reply to a preflight request, which names the headers that it is about to send.
    func preflight(_ request: HTTPRequest) -> HTTPHeaders {
        var headers = headers
        headers["Access-Control-Allow-Methods"] = "POST, GET, DELETE"
        headers["Access-Control-Allow-Headers"] =
            "Authorization, Content-Type, Accept, MCP-Protocol-Version, Mcp-Method, Mcp-Name, "
            + "Mcp-Session-Id, Last-Event-ID" + Self.parameters(request)
        headers["Access-Control-Max-Age"] = "600"
        return headers
    }

    /// The headers for arguments of tools, whose names are the tools' own.
    private static func parameters(_ request: HTTPRequest) -> String {
        let asked = request.header("Access-Control-Request-Headers") ?? ""
        let names = asked.split { $0 == "," || $0 == " " || $0 == "\t" }
        return names.filter { $0.lowercased().hasPrefix("mcp-param-") }.map { ", \($0)" }.joined()
    }
}

/// How a client gets a token with more scopes: it asks the person again (RFC 9470, RFC 9728).
public struct StepUp: Sendable {
    /// The URL of the protected resource's metadata.
    public let metadata: String
    /// The scopes that the token has: the client asks for them again, beside what is missing.
    public let scopes: [String]

    /// The way to a token with more scopes than these.
    public init(metadata: String, scopes: [String]) {
        (self.metadata, self.scopes) = (metadata, scopes)
    }

    /// The scopes to ask for when `missing`, words with spaces between them, is needed as well.
    func scopes(with missing: String) -> String {
        let more = missing.split(separator: " ").map(String.init).filter { !scopes.contains($0) }
        return (scopes + more).joined(separator: " ")
    }
}

/// The result of the host's authentication of a request.
public enum Authentication: Sendable {
    /// The request comes from this principal; nil for a token that cannot be stepped up.
    case principal(Principal, StepUp?)
    /// The caller is unknown: 401 with this `WWW-Authenticate`.
    case challenge(String)
    /// Refused with another status, in one plain line.
    case refused(status: Int, String)
}
