// The parameters of the key derivation in an encrypted PKCS #8 key (RFC 5958 §3, RFC 8018 §A), read
// before OpenSSL computes with them. Pure. Invariant: what is not DER gives no numbers.

/// What an encrypted key wants computed.
public enum KeyDerivation {
    /// The numbers in the key's algorithm, among them the iterations of PBKDF2; one that is larger
    /// than an Int counts as the largest.
    public static func numbers(inEncryptedKey bytes: [UInt8]) -> [Int] {
        var rest = bytes[...]
        // EncryptedPrivateKeyInfo: the algorithm, then the encrypted key.
        guard var body = next(&rest, tag: 0x30), let algorithm = next(&body, tag: 0x30) else {
            return []
        }
        return numbers(algorithm, depth: 0)
    }

    /// The numbers in sequences of sequences: those of a real key are four deep.
    private static func numbers(_ bytes: ArraySlice<UInt8>, depth: Int) -> [Int] {
        var (rest, found) = (bytes, [Int]())
        while let tag = rest.first, depth < 8 {
            guard let body = next(&rest, tag: tag) else { break }
            if tag == 0x30 { found += numbers(body, depth: depth + 1) }
            if tag == 0x02 {
                let digits = body.drop { $0 == 0 }
                found.append(
                    digits.count > 7 ? .max : digits.reduce(0) { $0 << 8 | Int($1) })
            }
        }
        return found
    }

    /// The body of the next item, if it has this tag.
    private static func next(_ rest: inout ArraySlice<UInt8>, tag: UInt8) -> ArraySlice<UInt8>? {
        guard rest.popFirst() == tag, let first = rest.popFirst() else { return nil }
        var count = Int(first)
        if first >= 128 {
            guard first & 127 <= 4 else { return nil }
            count = 0
            for _ in 0..<(first & 127) {
                guard let byte = rest.popFirst() else { return nil }
                count = count << 8 | Int(byte)
            }
        }
        guard count <= rest.count else { return nil }
        let body = rest.prefix(count)
        rest = rest.dropFirst(count)
        return body
    }
}
