// Why a key, a certificate or a secret file could not be used.
// Every throwing call of this module throws this enum and nothing else.

/// Why a key, certificate or secret file could not be used.
public enum CryptoError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The bytes are not a key of the kind asked for.
    case invalidKey
    /// The bytes contain no certificate.
    case invalidCertificate
    /// The name cannot be in a certificate: 1 to 64 letters, digits, dots, colons, hyphens.
    case invalidName(String)
    /// OpenSSL refused an operation that does not depend on input.
    case library(String)
    /// A file could not be read or written.
    case file(path: String, code: Int32)
    /// Others than its owner may read or change a file or folder that is to be safe from that;
    /// `wanted` is a mode that is not refused.
    case open(path: String, mode: UInt32, wanted: UInt32)
    /// A file or folder belongs to another user, who could change it.
    case foreign(path: String, owner: UInt32)
    /// A file is larger than its reader allows.
    case fileTooLarge(path: String, limit: Int)

    /// One plain line saying what is wrong and what to do next.
    public var description: String {
        switch self {
        case .invalidKey: "not a usable key: give an unencrypted PEM key of the expected kind"
        case .invalidCertificate: "not a certificate: give a PEM or DER X.509 certificate"
        case .invalidName(let name): "'\(name)' cannot name a certificate: use a host name"
        case .library(let call): "OpenSSL failed in \(call): check the installed OpenSSL 3"
        case .file(let path, let code): "\(path): \(errorText(code))"
        case .open(let path, let mode, let wanted):
            "\(path) is open to other users (mode \(String(mode, radix: 8))): run chmod "
                + "\(String(wanted, radix: 8)) \(path), and think of what it held as known to them"
        case .foreign(let path, let owner):
            "\(path) belongs to the user \(owner), who could change it: it must belong to the user"
                + " who runs this program, or to root"
        case .fileTooLarge(let path, let limit): "\(path): larger than \(limit) bytes"
        }
    }
}
