// Why the agent is not connected to its relay.
import Configuration
import HTTP
import Net
import Wire

/// Why a connection to the relay was not made or ended.
enum UplinkError: Error, Equatable, CustomStringConvertible {
    /// The network or TLS failed.
    case net(NetError)
    /// The web server in front of the relay was not reached over TLS.
    case webServer(NetError)
    /// It opened no WebSocket.
    case webSocket(WebSocketError)
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
    /// None of several addresses serves: why, for each that was dialled.
    case several([DialFailure])

    var description: String {
        switch self {
        case .net(let error): error.description + Self.advice(error)
        case .webServer(let error):
            "the web server in front of the relay: \(error)"
                + (Self.webAdvice(error).map { "; \($0)" } ?? "")
        case .webSocket(let error): "\(error): \(WebServerPassage.advice(error))"
        case .refused(let refusal):
            "the relay refused: \(refusal.message)" + (refusal.advice.map { "; \($0)" } ?? "")
        case .timedOut: "the relay did not answer the hello in time"
        case .ended(let reason), .wayOut(let reason): reason
        case .badAddress(let text):
            "\"\(text)\" is not a relay address, which looks like tls://HOST:PORT or"
                + " wss://HOST/tunnel"
        case .identity(let reason): reason
        case .several(let failures): failures.map(\.description).joined(separator: "; ")
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
            .notTLS, .badWebSocket, .tls, .proxy, .cannotListen, .badCredentials:
            ""
        }
    }

    /// What to do where TLS with the web server fails; the relay's key is not its affair.
    static func webAdvice(_ error: NetError) -> String? {
        switch error {
        case .untrusted:
            "if its certificate, or that of a proxy on the way that opens TLS, is of an authority"
                + " of your own, name that with RelayCA in agent.conf"
        case .tls(let reason) where reason.contains("application protocol"):
            "it speaks HTTP/2 alone: let it speak HTTP/1.1, too"
        case .tls(let reason) where reason.contains("protocol version"):
            "it has neither TLS 1.2 nor 1.3"
        case .nameNotFound, .nameLookupFailed, .refused, .unreachable, .timedOut, .closed, .silent,
            .notTLS, .badWebSocket, .tls, .wrongPin, .proxy, .cannotListen, .badCredentials:
            nil
        }
    }

    /// When another dial can succeed.
    var outlook: Refusal.Outlook {
        switch self {
        case .refused(let refusal): refusal.outlook
        case .badAddress, .identity: .never
        case .several(let failures): deciding(failures)?.outlook ?? .soon
        case .net, .webServer, .webSocket, .timedOut, .ended, .wayOut: .soon
        }
    }

    /// Whether trying again without a change cannot succeed.
    var isFinal: Bool { outlook == .never }

    /// The failure that stands for those of several addresses: what the relay knows of this agent
    /// (every address would say so), or else the one that may end the soonest.
    private func deciding(_ failures: [DialFailure]) -> UplinkError? {
        let errors = failures.map(\.error)
        return errors.first(where: \.isOfThisAgent) ?? errors.first { $0.outlook == .soon }
            ?? errors.first { $0.outlook == .seldom } ?? errors.first
    }

    /// Whether the relay has recognised this agent, and refuses it for good.
    private var isOfThisAgent: Bool {
        if case .refused(let refusal) = self { refusal.isFinal } else { false }
    }

    /// The exit code of a program that ends for this reason.
    var exitCode: Int32 {
        switch self {
        case .refused(let refusal):
            refusal.isFinal ? ExitCode.noPermission : ExitCode.unavailable
        case .badAddress: ExitCode.data
        case .identity, .wayOut: ExitCode.configuration
        case .several(let failures): deciding(failures)?.exitCode ?? ExitCode.unavailable
        case .net, .webServer, .webSocket, .timedOut, .ended: ExitCode.unavailable
        }
    }
}

extension Refusal {
    /// What a person must do before another dial can succeed; nil: nothing, or it is too late.
    var advice: String? {
        switch reason {
        case .unknown:
            "if the relay was restored from a backup, run homeline-relay invite --rejoin NAME there"
                + " (without --rejoin if it has no such agent); here stop the agent, run"
                + " homeline-agent join with that invitation, and start the agent again"
        case .signature:
            "if a proxy on the way opens TLS, have it pass connections to the relay unopened"
        case .invitation, .revoked, .superseded, .duplicate, .version, .unavailable: nil
        }
    }
}
