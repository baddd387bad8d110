// Why a passkey is refused. The relay logs the sentence; a visitor hears one sentence for them all.

/// Why what a browser has sent makes no passkey, or proves none.
public enum PasskeyError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What the browser signs is not JSON, or too long.
    case clientDataMalformed
    /// It was made for something else: a login in place of a new passkey, or the reverse.
    case wrongType
    /// It answers another challenge.
    case wrongChallenge
    /// A page of this origin has made it.
    case wrongOrigin(String)
    /// A page inside another site's page has made it.
    case framed
    /// What the authenticator says cannot be read, or its key is of no known kind.
    case authenticatorDataMalformed
    /// The authenticator has made it for another site.
    case wrongSite
    /// Nobody has touched the authenticator.
    case absent
    /// The authenticator has not checked who touched it: by finger, face or PIN.
    case unverified
    /// The signature is not one of the passkey's key.
    case wrongSignature
    /// The passkey's counter is not above the one that is known: it may have been copied.
    case counterWentBack

    /// One plain line saying what is wrong.
    public var description: String {
        switch self {
        case .clientDataMalformed: "the browser's data cannot be read"
        case .wrongType: "the browser's data was made for something else"
        case .wrongChallenge: "the browser has answered another challenge"
        case .wrongOrigin(let origin): "a page of another origin has sent it: \(origin)"
        case .framed: "a page inside another site's page has sent it"
        case .authenticatorDataMalformed: "the authenticator's data cannot be read"
        case .wrongSite: "the passkey is for another site"
        case .absent: "nobody has touched the authenticator"
        case .unverified:
            "the device has not checked who you are: set a PIN, a finger or a face on it"
        case .wrongSignature: "the signature is wrong"
        case .counterWentBack: "the passkey's counter went back: it may have been copied"
        }
    }
}
