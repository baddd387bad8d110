// RevokedHostKeys: lists of keys and key revocation lists, as ssh-keygen makes them, beside ssh.
import Crypto
import Foundation
import Loop
import Support
import Testing

@testable import SSH

@Suite(.timeLimit(.minutes(1))) struct RevokedKeysTests {
    private static let keygen = Repository.find("ssh-keygen") ?? "ssh-keygen"

    /// A kind of file, made from the key of the host and the key of another.
    enum Kind: String, CaseIterable {
        case line, lines, otherLine, empty, garbage, lineThenGarbage, missing
        case list, listOfOther, listByHash, listBySHA1, listOfBoth, listCut, listOfCertificates

        /// The path of the file.
        func make(_ host: SSHKey, _ other: SSHKey, in folder: TemporaryDirectory) async throws
            -> String
        {
            let file = folder.file("revoked")
            func list(_ specification: String) async throws -> String {
                let text = try folder.write(specification + "\n", to: "specification")
                try await RunningProcess.run(
                    RevokedKeysTests.keygen,
                    ["-q", "-k", "-f", file, "-s", other.path + ".pub", text])
                return file
            }
            switch self {
            case .line: return try folder.write(host.publicLine + "\n", to: "revoked")
            case .lines:
                return try folder.write(
                    "# old\n\n\(other.publicLine)\n  \(host.publicLine)", to: "revoked")
            case .otherLine: return try folder.write(other.publicLine + "\n", to: "revoked")
            case .empty: return try folder.write("", to: "revoked")
            case .garbage: return try folder.write("garbage\n", to: "revoked")
            case .lineThenGarbage:
                return try folder.write("\(other.publicLine)\ngarbage here\n", to: "revoked")
            case .missing: return folder.file("nothing")
            case .list:
                try await RunningProcess.run(
                    RevokedKeysTests.keygen, ["-q", "-k", "-f", file, host.path + ".pub"])
                return file
            case .listOfOther:
                try await RunningProcess.run(
                    RevokedKeysTests.keygen, ["-q", "-k", "-f", file, other.path + ".pub"])
                return file
            case .listOfBoth:
                try await RunningProcess.run(
                    RevokedKeysTests.keygen,
                    ["-q", "-k", "-z", "7", "-f", file, other.path + ".pub", host.path + ".pub"])
                return file
            case .listByHash: return try await list("hash: \(try await host.fingerprint())")
            case .listBySHA1: return try await list("sha1: \(host.publicLine)")
            case .listOfCertificates: return try await list("serial: 1-9")
            case .listCut:
                let whole = try await Kind.list.make(host, other, in: folder)
                let bytes = try SecureFile.read(whole)
                try SecureFile.write(file, Array(bytes.dropLast(9)))
                return file
            }
        }
    }

    @Test(.needs("ssh-keygen"), .needs("ssh"), arguments: Kind.allCases)
    func `a file of revoked keys has the same effect as in ssh`(kind: Kind) async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        let folder = try TemporaryDirectory("revoked")
        let other = try await SSHKey.make(.rsa, at: folder.file("other"))
        let file = try await kind.make(server.hostKeys[0], other, in: folder)
        let config = try folder.write(
            try server.configuration(alias: "h") + " RevokedHostKeys \(file)\n", to: "config")
        let ssh = try RunningProcess(
            try #require(OpenSSH.chosen.program("ssh")),
            ["-F", config, "-o", "BatchMode=yes", "h", "true"])
        let isAccepted = try await ssh.finished() == .exited(0)
        let configuration = try server.link { $0.trust.revoked = file }
        let error = await IO.task { await connectError(configuration) }.value
        #expect((error == nil) == isAccepted, "\(ssh.errors) \(String(describing: error))")
        #expect(
            isAccepted == [.otherLine, .empty, .listOfOther, .listOfCertificates].contains(kind))
        guard let error else { return }
        #expect("\(error)".contains(file), "\(error)")
        switch error {
        case .hostKeyRevoked: #expect(ssh.errors.contains("revoked by file"))
        case .revokedKeysUnusable: #expect(ssh.errors.contains("in revoked keys file"))
        default: Issue.record("\(error)")
        }
    }

    @Test func `changed bytes never trap, and never lose a key`() async throws {
        let folder = try TemporaryDirectory("revoked")
        let host = try await SSHKey.make(.ed25519, at: folder.file("host"))
        let words = host.publicLine.split(separator: " ")
        let key = try #require(Base64.decode(String(words[1])).flatMap { HostKey(blob: $0) })
        let file = try await Kind.list.make(host, host, in: folder)
        let whole = try SecureFile.read(file)
        var random = Seeded(state: 11)
        #expect(try RevokedKeys(whole).contain(key))
        for length in 0..<whole.count where length >= 8 {
            #expect(throws: RevokedKeys.Unusable.self, "\(length)") {
                let cut = try RevokedKeys(Array(whole.prefix(length)))
                // Cut at the end of a section it is whole, with fewer keys: ssh reads that, too.
                if !cut.contain(key), length == 44 { throw RevokedKeys.Unusable(reason: "empty") }
            }
        }
        for _ in 0..<2000 {
            var bytes = whole
            bytes[Int.random(in: 8..<bytes.count, using: &random)] = .random(
                in: 0...255, using: &random)
            _ = try? RevokedKeys(bytes)
        }
    }

    @Test func `an RSA key has the length that its modulus has`() async throws {
        let folder = try TemporaryDirectory("length")
        let key = try await SSHKey.make(.rsa, at: folder.file("rsa"))
        let blob = try #require(Base64.decode(String(key.publicLine.split(separator: " ")[1])))
        #expect(HostKey(blob: blob)?.rsaBits == 3072)
        var options = SSHServer.Options(shell: .dash)
        options.hostKeys = [.rsa]
        let server = try await SSHServer.start(options)
        for (least, isAccepted) in [(3072, true), (4096, false)] {
            let config = try folder.write(
                try server.configuration(alias: "h") + " RequiredRSASize \(least)\n", to: "config")
            let ssh = try RunningProcess(
                try #require(OpenSSH.chosen.program("ssh")),
                ["-F", config, "-o", "BatchMode=yes", "h", "true"])
            #expect((try await ssh.finished() == .exited(0)) == isAccepted, "\(ssh.errors)")
            let configuration = try server.link { $0.trust.leastRSABits = least }
            let error = await IO.task { await connectError(configuration) }.value
            #expect((error == nil) == isAccepted, "\(String(describing: error))")
        }
    }
}
