// How many copies of a secret the agent's memory keeps, once a login has used it.
import Crypto
import Foundation
import Loop
import SSH
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite(.serialized, .timeLimit(.minutes(1))) struct SecretMemoryTests {
    /// Counts a file's text in the writable memory of a process; this process must not hold it.
    private static let counter = """
        import sys
        needle = open(sys.argv[2], "rb").read().strip()
        found = 0
        with open(f"/proc/{sys.argv[1]}/mem", "rb", 0) as memory:
            for line in open(f"/proc/{sys.argv[1]}/maps"):
                words = line.split()
                start, end = (int(x, 16) for x in words[0].split("-"))
                if "rw" not in words[1] or end - start > 1 << 32:
                    continue
                piece, kept = 1 << 20, b""
                for place in range(start, end, piece):
                    try:
                        memory.seek(place)
                        text = kept + memory.read(min(piece, end - place))
                    except (OSError, ValueError):
                        text = b""
                    found += text.count(needle)
                    kept = text[1 - len(needle) :]
        print("copies", found)
        """

    /// How often this process's memory holds the text of a file.
    private static func copies(of file: String) async throws -> Int {
        let python = try #require(Repository.python)
        let output = try await RunningProcess.run(python, ["-c", counter, "\(getpid())", file])
        return try #require(output.split(whereSeparator: \.isWhitespace).last.flatMap { Int($0) })
    }

    @Test(.needs(.root))
    @IO func `an open link keeps no password`() async throws {
        let python = try #require(Repository.python)
        let folder = try TemporaryDirectory("memory")
        let file = folder.file("secret")
        try await RunningProcess.run(
            "/bin/sh", ["-c", "od -An -N16 -tx1 /dev/urandom | tr -d ' \\n' >\(file)"])
        var held: SecretBytes? = try .firstLine(ofFile: file, limit: 100)
        #expect(try await Self.copies(of: file) == 1)
        #expect(held?.count == 32)
        held = nil
        #expect(try await Self.copies(of: file) == 0)

        let hostKey = try await SSHKey.make(.ed25519, at: folder.file("host"))
        let server = try RunningProcess(
            python,
            [
                "\(Repository.root)/Tests/Support/python/password_server.py", "--host-key",
                hostKey.path, "--user", "visitor", "--password-file", file,
            ])
        defer { server.signal(SIGKILL) }
        let line = try await server.line(containing: "listening ")
        let port = try #require(UInt16(line.dropFirst("listening ".count)))
        var target = SSHTarget(
            try TargetName("127.0.0.1"),
            place: Place(environment: [:], user: "visitor", home: folder.path))
        target.port = port
        let known = hostKey.publicLine.split(separator: " ").prefix(2).joined(separator: " ")
        target.hostKeys.files = [
            try folder.write("[127.0.0.1]:\(port) \(known)\n", to: "known_hosts")
        ]
        target.credentials.password = "pw"
        let links = Links()
        defer { links.shutDown() }
        links.secrets.sources["pw"] = .file(file)
        let (channel, _) = try await links.execute(on: target, command: { _ in "cat" })
        #expect(try await Self.copies(of: file) == 0)
        channel.close()
    }

    /// Writes the seed of an Ed25519 key in OpenSSH's format to a file.
    private static let extractor = """
        import base64, sys
        text = open(sys.argv[1]).read().split("-----")[2]
        data = base64.b64decode(text)
        start = data.rfind(b"ssh-ed25519") + 11 + 4 + 32 + 4
        open(sys.argv[2], "wb").write(data[start : start + 32])
        """

    @Test(.needs(.root), .needs("sshd"), arguments: ["", "open sesame"])
    @IO func `an open link keeps no private key`(passphrase: String) async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        let (file, key) = (server.directory.file("seed"), server.key.path)
        try await RunningProcess.run(
            try #require(Repository.python), ["-c", Self.extractor, key, file])
        if !passphrase.isEmpty {
            try await RunningProcess.run(
                try #require(Repository.find("ssh-keygen")),
                ["-q", "-p", "-a", "2", "-P", "", "-N", passphrase, "-f", key])
        }
        let known = try server.directory.write(server.knownHosts, to: "known_hosts")
        let link = try await Link.connect(
            LinkConfiguration(
                host: "127.0.0.1", port: server.port, user: server.user, knownHosts: [known],
                authentication: [
                    .keyFile(
                        path: key,
                        passphrase: passphrase.isEmpty ? nil : SecretBytes(passphrase.utf8))
                ]))
        defer { link.close() }
        #expect(try await Self.copies(of: file) == 0)
    }
}
