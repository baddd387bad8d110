// Errors of connections. Reasons from libuv or OpenSSL are passed on unchanged.
internal import CUV
import Loop

/// Why a connection failed or ended.
public enum NetError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The name does not resolve; trying again will not help.
    case nameNotFound(host: String)
    /// The resolver could not answer now.
    case nameLookupFailed(host: String, reason: String)
    /// Nothing listens there.
    case refused(address: String)
    /// No route, or the network is down.
    case unreachable(address: String, reason: String)
    /// The wait for the connection or the handshake passed its deadline.
    case timedOut(what: String)
    /// The peer ended the connection, or it broke.
    case closed(reason: String)
    /// The peer connected and sent nothing.
    case silent(peer: String)
    /// The peer sent a server of TLS something else: plain HTTP, by its first byte, or not even
    /// that.
    case notTLS(isHTTP: Bool)
    /// What the peer sent breaks the rules of the WebSocket below TLS.
    case badWebSocket(reason: String)
    /// The TLS handshake failed.
    case tls(reason: String)
    /// The peer's key is not the pinned one.
    case wrongPin(expected: String, found: String)
    /// The server's certificate is not one that an authority vouches for.
    case untrusted(reason: String)
    /// A proxy, named by its URL without credentials, gave no connection.
    case proxy(String, ProxyFailure)
    /// The address cannot be listened on.
    case cannotListen(address: String, reason: String)
    /// A certificate or key cannot be used.
    case badCredentials(reason: String)

    /// One plain line.
    public var description: String {
        switch self {
        case .nameNotFound(let host): "the name \(host) does not resolve; check the spelling"
        case .nameLookupFailed(let host, let reason): "cannot look up \(host): \(reason)"
        case .refused(let address): "\(address) refused the connection; nothing listens there"
        case .unreachable(let address, let reason): "\(address) is unreachable: \(reason)"
        case .timedOut(let what): "\(what) took too long"
        case .closed(let reason): "the connection ended: \(reason)"
        case .silent(let peer): "\(peer) sent nothing"
        case .notTLS(let isHTTP):
            isHTTP ? "it sent plain HTTP to a port with TLS" : "what it sent is not TLS"
        case .badWebSocket(let reason): "its WebSocket is not as it must be: \(reason)"
        case .tls(let reason): "TLS failed: \(reason)"
        case .wrongPin(let expected, let found):
            "the peer's key \(found) is not the pinned \(expected)"
        case .untrusted(let reason):
            "the server's certificate is not trusted: \(reason)"
        case .proxy(let address, let failure): "the proxy \(address): \(failure)"
        case .cannotListen(let address, let reason): "cannot listen on \(address): \(reason)"
        case .badCredentials(let reason): "the certificate or key cannot be used: \(reason)"
        }
    }

    init(_ error: LoopError) {
        switch error {
        case .nameNotFound(let host): self = .nameNotFound(host: host)
        case .nameLookupsBusy(let host):
            self = .nameLookupFailed(host: host, reason: "too many other names are being looked up")
        case .nameLookupFailed(let host, let reason):
            self = .nameLookupFailed(host: host, reason: reason)
        default: self = .closed(reason: error.description)
        }
    }

    /// Whether the peer did speak, below TLS.
    var isOfWebSocket: Bool { if case .badWebSocket = self { true } else { false } }

    static func connect(_ address: String, _ code: Int32) -> NetError {
        switch code {
        case UV_ECONNREFUSED.rawValue: .refused(address: address)
        case UV_ETIMEDOUT.rawValue: .timedOut(what: "connecting to \(address)")
        default: .unreachable(address: address, reason: reason(code))
        }
    }

    static func reason(_ code: Int32) -> String { String(cString: uv_strerror(code)) }
}
