// The key derivation of OpenSSH's encrypted private keys (bcrypt_pbkdf, from OpenBSD): bcrypt with
// SHA-512 before it, over OpenSSL's Blowfish. Pure. Blocks for some 10 ms a round.
// Invariant: what was derived on the way is wiped.

internal import COpenSSL

/// Derives keys from passphrases as OpenSSH does.
public enum BcryptKDF {
    /// The most rounds: ssh-keygen uses 16 or 24, and 1,000 would take ten seconds.
    public static let roundLimit = 1000

    /// `count` bytes from a passphrase; nil if the parameters are out of range.
    public static func derive(
        _ passphrase: SecretBytes, salt: [UInt8], rounds: Int, count: Int
    ) -> [UInt8]? {
        guard (1...roundLimit).contains(rounds), (1...256).contains(count), !salt.isEmpty else {
            return nil
        }
        var secret = passphrase.withBytes { hash(UnsafeRawBufferPointer($0)) }
        defer { secret.wipe() }
        let stride = (count + blockSize - 1) / blockSize
        let share = (count + stride - 1) / stride
        var key = [UInt8](repeating: 0, count: count)
        for block in 0..<stride {
            let number = UInt32(block + 1)
            var salted = hash(
                salt + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) })
            var part = self.block(secret, salted)
            var sum = part
            for _ in 1..<rounds {
                salted.wipe()
                salted = hash(part)
                part.wipe()
                part = self.block(secret, salted)
                for index in sum.indices { sum[index] ^= part[index] }
            }
            salted.wipe()
            // The bytes of a block are spread over the whole key.
            for index in 0..<share where index * stride + block < count {
                key[index * stride + block] = sum[index]
            }
            part.wipe()
            sum.wipe()
        }
        return key
    }

    /// The bytes of one block of bcrypt.
    private static let blockSize = 32

    private static func hash(_ bytes: [UInt8]) -> [UInt8] {
        bytes.withUnsafeBytes { hash($0) }
    }

    /// Hashes bytes where they are, so that no copy of them stays.
    private static func hash(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 64) { out, filled in
            SHA512(bytes.baseAddress, bytes.count, out.baseAddress)
            filled = 64
        }
    }

    /// bcrypt of a hashed passphrase and a hashed salt.
    private static func block(_ secret: [UInt8], _ salt: [UInt8]) -> [UInt8] {
        var state = Blowfish()
        var (secret, salt) = (Blowfish.words(secret), Blowfish.words(salt))
        defer {
            state.wipe()
            secret.wipe()
            salt.wipe()
        }
        state.expand(secret, salt)
        for _ in 0..<64 {
            state.expand(salt)
            state.expand(secret)
        }
        var text = Blowfish.words(Array("OxychromaticBlowfishSwatDynamite".utf8))
        for _ in 0..<64 { state.encipher(&text) }
        return text.flatMap { word in
            [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: word >> $0) }
        }
    }
}

/// Blowfish with bcrypt's key schedule: OpenSSL's cipher on a state of our own.
private struct Blowfish {
    /// 18 subkeys, then four boxes of 256 words, as in OpenSSL's BF_KEY.
    private var state = initial
    private static let subkeys = 18
    private static let size = 18 + 4 * 256

    /// The first state: the digits of pi after the point.
    private static let initial = piDigits(size)

    static func words(_ bytes: [UInt8]) -> [UInt32] {
        stride(from: 0, to: bytes.count, by: 4).map { place in
            bytes[place..<place + 4].reduce(0) { $0 << 8 | UInt32($1) }
        }
    }

    /// Mixes a key of 16 words into the state, with a salt of 16 words.
    mutating func expand(_ key: [UInt32], _ salt: [UInt32]? = nil) {
        state.withUnsafeMutableBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            let words = start.assumingMemoryBound(to: UInt32.self)
            let cipher = UnsafeRawPointer(start).assumingMemoryBound(to: BF_KEY.self)
            for index in 0..<Self.subkeys { words[index] ^= key[index % 16] }
            var pair: (UInt32, UInt32) = (0, 0)
            withUnsafeMutableBytes(of: &pair) { pair in
                guard let data = pair.baseAddress?.assumingMemoryBound(to: UInt32.self) else {
                    return
                }
                var index = 0
                while index < Self.size {
                    if let salt {
                        data[0] ^= salt[index % 16]
                        data[1] ^= salt[(index + 1) % 16]
                    }
                    BF_encrypt(data, cipher)
                    words[index] = data[0]
                    words[index + 1] = data[1]
                    index += 2
                }
            }
        }
    }

    /// Enciphers pairs of words in place.
    func encipher(_ text: inout [UInt32]) {
        state.withUnsafeBytes { bytes in
            guard let cipher = bytes.baseAddress?.assumingMemoryBound(to: BF_KEY.self) else {
                return
            }
            text.withUnsafeMutableBufferPointer { words in
                for index in stride(from: 0, to: words.count, by: 2) {
                    BF_encrypt(words.baseAddress.map { $0 + index }, cipher)
                }
            }
        }
    }

    mutating func wipe() { state.wipe() }

    /// The binary digits of pi after the point, in words: 16 atan(1/5) − 4 atan(1/239) (Machin).
    private static func piDigits(_ count: Int) -> [UInt32] {
        // 64 more bits take up the error of the sums.
        let bits = Int32(count * 32 + 64)
        guard let sum = BN_new(), let power = BN_new(), let term = BN_new() else { return [] }
        defer { for number in [sum, power, term] { BN_free(number) } }
        for (factor, base) in [(16, 5), (-4, 239)] as [(Int, UInt)] {
            BN_set_word(power, UInt(factor.magnitude))
            BN_lshift(power, power, bits)
            BN_div_word(power, base)
            var divisor: UInt = 1
            var isAdded = factor > 0
            while BN_num_bits(power) > 0 {
                BN_copy(term, power)
                BN_div_word(term, divisor)
                if isAdded { BN_add(sum, sum, term) } else { BN_sub(sum, sum, term) }
                BN_div_word(power, base * base)
                divisor += 2
                isAdded.toggle()
            }
        }
        // The 3 before the point, in two bits, is left out.
        BN_mask_bits(sum, bits)
        BN_rshift(sum, sum, 64)
        var bytes = [UInt8](repeating: 0, count: count * 4)
        BN_bn2binpad(sum, &bytes, Int32(bytes.count))
        return words(bytes)
    }
}
