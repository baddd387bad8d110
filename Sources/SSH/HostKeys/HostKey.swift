// A server's public key as the server offered it: KnownHosts looks it up, people compare it. A
// value.
internal import Crypto

/// A public key of an SSH server.
public struct HostKey: Equatable, Hashable, Sendable {
    /// The key type as known_hosts writes it: `ssh-ed25519`, `ecdsa-sha2-nistp256`, `ssh-rsa`.
    public let type: String
    /// The key in SSH's wire form (RFC 4253 §6.6).
    public let blob: [UInt8]

    /// A key from its wire form, whose first string is the type; nil when it has none.
    public init?(blob: [UInt8]) {
        var reader = WireReader(blob)
        guard let type = reader.string(), (1...64).contains(type.count),
            type.allSatisfy({ $0 > 32 && $0 < 127 })
        else { return nil }
        self.type = String(decoding: type, as: UTF8.self)
        self.blob = blob
    }

    /// The type as people say it: `ED25519`, `ECDSA`, `RSA`.
    public var name: String {
        switch type {
        case "ssh-ed25519": "ED25519"
        case "ssh-rsa": "RSA"
        case _ where type.hasPrefix("ecdsa-"): "ECDSA"
        default: type
        }
    }

    /// The length of an RSA key's modulus in bits; nil for other keys.
    var rsaBits: Int? {
        guard type == "ssh-rsa" else { return nil }
        var reader = WireReader(blob)
        guard reader.string() != nil, reader.string() != nil, let modulus = reader.string() else {
            return 0
        }
        let digits = modulus.drop { $0 == 0 }
        return digits.first.map { digits.count * 8 - $0.leadingZeroBitCount } ?? 0
    }

    /// `SHA256:` and the digest as OpenSSH prints it.
    public var fingerprint: String {
        var text = Base64.encode(SHA256.hash(blob))
        while text.hasSuffix("=") { text.removeLast() }
        return "SHA256:" + text
    }
}
