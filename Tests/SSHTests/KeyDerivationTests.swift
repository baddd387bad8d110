// What an encrypted key in PKCS #8 wants computed is read before it is computed.
import Crypto
import Testing

@testable import SSH

@Suite struct KeyDerivationTests {
    private func item(_ tag: UInt8, _ body: [UInt8]) -> [UInt8] {
        body.count < 128
            ? [tag, UInt8(body.count)] + body
            : [tag, 0x82, UInt8(body.count >> 8), UInt8(body.count & 255)] + body
    }

    /// A key with a number of iterations, as RFC 8018 has it, but without the names of algorithms.
    private func key(_ iterations: [UInt8]) -> [UInt8] {
        let parameters = item(0x30, item(0x04, [1, 2, 3, 4, 5, 6, 7, 8]) + item(0x02, iterations))
        let derivation = item(0x30, item(0x06, [1]) + parameters)
        let algorithm = item(0x30, item(0x06, [2]) + item(0x30, derivation))
        return item(0x30, algorithm + item(0x04, [UInt8](repeating: 9, count: 300)))
    }

    @Test func `a key that takes too long to decrypt is refused with its number`() throws {
        let rows: [(number: [UInt8], value: Int, isRefused: Bool)] = [
            ([0x08, 0x00], 2048, false), ([0x4c, 0x4b, 0x40], 5_000_000, false),
            ([0x4c, 0x4b, 0x41], 5_000_001, true), ([0x7f, 0xff, 0xff, 0xff], 0x7fff_ffff, true),
            ([UInt8](repeating: 0x7f, count: 9), .max, true),
        ]
        for (number, value, isRefused) in rows {
            let der = key(number)
            #expect(KeyDerivation.numbers(inEncryptedKey: der) == [value])
            let pem =
                "-----BEGIN ENCRYPTED PRIVATE KEY-----\n\(Base64.encode(der))\n"
                + "-----END ENCRYPTED PRIVATE KEY-----\n"
            let file = try #require(KeyFile(Array(pem.utf8)))
            do throws(KeyFile.Problem) {
                _ = try file.open(SecretBytes("x".utf8))
                Issue.record("it is not a key")
            } catch {
                #expect(error.words.contains("\(value) iterations") == isRefused, "\(error.words)")
            }
        }
        // No cut of it traps.
        let whole = key([0x08, 0x00])
        for count in 0..<whole.count {
            _ = KeyDerivation.numbers(inEncryptedKey: Array(whole.prefix(count)))
        }
    }

    /// shim.h finds the field of an exit status in libssh2's memory; with another libssh2 it might
    /// not.
    @Test func `this libssh2 shows whether an exit status was sent`() {
        #expect(Session.findsStatus)
    }
}
