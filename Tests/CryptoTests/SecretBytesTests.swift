// Secret bytes: the same bytes come out, and no description shows them.
import Crypto
import Foundation
import Testing

@Suite struct SecretBytesTests {
    @Test(arguments: [0, 1, 16, 4095, 4096, 5000])
    func `the bytes come out as they went in`(count: Int) {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 | 1) }
        let secret = SecretBytes(bytes)
        #expect(secret.count == count && secret.copy == bytes)
        #expect(secret.withText { strlen($0) } == count)
    }

    @Test(arguments: [
        ("one\ntwo\n", "one"), ("one\r\n", "one"), ("one", "one"), ("\none", ""), ("", ""),
    ])
    func `the first line of a file is read`(text: String, line: String) throws {
        let path = NSTemporaryDirectory() + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: path) }
        try text.write(toFile: path, atomically: false, encoding: .utf8)
        let secret = try SecretBytes.firstLine(ofFile: path, limit: 16)
        #expect(secret.copy == Array(line.utf8))
        if text.utf8.count > 1 {
            #expect(throws: CryptoError.self) {
                try SecretBytes.firstLine(ofFile: path, limit: text.utf8.count - 1)
            }
        }
        #expect(throws: CryptoError.self) {
            try SecretBytes.firstLine(ofFile: path + "x", limit: 16)
        }
    }

    @Test func `no description shows the bytes`() {
        let secret = SecretBytes("canary".utf8)
        var dumped = ""
        dump(secret, to: &dumped)
        for text in ["\(secret)", String(reflecting: secret), dumped] {
            #expect(!text.contains("canary") && !text.contains("99"), "\(text)")
        }
    }

    @Test func `a wiped array is empty`() {
        var bytes: [UInt8] = [1, 2, 3]
        bytes.wipe()
        #expect(bytes.isEmpty)
    }
}
