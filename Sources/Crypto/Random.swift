// Unpredictable bytes for secrets, tokens, nonces and keys.
// Invariant: without entropy the program stops; it never continues with weak bytes.

internal import COpenSSL

/// Unpredictable bytes from OpenSSL's generator.
public enum Random {
    /// `count` unpredictable bytes.
    public static func bytes(_ count: Int) -> [UInt8] {
        precondition(count >= 0 && count <= Int(Int32.max), "a count of random bytes")
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            let code = RAND_bytes(buffer.baseAddress, Int32(count))
            precondition(count == 0 || code == 1, "the system gives no random bytes")
            filled = count
        }
    }
}
