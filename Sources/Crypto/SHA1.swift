// SHA-1, only where a format requires it: the fingerprints in OpenSSH's revocation lists, and the
// token %C of ssh_config(5).

internal import COpenSSL

/// SHA-1, for formats that require it; it proves nothing.
public enum SHA1 {
    /// The digest of `bytes`, 20 bytes.
    public static func hash(_ bytes: [UInt8]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 20) { buffer, filled in
            let code = EVP_Digest(bytes, bytes.count, buffer.baseAddress, nil, EVP_sha1(), nil)
            precondition(code == 1, "EVP_Digest")
            filled = 20
        }
    }
}
