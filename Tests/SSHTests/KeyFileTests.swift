// Every private key file that `ssh-keygen -y` reads logs in: its formats, its ciphers, and what
// people's editors and tools leave around the key.
import Crypto
import Foundation
import Loop
import Support
import Testing

@testable import SSH

@Suite(.timeLimit(.minutes(2))) struct KeyFileTests {
    private let folder: TemporaryDirectory
    private static let passphrase = "open sesame"

    init() throws { folder = try TemporaryDirectory("keyfiles") }

    /// A key file by the tool that makes it.
    private struct Row {
        let name: String
        /// ssh-keygen's arguments, or a shell command with openssl, in which KEY is the file.
        let made: String
        var isEncrypted = false
        /// The file that ssh-keygen reads: KEY, or P, of which KEY is a copy that only PuTTY's and
        /// other people's tools read.
        var reads = "KEY"
    }

    private static let ciphers = [
        "aes128-ctr", "aes192-ctr", "aes256-ctr", "aes128-cbc", "aes256-cbc", "3des-cbc",
        "aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com",
    ]

    private static var rows: [Row] {
        ["ed25519", "ecdsa -b 256", "ecdsa -b 384", "ecdsa -b 521", "rsa -b 2048"].map {
            Row(name: "OpenSSH \($0)", made: "ssh-keygen -q -N '' -t \($0) -f KEY")
        }
            + ciphers.map {
                Row(
                    name: "OpenSSH \($0)",
                    made: "ssh-keygen -q -a 2 -N '\(passphrase)' -Z \($0) -t ed25519 -f KEY",
                    isEncrypted: true)
            }
            + [
                Row(
                    name: "OpenSSH encrypted RSA",
                    made: "ssh-keygen -q -a 3 -N '\(passphrase)' -t rsa -b 2048 -f KEY",
                    isEncrypted: true),
                Row(
                    name: "OpenSSH encrypted ECDSA",
                    made: "ssh-keygen -q -N '\(passphrase)' -t ecdsa -b 521 -f KEY",
                    isEncrypted: true),
                Row(name: "PEM RSA", made: "ssh-keygen -q -N '' -m PEM -t rsa -b 2048 -f KEY"),
                Row(
                    name: "PEM RSA, encrypted",
                    made: "ssh-keygen -q -N '\(passphrase)' -m PEM -t rsa -b 2048 -f KEY",
                    isEncrypted: true),
                Row(name: "PEM ECDSA", made: "ssh-keygen -q -N '' -m PEM -t ecdsa -f KEY"),
                Row(
                    name: "PKCS #8 RSA", made: "ssh-keygen -q -N '' -m PKCS8 -t rsa -b 2048 -f KEY"),
                Row(
                    name: "PKCS #8 ECDSA, encrypted",
                    made: "ssh-keygen -q -N '\(passphrase)' -m PKCS8 -t ecdsa -f KEY",
                    isEncrypted: true),
                Row(
                    name: "EC PARAMETERS before the key",
                    made: "openssl ecparam -name prime256v1 -genkey -out KEY"),
                Row(
                    name: "EC PARAMETERS before an encrypted key",
                    made: "openssl ecparam -name secp384r1 -genkey -out P && { sed -n"
                        + " '/BEGIN EC PARAMETERS/,/END EC PARAMETERS/p' P; openssl ec -in P -aes256"
                        + " -passout 'pass:\(passphrase)'; } >KEY",
                    isEncrypted: true),
                Row(
                    name: "a certificate before the key",
                    made: "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=x -keyout P -out C"
                        + " && cat C P >KEY"),
                Row(
                    name: "text before the key",
                    made: "openssl ecparam -name prime256v1 -genkey -noout -out P"
                        + " && { echo 'Bag Attributes'; echo '  friendlyName: x'; cat P; } >KEY"),
                Row(
                    name: "CRLF, OpenSSH",
                    made: "ssh-keygen -q -N '' -t ed25519 -f P && sed 's/$/\\r/' P >KEY",
                    reads: "P"),
                Row(
                    name: "CRLF, PEM, encrypted",
                    made: "ssh-keygen -q -N '\(passphrase)' -m PEM -t rsa -b 2048 -f P"
                        + " && sed 's/$/\\r/' P >KEY", isEncrypted: true),
                Row(
                    name: "no newline at the end",
                    made: "ssh-keygen -q -N '' -t ed25519 -f P && printf %s \"$(cat P)\" >KEY",
                    reads: "P"),
                Row(
                    name: "no newline at the end, PEM",
                    made: "ssh-keygen -q -N '' -m PEM -t rsa -b 2048 -f P"
                        + " && printf %s \"$(cat P)\" >KEY"),
            ]
    }

    /// Makes the file of a row; its public half, as ssh-keygen reads it.
    private func make(_ row: Row, at path: String) async throws -> String {
        let script = """
            cd '\(folder.path)' && rm -f P P.pub C && \
            { \(row.made.replacingOccurrences(of: "KEY", with: path)); } && \
            rm -f '\(path).pub' && chmod 600 '\(path)'
            """
        try await RunningProcess.run("/bin/sh", ["-c", script])
        let read = row.reads == "P" ? folder.file("P") : path
        let words = row.isEncrypted ? Self.passphrase : ""
        return try await RunningProcess.run(
            try #require(Repository.find("ssh-keygen")), ["-y", "-P", words, "-f", read])
    }

    @Test func `every key file that ssh-keygen reads is read, and logs in`() async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        for (index, row) in Self.rows.enumerated() {
            // The name says nothing of what is in the file.
            let path = folder.file("id\(index)_sk")
            let line: String
            do { line = try await make(row, at: path) } catch {
                Issue.record("ssh-keygen does not read \(row.name): \(error)")
                continue
            }
            try server.authorize(line.split(separator: "\n").joined())
            let passphrase = row.isEncrypted ? SecretBytes(Self.passphrase.utf8) : nil
            let configuration = try server.link {
                $0.authentication = [.keyFile(path: path, passphrase: passphrase)]
            }
            let error = await IO.task { await connectError(configuration) }.value
            #expect(error == nil, "\(row.name): \(String(describing: error))")
            guard row.isEncrypted else { continue }
            for (secret, words) in [
                (nil, "needs a passphrase"), (SecretBytes("wrong".utf8), "wrong passphrase"),
            ] {
                let text = try Data(contentsOf: URL(fileURLWithPath: path))
                let file = try #require(KeyFile(Array(text)))
                #expect(file.isEncrypted, "\(row.name)")
                guard let secret else { continue }
                #expect(throws: KeyFile.Problem.wrongPassphrase, "\(row.name) \(words)") {
                    try file.open(secret)
                }
            }
        }
    }

    @Test func `a key whose halves do not fit is refused`() async throws {
        var texts: [[String]] = []
        for name in ["one", "two"] {
            let key = try await SSHKey.make(.ed25519, at: folder.file(name))
            let text = try String(contentsOfFile: key.path, encoding: .utf8)
            texts.append(text.split(separator: "\n").map(String.init))
        }
        // The public half of one with the private half of the other.
        let bytes = texts.map { Base64.decode($0.dropFirst().dropLast().joined()) ?? [] }
        let place = 39 + 4 + 51
        let mixed = Array(bytes[0][..<place] + bytes[1][place...])
        let text =
            "-----BEGIN OPENSSH PRIVATE KEY-----\n\(Base64.encode(mixed))\n"
            + "-----END OPENSSH PRIVATE KEY-----\n"
        let file = try #require(KeyFile(Array(text.utf8)))
        #expect(throws: KeyFile.Problem.self) { try file.open(nil) }
    }
}
