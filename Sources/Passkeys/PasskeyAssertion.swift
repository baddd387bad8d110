// A login by a passkey, as a browser sends it after `navigator.credentials.get` (WebAuthn §7.2).
// Flow: the browser's bytes and the stored key → `verify` → the counter to store. Invariant: what
// passes was signed by the passkey's key, for this challenge, with its user verified.

internal import CFIDO2

/// What a browser sends after using a passkey.
public struct PasskeyAssertion: Sendable {
    /// The longest signature in bytes: twice that of an RSA key of 4,096 bits.
    private static let signatureLimit = 1 << 10

    private let clientData: [UInt8]
    private let authenticatorData: [UInt8]
    private let signature: [UInt8]

    /// The bytes of `response.clientDataJSON`, `.authenticatorData` and `.signature`.
    public init(clientData: [UInt8], authenticatorData: [UInt8], signature: [UInt8]) {
        self.clientData = clientData
        self.authenticatorData = authenticatorData
        self.signature = signature
    }

    /// Checks it for `site` and `challenge`, by the passkey's key; returns its new counter.
    ///
    /// Many passkeys have no counter: it is always 0. Another one must rise with each login.
    public func verify(
        by key: PasskeyKey, counter known: UInt32, for site: RelyingParty, challenge: [UInt8]
    ) throws(PasskeyError) -> UInt32 {
        let client = try ClientData(clientData, .assertion, challenge: challenge, site)
        let data = try AuthenticatorData(authenticatorData, for: site, hasNewKey: false)
        guard (1...Self.signatureLimit).contains(signature.count) else { throw .wrongSignature }
        var assertion = fido_assert_new()
        defer { fido_assert_free(&assertion) }
        guard let assertion, fido_assert_set_count(assertion, 1) == FIDO_OK,
            fido_assert_set_rp(assertion, site.id) == FIDO_OK,
            fido_assert_set_clientdata_hash(assertion, client.hash, client.hash.count) == FIDO_OK,
            fido_assert_set_up(assertion, FIDO_OPT_TRUE) == FIDO_OK,
            fido_assert_set_uv(assertion, FIDO_OPT_TRUE) == FIDO_OK,
            fido_assert_set_authdata_raw(
                assertion, 0, data.bytes, data.bytes.count) == FIDO_OK
        else { throw .authenticatorDataMalformed }
        guard fido_assert_set_sig(assertion, 0, signature, signature.count) == FIDO_OK,
            key.hasSigned(assertion)
        else { throw .wrongSignature }
        let counter = fido_assert_sigcount(assertion, 0)
        guard counter == 0 || known == 0 || counter > known else { throw .counterWentBack }
        return counter
    }
}
