// What the network says when a server is dialled, as SSH's own causes.
internal import Loop
internal import Net

extension SSHError {
    /// Why `address` could not be connected to within the limit.
    init(_ error: NetError, address: String, limit: Duration) {
        switch error {
        case .nameNotFound(let host): self = .nameNotFound(host: host)
        case .nameLookupFailed(let host, let reason):
            self = .nameLookupFailed(host: host, reason: reason)
        case .refused(let address): self = .connectionRefused(address: address)
        case .unreachable(let address, let reason):
            self = .unreachable(address: address, reason: reason)
        case .timedOut: self = .connectTimedOut(address: address, limit: limit)
        case .closed, .silent, .tls, .wrongPin, .cannotListen, .badCredentials:
            self = .local(reason: error.description)
        }
    }
}
