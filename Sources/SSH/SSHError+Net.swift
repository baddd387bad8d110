// Turns network errors on dialling into SSH errors.
internal import Loop
internal import Net

extension SSHError {
    /// The reason why connecting to `address` failed within the limit.
    init(_ error: NetError, address: String, limit: Duration) {
        switch error {
        case .nameNotFound(let host): self = .nameNotFound(host: host)
        case .nameLookupFailed(let host, let reason):
            self = .nameLookupFailed(host: host, reason: reason)
        case .refused(let address): self = .connectionRefused(address: address)
        case .unreachable(let address, let reason):
            self = .unreachable(address: address, reason: reason)
        case .timedOut: self = .connectTimedOut(address: address, limit: limit)
        case .closed, .silent, .notTLS, .tls, .wrongPin, .untrusted, .proxy, .cannotListen,
            .badWebSocket, .badCredentials:
            self = .local(reason: error.description)
        }
    }
}
