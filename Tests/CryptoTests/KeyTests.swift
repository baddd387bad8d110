// Keys, certificates, pins and secret files.

import Crypto
import Foundation
import Testing

@Suite struct KeyTests {
    @Test func `a signature holds for its message and key alone`() throws {
        let key = try Ed25519PrivateKey.generate()
        let message = Array("challenge".utf8)
        let signature = try key.sign(message)
        #expect(signature.count == 64)
        #expect(key.publicKey.verify(signature, of: message))
        #expect(try key.sign([]).count == 64)
        #expect(!key.publicKey.verify(signature, of: message + [0]))
        #expect(!key.publicKey.verify(Array(signature.dropLast()), of: message))
        #expect(try !Ed25519PrivateKey.generate().publicKey.verify(signature, of: message))
        for index in [0, 31, 32, 63] {
            var bent = signature
            bent[index] ^= 1
            #expect(!key.publicKey.verify(bent, of: message))
        }
    }

    @Test func `RFC 8032's first key verifies its signature`() throws {
        let key = try Ed25519PublicKey(
            bytes: #require(
                Hex.decode("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")))
        let signature = try #require(
            Hex.decode(
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
                    + "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"))
        #expect(key.verify(signature, of: []))
    }

    @Test func `a key comes back from PEM`() throws {
        let key = try Ed25519PrivateKey.generate()
        let again = try Ed25519PrivateKey(pem: key.pem())
        #expect(again.publicKey == key.publicKey)
        #expect(String(decoding: try key.pem(), as: UTF8.self).hasPrefix("-----BEGIN PRIVATE KEY"))
    }

    @Test func `anything but an Ed25519 key is refused`() throws {
        let other = try SelfSignedCertificate.generate(commonName: "relay").keyPEM
        for pem in [[], [0], Array("-----BEGIN PRIVATE KEY-----\n".utf8), other] {
            #expect(throws: CryptoError.invalidKey) { try Ed25519PrivateKey(pem: pem) }
        }
        #expect(throws: CryptoError.invalidKey) { try Ed25519PublicKey(bytes: [1]) }
    }

    @Test func `a certificate carries its names and is pinned by its key`() throws {
        let made = try SelfSignedCertificate.generate(
            commonName: "relay.example", otherNames: ["127.0.0.1", "::1", "localhost"])
        let pin = try PublicKeyPin(certificatePEM: made.certificatePEM)
        #expect(PublicKeyPin(pin.description) == pin)
        let text = String(decoding: made.certificatePEM, as: UTF8.self)
        let der = try #require(
            Base64.decode(text.split(separator: "\n").dropFirst().dropLast().joined()))
        #expect(try PublicKeyPin(certificateDER: der) == pin)
        let other = try SelfSignedCertificate.generate(commonName: "relay.example")
        #expect(try PublicKeyPin(certificatePEM: other.certificatePEM) != pin)
        #expect(throws: CryptoError.invalidCertificate) { try PublicKeyPin(certificatePEM: der) }
        #expect(throws: CryptoError.invalidCertificate) {
            try PublicKeyPin(certificateDER: Array(der.dropLast(40)))
        }
    }

    @Test func `openssl reads the certificate as the design says`() throws {
        let folder = try TemporaryFolder()
        let made = try SelfSignedCertificate.generate(
            commonName: "relay.example", otherNames: ["127.0.0.1"])
        try SecureFile.write(folder.path + "/c.pem", made.certificatePEM)
        try SecureFile.write(folder.path + "/k.pem", made.keyPEM)
        let text = try shell(
            "openssl x509 -in \(folder.path)/c.pem -noout -text"
                + " && openssl x509 -in \(folder.path)/c.pem -noout -pubkey"
                + " | openssl pkey -pubin -outform DER | openssl dgst -sha256 -r")
        #expect(text.contains("DNS:relay.example, IP Address:127.0.0.1"))
        #expect(text.contains("prime256v1"))
        let pin = try PublicKeyPin(certificatePEM: made.certificatePEM)
        #expect(text.contains(Hex.encode(pin.bytes)))
    }

    @Test(arguments: ["", "a,b", "a\nb", "a b", String(repeating: "x", count: 65)])
    func `a name that could bend the extension syntax is refused`(name: String) {
        #expect(throws: CryptoError.invalidName(name)) {
            try SelfSignedCertificate.generate(commonName: name)
        }
    }
}

@Suite struct SecureFileTests {
    @Test func `what others may read or change is refused, with the command that mends it`() throws
    {
        let folder = try TemporaryFolder()
        let path = folder.path + "/key"
        try SecureFile.write(path, [1])
        for (mode, refusing, isRefused) in [
            (0o600, SecureFile.useByOthers, false), (0o400, SecureFile.useByOthers, false),
            (0o640, SecureFile.useByOthers, true), (0o604, SecureFile.useByOthers, true),
            (0o620, SecureFile.useByOthers, true), (0o640, SecureFile.useByStrangers, false),
            (0o644, SecureFile.useByStrangers, true), (0o644, SecureFile.changeByOthers, false),
            (0o664, SecureFile.changeByOthers, true), (0o646, SecureFile.changeByOthers, true),
            (0o666, 0, false),
        ] as [(UInt32, UInt32, Bool)] {
            chmod(path, mode)
            var refusal: CryptoError?
            do throws(CryptoError) {
                _ = try SecureFile.read(path, refusing: refusing)
            } catch { refusal = error }
            #expect((refusal != nil) == isRefused, "\(String(mode, radix: 8)): \(refusal as Any)")
            if let refusal {
                let mended = String(mode & ~refusing, radix: 8)
                #expect(refusal.description.contains("chmod \(mended) \(path)"), "\(refusal)")
            }
        }
        #expect(try SecureFile.readIfPresent(path + ".none", refusing: 0) == nil)
        #expect(throws: CryptoError.self) { try SecureFile.readIfPresent(folder.path) }
        for (mode, isRefused) in [(0o700, false), (0o755, false), (0o770, true), (0o707, true)] {
            chmod(folder.path, mode_t(mode))
            #expect(
                (try? SecureFile.checkFolder(folder.path)) == (isRefused ? nil : geteuid()),
                "\(String(mode, radix: 8))")
        }
        chmod(folder.path, 0o700)
    }

    @Test func `a file is replaced whole and stays private`() throws {
        let folder = try TemporaryFolder()
        try SecureFile.makeFolder(folder.path + "/a/b")
        let path = folder.path + "/a/b/key"
        try SecureFile.write(path, [1, 2, 3])
        try SecureFile.write(path, [4])
        #expect(try SecureFile.read(path) == [4])
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.path + "/a/b") == ["key"])
    }

    @Test func `reading has a limit and names what is missing`() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/f"
        try SecureFile.write(path, Random.bytes(40_000))
        #expect(try SecureFile.read(path, limit: 40_000).count == 40_000)
        #expect(throws: CryptoError.fileTooLarge(path: path, limit: 39_999)) {
            try SecureFile.read(path, limit: 39_999)
        }
        #expect(throws: CryptoError.file(path: path + "x", code: ENOENT)) {
            try SecureFile.read(path + "x")
        }
        #expect(throws: CryptoError.file(path: path + "/f", code: ENOTDIR)) {
            try SecureFile.write(path + "/f", [])
        }
        #expect(
            CryptoError.file(path: "f", code: ENOENT).description == "f: No such file or directory")
    }
}

/// A folder of the test's own, removed with it.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "homeline-crypto-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// What a shell command prints.
func shell(_ command: String) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", command]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let bytes = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: bytes, as: UTF8.self)
}

@Suite struct SmallOrderTests {
    @Test(arguments: [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ])
    func `a key of small order is refused`(hex: String) throws {
        let bytes = try #require(Hex.decode(hex))
        #expect(throws: CryptoError.self) { try Ed25519PublicKey(bytes: bytes) }
    }

    @Test func `a folder that is made for others is open to them, whatever the umask`() throws {
        let folder = try TemporaryFolder()
        let (closed, open) = (folder.path + "/a/b", folder.path + "/c/d")
        try SecureFile.makeFolder(closed)
        try SecureFile.makeFolder(open, mode: 0o777)
        for (path, mode) in [
            (closed, 0o700), (folder.path + "/a", 0o700), (open, 0o777),
            (folder.path + "/c", 0o777),
        ] {
            let found = try FileManager.default.attributesOfItem(atPath: path)
            #expect(found[.posixPermissions] as? Int == mode, "\(path)")
        }
    }
}
