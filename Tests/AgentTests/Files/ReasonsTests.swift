// Why a change of files failed, in the same words on this machine, over SFTP and through a shell.
import Foundation
import JSON
import Loop
import SSH
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite(.timeLimit(.minutes(1))) struct ReasonsTests {
    @Test(arguments: Desk.ways)
    @IO func `a name that is too long, or that is taken, is called so`(
        target: String
    ) async throws {
        let server = try await SSHServer.start(.files(of: target))
        let desk = try await Desk([("box", server, ""), ("plain", server, "")])
        func write(_ path: String) async -> Fault? {
            await desk.fault(
                .writeFile,
                ["target": .string(target), "path": .string(path), "content": "new"])
        }
        let long = desk.folder.file(String(repeating: "n", count: 256))
        let fault = await write(long)
        #expect(fault?.message.contains("too long") == true, "\(fault?.message ?? "none")")
        #expect(
            await write(desk.folder.file(String(repeating: "n", count: 255)))
                == nil)
        await desk.service.shutDown()
    }

    @Test @IO func `a full disk and a directory in the way have the same words everywhere`()
        async throws
    {
        let folder = try TemporaryDirectory("words")
        let server = try await SSHServer.start(.init(shell: .dash))
        let known = try folder.write(server.knownHosts, to: "known_hosts")
        let link = try await Link.connect(
            LinkConfiguration(
                host: "127.0.0.1", port: server.port, user: server.user, knownHosts: [known],
                authentication: [.keyFile(path: server.key.path, passphrase: nil)]))
        defer { link.close() }
        let stores: [any FileStore] = [
            LocalFiles(home: "/", closed: ClosedFiles(patterns: [])),
            try await link.openSFTP(),
            ShellFiles { script throws(Fault) in
                do throws(LoopError) {
                    return try ChildStream(
                        path: "/bin/sh", arguments: ["-c", script],
                        environment: ["PATH": "/usr/bin:/bin"])
                } catch { throw Fault(.unavailable, "\(error)") }
            },
        ]
        try folder.folder("dir")
        try folder.write("x", to: "dir/inside")
        for store in stores {
            func failure(_ body: @IO () async throws(FileError) -> Void) async -> FileError? {
                do throws(FileError) {
                    try await body()
                    return nil
                } catch { return error }
            }
            let dir = folder.file("dir")
            #expect(
                await failure { () throws(FileError) in try await store.makeDirectory(dir) }
                    == .exists)
            #expect(
                await failure { () throws(FileError) in try await store.removeDirectory(dir) }
                    == .notEmpty)
            #expect(
                await failure { () throws(FileError) in
                    try await store.makeLink(at: dir, to: "x")
                } == .exists)
            #expect(
                await failure { () throws(FileError) in
                    try await store.rename("\(dir)/inside", to: dir, replacing: false)
                } == .exists)
            #expect(
                await failure { () throws(FileError) in
                    try await store.write(dir, [1], at: 0, [.write], mode: nil)
                } == .isDirectory)
        }
        // The kernel's own full disk; SFTP's is a real one, above.
        for store in [stores[0], stores[2]] {
            do throws(FileError) {
                try await store.write("/dev/full", [1], at: 0, [.write], mode: nil)
                Issue.record("written")
            } catch { #expect(error == .full) }
        }
    }
}
