// Where clients and agents come in, as the settings say: read and checked once, at the start.
// Flow: Options → Entrances → RelayService listens.
import Configuration
import Loop

/// The settings of the relay's two ports.
@IO struct Entrances {
    /// How MCP clients reach the relay, if that is not the address it listens on.
    let publicURL: PublicURL?
    /// How agents reach it, if that is not the address it listens on.
    let tunnelURL: TunnelURL?
    /// The origins of pages that may call.
    let origins: Set<String>
    /// What MCP is served with; nil: plain HTTP.
    let certificate: ServerCertificate?

    /// Reads them; throws `ConfigurationError`, or what makes the certificate unusable.
    init(_ options: Options) throws {
        publicURL = try options.string(Settings.publicURL).map { try PublicURL($0) }
        tunnelURL = try options.string(Settings.tunnelURL).map { try TunnelURL($0) }
        origins = Set(try options.strings(Settings.origins).map { try WebOrigin($0).description })
        certificate = try ServerCertificate.named(by: options)
    }
}
