// The certificate of the MCP port: read from its files at the start and again on SIGHUP, as tools
// that renew certificates replace the files and send that. Invariant: files that cannot be used
// change nothing; connections that are open keep the certificate they began with.
import Configuration
import Crypto
import Loop
import Net

/// What `--tls-certificate` and `--tls-key` name.
@IO final class ServerCertificate {
    /// What new connections are served with.
    private(set) var context: TLSContext
    private let certificate: String
    private let key: String

    /// The certificate that the options name; nil: they name none.
    static func named(by options: Options) throws -> ServerCertificate? {
        guard let certificate = options.string(Settings.certificate) else {
            guard let key = options.string(Settings.key) else { return nil }
            throw ConfigurationError.badValue(
                place: Settings.key.flag, value: key,
                expected: "the certificate, too: give \(Settings.certificate.flag)")
        }
        return try ServerCertificate(certificate, options.string(Settings.key) ?? certificate)
    }

    private init(_ certificate: String, _ key: String) throws {
        (self.certificate, self.key) = (certificate, key)
        context = try Self.read(certificate, key)
    }

    /// Reads the files again; throws, and keeps what it has, if they cannot be used.
    func reload() throws { context = try Self.read(certificate, key) }

    private static func read(_ certificate: String, _ key: String) throws -> TLSContext {
        try TLSContext(
            serverCertificate: try SecureFile.read(certificate),
            key: try SecureFile.read(key, refusing: SecureFile.useByStrangers),
            alpn: ["http/1.1"])
    }
}
