// Where clients and agents come in, as the settings say: read and checked once, at the start.
// Flow: Options → Entrances → RelayService listens.
import Configuration
import Loop

/// The settings of the relay's two ports.
@IO struct Entrances {
    /// How MCP clients reach the relay, if that is not the address it listens on.
    let publicURL: PublicURL?
    /// How agents reach it, in the order of their dials; empty: as it listens.
    let tunnelURLs: [TunnelURL]
    /// The origins of pages that may call.
    let origins: Set<String>
    /// What MCP is served with; nil: plain HTTP.
    let certificate: ServerCertificate?

    /// Reads them; throws `ConfigurationError`, or what makes the certificate unusable.
    init(_ options: Options) throws {
        publicURL = try options.string(Settings.publicURL).map { try PublicURL($0) }
        tunnelURLs = try TunnelURL.given(options)
        origins = Set(try options.strings(Settings.origins).map { try WebOrigin($0).description })
        certificate = try ServerCertificate.named(by: options)
    }

    /// The addresses that a setting names.
    static func resolve(_ setting: Setting, _ options: Options) async throws -> [SocketAddress] {
        guard let address = options.address(setting) else {
            throw StartFailure("\(setting.flag) needs HOST:PORT", ExitCode.usage)
        }
        return try await DNS.resolve(address.host, port: address.port)
    }
}

extension TunnelURL {
    /// The addresses of `--tunnel-url`, as the flag, the environment or relay.conf gives them.
    static func given(_ options: Options) throws(ConfigurationError) -> [TunnelURL] {
        let texts = options.strings(Settings.tunnelURL)
        return try list(texts.isEmpty && options.isSet(Settings.tunnelURL) ? [""] : texts)
    }
}
