// Why the agent is not connected to its relay.
import Net
import Wire

/// Why a connection to the relay was not made or ended.
enum UplinkError: Error, Equatable, CustomStringConvertible {
    /// The network or TLS failed.
    case net(NetError)
    /// The relay refused this agent.
    case refused(Refusal)
    /// The relay did not finish the hello in time.
    case timedOut
    /// The relay ended the connection, or said something unexpected.
    case ended(String)
    /// The address cannot be dialled.
    case badAddress(String)
    /// What is set about the way to the relay cannot be used; new settings may come by SIGHUP.
    case wayOut(String)
    /// The identity file cannot be read or written.
    case identity(String)

    var description: String {
        switch self {
        case .net(let error): error.description + Self.advice(error)
        case .refused(let refusal): "the relay refused: \(refusal.message)"
        case .timedOut: "the relay did not answer the hello in time"
        case .ended(let reason), .wayOut(let reason): reason
        case .badAddress(let text):
            "\"\(text)\" is not a relay address, which looks like tls://HOST:PORT"
        case .identity(let reason): reason
        }
    }

    /// What to do where another than the relay seems to speak.
    private static func advice(_ error: NetError) -> String {
        switch error {
        case .wrongPin:
            ": a proxy on the way opens TLS, or this is not the relay of the invitation. Have the"
                + " proxy pass connections to the relay unopened; if the relay's key was replaced"
                + " on purpose, join again"
        case .untrusted:
            "; if a proxy on the way opens TLS, have it pass connections to the relay unopened; if"
                + " the relay's certificate is of an authority of your own, name that with RelayCA"
                + " in agent.conf"
        case .nameNotFound, .nameLookupFailed, .refused, .unreachable, .timedOut, .closed, .silent,
            .notTLS, .tls, .proxy, .cannotListen, .badCredentials:
            ""
        }
    }

    /// Whether trying again without a change cannot succeed.
    var isFinal: Bool {
        switch self {
        case .refused(let refusal): refusal.isFinal
        case .badAddress, .identity: true
        default: false
        }
    }
}
