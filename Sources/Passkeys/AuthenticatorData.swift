// What an authenticator signs (WebAuthn §6.1): the site's hash, flags, a counter, and perhaps a new
// key and extensions in CBOR, which libfido2 reads. Pure. Flow: the browser's bytes → here →
// libfido2. Invariant: what libfido2 is given announces no more than is there, as its CBOR library
// makes room for whatever a length says: gigabytes for nine bytes of a stranger.

internal import Crypto

/// An authenticator's data, checked as far as it is no CBOR.
struct AuthenticatorData {
    /// The longest in bytes: twice the longest id, an RSA key of 4,096 bits, and extensions.
    static let limit = 4 << 10

    private static let userPresent: UInt8 = 0x01
    private static let userVerified: UInt8 = 0x04
    private static let mayBeBackedUp: UInt8 = 0x08
    private static let backedUp: UInt8 = 0x10
    private static let newKey: UInt8 = 0x40
    private static let extensions: UInt8 = 0x80

    /// The bytes up to the counter's end.
    private static let head = 37
    /// The authenticator's model and the length of the id, before a new key's id.
    private static let model = 16

    let bytes: [UInt8]
    private let flags: UInt8

    /// Checks that the data is for `site`, that the authenticator has verified its user, and that
    /// there is a new key or is none.
    init(
        _ bytes: [UInt8], for site: RelyingParty, hasNewKey: Bool
    ) throws(PasskeyError) {
        guard (Self.head...Self.limit).contains(bytes.count) else {
            throw .authenticatorDataMalformed
        }
        guard ConstantTime.equal(Array(bytes[..<32]), site.hash) else { throw .wrongSite }
        (self.bytes, flags) = (bytes, bytes[32])
        guard flags & Self.userPresent != 0 else { throw .absent }
        guard flags & Self.userVerified != 0 else { throw .unverified }
        // What is backed up can be (WebAuthn §6.1, "backup state").
        guard flags & Self.mayBeBackedUp != 0 || !isBackedUp else {
            throw .authenticatorDataMalformed
        }
        guard (flags & Self.newKey != 0) == hasNewKey, isWhole else {
            throw .authenticatorDataMalformed
        }
    }

    /// Whether the passkey is kept elsewhere as well: in the cloud of a system or password manager.
    var isBackedUp: Bool { flags & Self.backedUp != 0 }

    /// Whether the parts that the flags announce are there, and nothing else.
    private var isWhole: Bool {
        var rest = bytes[Self.head...]
        if flags & Self.newKey != 0 {
            rest = rest.dropFirst(Self.model)
            guard rest.count >= 2 else { return false }
            let length = Int(rest[rest.startIndex]) << 8 | Int(rest[rest.startIndex + 1])
            guard let key = CBORShape.rest(after: rest.dropFirst(2 + length)) else { return false }
            rest = key
        }
        if flags & Self.extensions != 0 {
            guard let after = CBORShape.rest(after: rest) else { return false }
            rest = after
        }
        return rest.isEmpty
    }
}
