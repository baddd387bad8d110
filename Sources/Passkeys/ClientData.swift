// What a browser says about the page that has asked for a passkey (WebAuthn §5.8.1): JSON, whose
// hash the authenticator signs. Pure. Flow: the browser's bytes → here → creation or assertion.
// Invariant: one that passes was made by a page of the site itself, for this challenge.

internal import Crypto
internal import JSON

/// The browser's part of a creation or assertion.
struct ClientData {
    /// The longest one in bytes: several times a challenge, an origin and what browsers add.
    static let limit = 8 << 10

    /// What it was made for.
    enum Purpose: String {
        case creation = "webauthn.create"
        case assertion = "webauthn.get"
    }

    /// What the authenticator signs in place of the bytes.
    let hash: [UInt8]

    /// Checks a browser's bytes (WebAuthn §7.1 and §7.2, the steps on client data).
    init(
        _ bytes: [UInt8], _ purpose: Purpose, challenge: [UInt8], _ site: RelyingParty
    ) throws(PasskeyError) {
        guard bytes.count <= Self.limit,
            let data = try? JSON(parsing: bytes, limits: JSONLimits(depth: 8, values: 64))
        else { throw .clientDataMalformed }
        guard data["type"]?.stringValue == purpose.rawValue else { throw .wrongType }
        guard let answered = data["challenge"]?.stringValue.flatMap(Base64.decodeURL),
            ConstantTime.equal(answered, challenge)
        else { throw .wrongChallenge }
        let origin = data["origin"]?.stringValue ?? ""
        guard origin == site.origin else {
            // It is logged: a line of letters and signs, whatever somebody has sent.
            let plain = origin.unicodeScalars.filter { (33..<127).contains($0.value) }.prefix(200)
            throw .wrongOrigin(String(String.UnicodeScalarView(plain)))
        }
        guard data["crossOrigin"] == nil || data["crossOrigin"] == false, data["topOrigin"] == nil
        else { throw .framed }
        hash = SHA256.hash(bytes)
    }
}
