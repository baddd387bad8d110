// Which requests come from a program of this machine itself: with `--allow-loopback-without-token`
// these need no token. Pure.
// Invariant: a web page is not such a program, nor what a proxy forwards that reports itself.
import HTTP
import Loop

/// A client on this machine.
enum LocalClient {
    /// Headers by which a proxy reports the client it forwards for (RFC 7239, RFC 9110 §7.6.3, and
    /// those in use before).
    private static let forwarding = [
        "forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto",
        "x-forwarded-server", "x-real-ip", "cf-connecting-ip", "true-client-ip",
    ]

    /// Whether the request comes from this machine, and from no web page but those of allowed
    /// origins.
    ///
    /// A proxy that reports itself does not count as this machine; one that does not (`ssh -L`, a
    /// proxy with its defaults) cannot be told from a program of this machine. Over TLS nobody
    /// counts: a proxy that passes TLS on cannot report itself.
    static func isOne(_ request: HTTPRequest, allowedOrigins: Set<String>) -> Bool {
        guard request.peerAddress?.isLoopback == true, !request.isEncrypted,
            !forwarding.contains(where: { request.header($0) != nil })
        else { return false }
        if let origin = request.header("origin") {
            return allowedOrigins.contains { $0.lowercased() == origin.lowercased() }
        }
        // Browsers send it (Fetch Metadata); "none" is a person's own navigation.
        return ["same-origin", "none", nil].contains(request.header("sec-fetch-site"))
    }
}
