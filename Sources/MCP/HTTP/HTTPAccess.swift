// Who may reach the endpoint: the checks of Origin and Host that keep out web pages and DNS
// rebinding. Invariant: they come first, before authentication and before the body is read.
import HTTP

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
    /// The protected-resource metadata a 403 points at; `nil` for none.
    public var resourceMetadata: String?

    /// Access rules; names are compared without case.
    public init(
        isLoopback: Bool, allowedOrigins: Set<String> = [], allowedHosts: Set<String> = [],
        resourceMetadata: String? = nil
    ) {
        self.isLoopback = isLoopback
        self.allowedOrigins = Set(allowedOrigins.map { $0.lowercased() })
        self.allowedHosts = Set(allowedHosts.map { $0.lowercased() })
        self.resourceMetadata = resourceMetadata
    }

    private static let loopbackHosts: Set<String> = ["localhost", "127.0.0.1", "[::1]"]

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
            let host = Self.host(String(rest.dropFirst(3))), Self.loopbackHosts.contains(host)
        else { return .foreignOrigin }
        return .page(origin)
    }

    private func acceptsHost(_ authority: String) -> Bool {
        guard isLoopback || !allowedHosts.isEmpty else { return true }
        guard let host = Self.host(authority.lowercased()) else { return false }
        return allowedHosts.contains(host) || (isLoopback && Self.loopbackHosts.contains(host))
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
        return isPort && !host.contains("@") ? String(host) : nil
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

    /// The reply to a preflight request.
    var preflight: HTTPHeaders {
        var headers = headers
        headers["Access-Control-Allow-Methods"] = "POST, GET, DELETE"
        headers["Access-Control-Allow-Headers"] =
            "Authorization, Content-Type, Accept, MCP-Protocol-Version, Mcp-Method, Mcp-Name, "
            + "Mcp-Session-Id, Last-Event-ID"
        headers["Access-Control-Max-Age"] = "600"
        return headers
    }
}

/// The result of the host's authentication of a request.
public enum Authentication: Sendable {
    /// The request comes from this principal.
    case principal(Principal)
    /// The caller is unknown: 401 with this `WWW-Authenticate`.
    case challenge(String)
    /// Refused with another status, in one plain line.
    case refused(status: Int, String)
}
