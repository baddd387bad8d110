// What the log says of clients that do not get through the MCP port's TLS, or speak it where there
// is none: the scheme of a URL is wrong, or the client does not trust the certificate.
// Invariant: each kind has a few lines a minute; the rest is counted and reported as a total.
import Configuration
import Loop
import Net

/// The lines in the log about clients that are not understood at the MCP port.
@IO final class DoorLog {
    /// The relay's own.
    static let shared = DoorLog { Process.log($0) }

    /// Lines a minute of one kind: they show what is happening; more would only repeat it.
    nonisolated static let lines = 3

    private enum Trouble { case plain, encrypted, handshake }

    private let log: PacedLog<Trouble>

    init(_ write: @escaping @IO (String) -> Void) {
        log = PacedLog(lines: Self.lines, write: write) { trouble, count in
            let what =
                switch trouble {
                case .plain: "plain HTTP, though it has TLS"
                case .encrypted: "TLS, though it has none"
                case .handshake: "TLS failed"
                }
            return "the MCP port: \(count) more connections in the last minute: \(what)"
        }
    }

    /// A connection ended before its TLS was there.
    func note(_ error: NetError, from peer: String) {
        switch error {
        case .notTLS(isHTTP: true):
            log.note(
                .plain,
                "\(peer) sent plain HTTP to the MCP port, which has TLS: its URL must begin with "
                    + "https://")
        case .notTLS(isHTTP: false), .tls:
            log.note(.handshake, "an MCP client at \(peer): \(error)")
        case .nameNotFound, .nameLookupFailed, .refused, .unreachable, .timedOut, .closed, .silent,
            .wrongPin, .untrusted, .proxy, .cannotListen, .badWebSocket, .badCredentials:
            // It left, or sent nothing: a port scan, or a health check.
            break
        }
    }

    /// A client began with TLS where there is none.
    func noteTLS(from peer: String) {
        log.note(
            .encrypted,
            "\(peer) sent TLS to the MCP port, which has none: its URL must begin with http://, or "
                + "start the relay with \(Settings.certificate.flag)")
    }

    /// Writes the totals that are due.
    func close() { log.close() }
}
