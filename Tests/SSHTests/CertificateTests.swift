// User certificates against a real sshd that trusts their authority and no key.
import Crypto
import Foundation
import Loop
import Support
import Testing

@testable import SSH

/// An sshd that lets in whom an authority has certified, and a key that it does not know.
private struct CertifiedServer {
    let server: SSHServer
    let authority: SSHKey
    let key: SSHKey

    init(
        _ kind: KeyKind = .ed25519, passphrase: String = "", shell: Shell? = .dash,
        in folder: TemporaryDirectory
    ) async throws {
        authority = try await SSHKey.make(.ed25519, at: folder.file("ca"))
        // No SHA-1, and no plain key.
        let algorithms = ["ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512"].map {
            $0 + "-cert-v01@openssh.com"
        }
        server = try await SSHServer.start(
            SSHServer.Options(
                shell: shell,
                settings: [
                    "TrustedUserCAKeys": "\(authority.path).pub",
                    "PubkeyAcceptedAlgorithms": algorithms.joined(separator: ","),
                ]))
        key = try await SSHKey.make(kind, at: folder.file("user"), passphrase: passphrase)
    }

    func link(_ change: (inout LinkConfiguration) -> Void = { _ in }) throws -> LinkConfiguration {
        try server.link {
            $0.authentication = [.keyFile(path: key.path, passphrase: nil)]
            change(&$0)
        }
    }
}

@Suite(.timeLimit(.minutes(2))) struct CertificateTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory("certificates") }

    @Test(arguments: KeyKind.allCases, ["", "open sesame"])
    func `a certificate beside its key logs in, or named where it lies elsewhere`(
        kind: KeyKind, passphrase: String
    ) async throws {
        let place = try await CertifiedServer(kind, passphrase: passphrase, in: folder)
        let beside = try await place.key.certify(
            by: place.authority, principals: [place.server.user])
        let way = Authentication.keyFile(
            path: place.key.path, passphrase: SecretBytes(passphrase.utf8))
        let first = try place.link { $0.authentication = [way] }
        try await Bystander.beside("a certificate for \(kind), \(passphrase)") {
            #expect(await connectError(first) == nil)
        }
        let elsewhere = folder.file("elsewhere.pub")
        try FileManager.default.moveItem(atPath: beside, toPath: elsewhere)
        let second = try place.link {
            $0.authentication = [way]
            $0.certificates = [elsewhere]
        }
        #expect(await IO.task { await connectError(second) }.value == nil)
        let without = try place.link { $0.authentication = [way] }
        #expect(await IO.task { await connectError(without) }.value != nil)
    }

    @Test(arguments: KeyKind.allCases)
    func `an agent's key proves a certificate that it holds or that lies in a file`(
        kind: KeyKind
    ) async throws {
        let place = try await CertifiedServer(kind, in: folder)
        let stranger = try await SSHKey.make(.ed25519, at: folder.file("stranger"))
        let bare = try await KeyAgent.start(in: folder, keys: [stranger, place.key])
        let file = try await place.key.certify(by: place.authority, principals: [place.server.user])
        // ssh-add takes the certificate beside the key with it
        let holding = try await KeyAgent.start(in: folder, keys: [stranger, place.key])
        let blob = try #require(
            Certificate(text: Array(try String(contentsOfFile: file, encoding: .utf8).utf8)))
        for only in [nil, [blob.key]] {
            let held = try place.link {
                $0.authentication = [.agent(socket: holding.socket, only: only)]
            }
            #expect(await IO.task { await connectError(held) }.value == nil)
        }
        let named = try place.link {
            $0.authentication = [.agent(socket: bare.socket, only: [])]
            $0.certificates = [file]
        }
        #expect(await IO.task { await connectError(named) }.value == nil)
    }

    @Test(arguments: [
        ("-2h:-1h", ["it expired at 20"]), ("+1h:+2h", ["it is valid only from 20"]),
        ("-1h:+1h", ["it is for nobody-else, which may not stand for"]),
    ])
    func `a refused certificate says which it is and why it may be`(
        validity: String, words: [String]
    ) async throws {
        let place = try await CertifiedServer(in: folder)
        let names = validity == "-1h:+1h" ? ["nobody-else"] : [place.server.user]
        let file = try await place.key.certify(
            by: place.authority, identity: "night shift", principals: names, validity: validity)
        let configuration = try place.link()
        let error = await IO.task { await connectError(configuration) }.value
        guard case .authenticationFailed(_, let tried, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        let last = try #require(tried.last).description
        let signer = try await place.authority.fingerprint()
        for word in words + [file, "night shift", "serial 7", signer] {
            #expect(last.contains(word), "\(last)")
        }
        #expect(tried.count == 2, "the key itself comes before it, as in ssh: \(tried)")
    }

    @Test func `a stranger's certificate, one without a key and what is none are told`()
        async throws
    {
        let place = try await CertifiedServer(in: folder)
        let stranger = try await SSHKey.make(.ecdsa, at: folder.file("stranger"))
        try await place.key.certify(by: stranger, principals: [place.server.user])
        let orphan = try await stranger.certify(by: place.authority, principals: ["x"])
        let configuration = try place.link {
            $0.certificates = [orphan, "/nonexistent/c", place.key.path + ".pub"]
        }
        let error = await IO.task { await connectError(configuration) }.value
        let text = "\(try #require(error))"
        for words in [
            "certificate /nonexistent/c: ", "not an OpenSSH certificate",
            "the server may not trust its authority", "\(orphan): no key of this login",
        ] {
            #expect(text.contains(words), "\(text)")
        }
    }

    @Test func `a certificate that forces a command runs that alone`() async throws {
        let place = try await CertifiedServer(shell: nil, in: folder)
        try await place.key.certify(
            by: place.authority, principals: [place.server.user],
            ["-O", "force-command=echo forced"])
        let configuration = try place.link()
        try await onLoop {
            let link = try await Link.connect(configuration)
            #expect(try await link.run("echo free").text == "forced\n")
            link.close()
        }
    }

    @Test(arguments: KeyKind.allCases)
    func `what a certificate says is read, and cut anywhere it is none`(kind: KeyKind) async throws
    {
        let authority = try await SSHKey.make(.ecdsa, at: folder.file("ca"))
        let key = try await SSHKey.make(kind, at: folder.file("user"))
        let file = try await key.certify(
            by: authority, identity: "who", principals: ["a", "b"],
            ["-O", "source-address=10.0.0.0/8"])
        let text = Array(try String(contentsOfFile: file, encoding: .utf8).utf8)
        let certificate = try #require(Certificate(text: text))
        let header = try #require(
            KeyFile(Array(try String(contentsOfFile: key.path, encoding: .utf8).utf8)))
        #expect(certificate.key == header.publicKey)
        #expect(certificate.principals == ["a", "b"] && certificate.identity == "who")
        #expect(certificate.serial == 7 && certificate.isForUsers)
        #expect(certificate.options.map(\.name) == ["source-address"])
        #expect(certificate.refusal(user: "a").contains("10.0.0.0/8"))
        for length in 0..<certificate.blob.count {
            #expect(Certificate(blob: Array(certificate.blob[..<length])) == nil)
        }
    }
}
