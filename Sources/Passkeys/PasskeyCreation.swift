// A new passkey, as a browser sends it after `navigator.credentials.create` (WebAuthn §7.1). Flow:
// the browser's bytes → `verified` → the store. Invariant: what passes was made by a page of the
// site for this challenge, by an authenticator that has verified its user. Who made the
// authenticator is not asked for (attestation "none"): the operator's link says whose it is.

internal import CFIDO2

/// A passkey that was made for the site.
public struct NewPasskey: Sendable, Equatable {
    /// The longest id in bytes (WebAuthn §7.1, step 24).
    public static let idLimit = 1023

    /// The id by which the browser names it.
    public let id: [UInt8]
    /// Its public key.
    public let key: PasskeyKey
    /// The authenticator's count of signatures; many always say 0.
    public let counter: UInt32
    /// Whether it is kept elsewhere as well: it is then on several devices.
    public let isBackedUp: Bool
}

/// What a browser sends after making a passkey.
public struct PasskeyCreation: Sendable {
    private let clientData: [UInt8]
    private let authenticatorData: [UInt8]

    /// The bytes of `response.clientDataJSON` and `response.getAuthenticatorData()`.
    public init(clientData: [UInt8], authenticatorData: [UInt8]) {
        (self.clientData, self.authenticatorData) = (clientData, authenticatorData)
    }

    /// The passkey, if it was made for `site` and `challenge`.
    public func verified(
        for site: RelyingParty, challenge: [UInt8]
    ) throws(PasskeyError) -> NewPasskey {
        _ = try ClientData(clientData, .creation, challenge: challenge, site)
        let data = try AuthenticatorData(authenticatorData, for: site, hasNewKey: true)
        // libfido2 wants to know the kind of key before it reads one.
        for algorithm in PasskeyAlgorithm.allCases {
            if let passkey = Self.read(data, as: algorithm) { return passkey }
        }
        throw .authenticatorDataMalformed
    }

    private static func read(
        _ data: AuthenticatorData, as algorithm: PasskeyAlgorithm
    ) -> NewPasskey? {
        var credential = fido_cred_new()
        defer { fido_cred_free(&credential) }
        guard let credential, fido_cred_set_type(credential, algorithm.rawValue) == FIDO_OK,
            fido_cred_set_authdata_raw(credential, data.bytes, data.bytes.count) == FIDO_OK
        else { return nil }
        let id = bytes(fido_cred_id_ptr(credential), fido_cred_id_len(credential))
        let key = bytes(fido_cred_pubkey_ptr(credential), fido_cred_pubkey_len(credential))
        guard (1...NewPasskey.idLimit).contains(id.count), !key.isEmpty else { return nil }
        return NewPasskey(
            id: id, key: PasskeyKey(algorithm: algorithm, bytes: key),
            counter: fido_cred_sigcount(credential), isBackedUp: data.isBackedUp)
    }

    private static func bytes(_ pointer: UnsafePointer<UInt8>?, _ count: Int) -> [UInt8] {
        guard let pointer else { return [] }
        return Array(UnsafeBufferPointer(start: pointer, count: count))
    }
}
