// What the first 37 bytes of an authenticator's data say (WebAuthn §6.1): the site's hash, flags,
// the counter. Pure. libfido2 reads the rest, which is CBOR.

internal import Crypto

/// The flags of an authenticator's data.
struct AuthenticatorFlags {
    /// The longest authenticator's data in bytes: an RSA key, the longest id, and extensions.
    static let limit = 8 << 10

    private static let userPresent: UInt8 = 0x01
    private static let userVerified: UInt8 = 0x04
    private static let backedUp: UInt8 = 0x10

    private let flags: UInt8

    /// Checks that the data is for `site`, and that the authenticator has verified its user.
    init(_ data: [UInt8], for site: RelyingParty) throws(PasskeyError) {
        guard (37...Self.limit).contains(data.count) else { throw .authenticatorDataMalformed }
        guard ConstantTime.equal(Array(data[..<32]), site.hash) else { throw .wrongSite }
        flags = data[32]
        guard flags & Self.userPresent != 0 else { throw .absent }
        guard flags & Self.userVerified != 0 else { throw .unverified }
    }

    /// Whether the passkey is kept elsewhere as well: in the cloud of a system or password manager.
    var isBackedUp: Bool { flags & Self.backedUp != 0 }
}
