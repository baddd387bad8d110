// The site that passkeys belong to, as browsers see it (WebAuthn §4, "relying party"). Pure.

internal import Crypto

/// The site that passkeys belong to.
public struct RelyingParty: Sendable, Equatable {
    /// The name of the host, which browsers bind each passkey to.
    public let id: String
    /// Scheme, host and port of its pages, as browsers send them.
    public let origin: String
    /// What an authenticator signs in place of `id`.
    let hash: [UInt8]

    /// The site whose pages are at `origin`, under the host `id`.
    public init(id: String, origin: String) {
        (self.id, self.origin) = (id, origin)
        hash = SHA256.hash(Array(id.utf8))
    }
}
