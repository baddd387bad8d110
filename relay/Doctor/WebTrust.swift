// Whom the doctor takes for the web server at the relay's URL: one with a certificate of this
// machine's authorities, or the relay's own certificate. Part of Doctor.
import Crypto
import Diagnosis
import Loop
import Net

/// TLS with what answers at the relay's URL.
@IO final class WebTrust {
    /// The file of the relay's own certificate; nil: it has none for clients.
    private let chain: String?
    /// Whether nothing but the relay's own certificate vouches for it.
    private var isPrivate = false

    init(chain: String?) { self.chain = chain }

    /// Opens TLS as clients and agents do, and once more by the relay's own certificate if only
    /// trust is missing.
    func open(
        _ host: String, _ port: UInt16, _ patience: Duration, allowsTLS12: Bool
    ) async throws(NetError) -> TLSStream {
        func stream(_ trust: TLSContext.Trust) async throws(NetError) -> TLSStream {
            try await TLSStream.handshake(
                over: try await SocketStream.connect(host: host, port: port, deadline: patience),
                context: try TLSContext(
                    client: trust, alpn: ["http/1.1"], allowsTLS12: allowsTLS12),
                serverName: host, deadline: patience)
        }
        isPrivate = false
        do throws(NetError) { return try await stream(.authorities(extraFile: nil)) } catch {
            guard case .untrusted = error, let chain else { throw error }
            let own: TLSStream
            do throws(NetError) { own = try await stream(.authorities(extraFile: chain)) } catch {
                guard case .untrusted(let reason) = error, !reason.contains("mismatch"),
                    let pin = Self.pin(chain), let pinned = try? await stream(.pin(pin))
                else { throw error }
                // The file has the certificate without its authority's.
                own = pinned
            }
            isPrivate = true
            return own
        }
    }

    /// What a verdict becomes when nothing but the relay's own certificate vouched for the server.
    func judged(_ verdict: Check.Verdict) -> Check.Verdict {
        guard isPrivate, case .ok(let words) = verdict else { return verdict }
        return .warning(
            "\(words); the certificate is the relay's own, of an authority that this machine does "
                + "not know",
            advice:
                "clients need that authority, too; agents that dial wss:// name it with RelayCA "
                + "in agent.conf")
    }

    private static func pin(_ file: String) -> PublicKeyPin? {
        (try? SecureFile.read(file)).flatMap { try? PublicKeyPin(certificatePEM: $0) }
    }
}
