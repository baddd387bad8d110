// Digests, encodings and comparison against published vectors.

import Crypto
import Testing

@Suite struct DigestTests {
    @Test func `SHA-256 gives the digest of the standard`() {
        #expect(
            Hex.encode(SHA256.hash(Array("abc".utf8)))
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(
            Hex.encode(SHA256.hash([]))
                == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    }

    @Test func `pieces hash like the whole`() {
        let bytes = Random.bytes(1000)
        var hasher = SHA256()
        hasher.update(Array(bytes[..<1]))
        hasher.update([])
        hasher.update(Array(bytes[1...]))
        #expect(hasher.finish() == SHA256.hash(bytes))
    }

    @Test func `keyed digests match RFC 2202 and RFC 4231`() {
        let key = Array("Jefe".utf8)
        let text = Array("what do ya want for nothing?".utf8)
        #expect(
            Hex.encode(HMAC.sha1(key: key, text)) == "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79")
        #expect(
            Hex.encode(HMAC.sha256(key: key, text))
                == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        #expect(
            Hex.encode(HMAC.sha256(key: [], []))
                == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad")
    }

    @Test func `Base64 matches RFC 4648 and comes back`() {
        let vectors = ["": "", "f": "Zg==", "fo": "Zm8=", "foo": "Zm9v", "foobar": "Zm9vYmFy"]
        for (plain, coded) in vectors {
            #expect(Base64.encode(Array(plain.utf8)) == coded)
            #expect(Base64.decode(coded) == Array(plain.utf8))
        }
        for count in 0..<70 {
            let bytes = Random.bytes(count)
            #expect(Base64.decode(Base64.encode(bytes)) == bytes)
            #expect(Base64.decodeURL(Base64.encodeURL(bytes)) == bytes)
        }
        #expect(Base64.encodeURL([0xfb, 0xff]) == "-_8")
    }

    @Test(arguments: ["Zg", "Zg=", "Zh==", "Zg==\n", "Z===", "====", "Zm9v=", "Zm-_", "Zg==Zg=="])
    func `Base64 refuses any second spelling`(text: String) {
        #expect(Base64.decode(text) == nil)
    }

    @Test(arguments: ["Zg==", "Zh", "Z", "Zm+/", " Zg"])
    func `URL Base64 refuses any second spelling`(text: String) {
        #expect(Base64.decodeURL(text) == nil)
    }

    @Test func `Base32 matches RFC 4648`() {
        let vectors = [
            "f": "MY", "fo": "MZXQ", "foo": "MZXW6", "foob": "MZXW6YQ", "fooba": "MZXW6YTB",
        ]
        for (plain, coded) in vectors {
            #expect(Base32.encode(Array(plain.utf8)) == coded)
            #expect(Base32.decode(coded.lowercased()) == Array(plain.utf8))
        }
        #expect(Base32.decode("MY======") == [0x66])
        for bad in ["M", "MY=", "MZ======1", "M1", "MZ"] {
            #expect(Base32.decode(bad) == nil)
        }
    }

    @Test func `hexadecimal comes back in either case`() {
        #expect(Hex.decode("00fFaB") == [0, 255, 171])
        #expect(Hex.decode("0") == nil)
        #expect(Hex.decode("0g") == nil)
    }

    @Test func `comparison in constant time is still comparison`() {
        #expect(ConstantTime.equal([1, 2], [1, 2]))
        #expect(!ConstantTime.equal([1, 2], [1, 3]))
        #expect(!ConstantTime.equal([1, 2], [1, 2, 3]))
    }

    @Test func `random bytes differ`() {
        #expect(Random.bytes(0) == [])
        #expect(Random.bytes(32).count == 32)
        #expect(Random.bytes(32) != Random.bytes(32))
    }
}
