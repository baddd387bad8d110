// Authenticated encryption against published vectors and against change.

import Crypto
import Testing

@Suite struct SealTests {
    private static func bytes(_ hex: String) throws -> [UInt8] { try #require(Hex.decode(hex)) }

    /// Cases 13 to 16 of McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B.
    @Test(arguments: [
        (
            String(repeating: "0", count: 64), String(repeating: "0", count: 24), "", "",
            "530f8afbc74536b9a963b4f1c4cb738b"
        ),
        (
            String(repeating: "0", count: 64), String(repeating: "0", count: 24),
            String(repeating: "0", count: 32), "",
            "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"
        ),
        (
            "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
            "cafebabefacedbaddecaf888",
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e24"
                + "49a6b525b16aedf5aa0de657ba637b39",
            "feedfacedeadbeeffeedfacedeadbeefabaddad2",
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b10"
                + "56828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b"
        ),
    ])
    func `AES-256-GCM gives the published texts`(
        key: String, nonce: String, plain: String, binding: String, sealed: String
    ) throws {
        let (key, nonce) = (try Self.bytes(key), try Self.bytes(nonce))
        let (plain, binding) = (try Self.bytes(plain), try Self.bytes(binding))
        let made = AES256GCM.seal(plain, key: key, nonce: nonce, binding: binding)
        #expect(Hex.encode(made) == sealed)
        #expect(AES256GCM.open(made, key: key, nonce: nonce, binding: binding) == plain)
    }

    @Test func `what was changed anywhere does not open`() {
        let (key, nonce) = (Random.bytes(32), Random.bytes(12))
        let (plain, binding) = (Array("a secret".utf8), Array("for whom".utf8))
        let sealed = AES256GCM.seal(plain, key: key, nonce: nonce, binding: binding)
        #expect(sealed.count == plain.count + AES256GCM.tagBytes)
        func opens(
            _ text: [UInt8]? = nil, _ otherKey: [UInt8]? = nil, _ otherNonce: [UInt8]? = nil,
            _ otherBinding: [UInt8]? = nil
        ) -> Bool {
            AES256GCM.open(
                text ?? sealed, key: otherKey ?? key, nonce: otherNonce ?? nonce,
                binding: otherBinding ?? binding) != nil
        }
        #expect(opens())
        for at in sealed.indices {
            for bit in 0..<8 {
                var changed = sealed
                changed[at] ^= 1 << UInt8(bit)
                #expect(!opens(changed))
            }
        }
        #expect(!opens(Array(sealed.dropLast())))
        #expect(!opens(sealed + [0]))
        #expect(!opens([]))
        #expect(!opens(nil, Random.bytes(32)))
        #expect(!opens(nil, Array(key.dropLast())))
        #expect(!opens(nil, nil, Random.bytes(12)))
        #expect(!opens(nil, nil, []))
        #expect(!opens(nil, nil, nil, []))
    }
}
