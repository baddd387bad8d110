// SFTP against the real sftp-server, and against what is none.
import Foundation
import Loop
import SSH
import Support
import Testing

@testable import SSH

@Suite(.timeLimit(.minutes(1))) struct SFTPTests {
    private static func file(_ error: FileError?, _ body: @IO () async throws -> Void) async {
        do {
            try await body()
            Issue.record("no error in place of \(error.map { "\($0)" } ?? "any")")
        } catch let found as FileError {
            if let error { #expect(found == error) }
        } catch {
            Issue.record("\(error)")
        }
    }

    @Test func `files are written, read and listed`() async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        let configuration = try server.link()
        let folder = try TemporaryDirectory("files")
        let big = (0..<3_000_001).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        try await onLoop {
            let link = try await Link.connect(configuration)
            defer { link.close() }
            let files = try await link.openSFTP()
            #expect(try await files.realPath(".") == server.directory.file("home"))
            let path = folder.file("big é")
            try await files.write(path, big, [.write, .create, .truncate], mode: 0o640)
            #expect(try Data(contentsOf: URL(filePath: path)) == Data(big))
            let found = try await files.attributes(of: path)
            #expect(found.size == 3_000_001 && found.kind == .file)
            #expect((found.mode ?? 0) & 0o777 == 0o640 && found.owner?.user == getuid())
            #expect(try await files.read(path, count: 4_000_000) == big)
            #expect(
                try await files.read(path, from: 2_999_990, count: 100) == Array(big.suffix(11)))
            #expect(try await files.read(path, from: 5_000_000, count: 100).isEmpty)
            #expect(
                try await files.read(path, from: 70_000, count: 3) == Array(big[70_000..<70_003]))
            // A command runs beside it on the same link.
            let reading = IO.task { try? await files.read(path, count: 4_000_000).count }
            #expect(try await link.run("echo on").text == "on\n")
            #expect(await reading.value == 3_000_001)

            try await files.write(path, [1, 2], at: 3_000_001, [.write, .append], mode: nil)
            #expect(try await files.attributes(of: path).size == 3_000_003)
            try await files.write(path, [7], [.write, .truncate], mode: nil)
            #expect(try await files.read(path, count: 9) == [7])
            try await files.write(path, [7], [.write, .truncate], mode: 0o600)
            #expect((try await files.attributes(of: path).mode ?? 0) & 0o777 == 0o600)

            try await files.makeDirectory(folder.file("sub"))
            try FileManager.default.createSymbolicLink(
                atPath: folder.file("ln"), withDestinationPath: "sub")
            let names = try await files.entries(of: folder.path, limit: 100)
            #expect(names.map(\.name).sorted() == ["big é", "ln", "sub"])
            let kinds = Dictionary(
                uniqueKeysWithValues: names.map { ($0.name, $0.attributes.kind) })
            #expect(kinds == ["big é": .file, "ln": .link, "sub": .directory])
            #expect(try await files.target(ofLink: folder.file("ln")) == "sub")
            #expect(try await files.realPath(folder.file("ln")) == folder.file("sub"))
            #expect(link.channelCount == 1)
            files.close()
            #expect(await holds { link.channelCount == 0 })
            await Self.file(.ended(reason: "closed by the agent")) {
                _ = try await files.realPath(".")
            }
        }
    }

    @Test func `each failure has its name, and SFTP goes on after it`() async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        let configuration = try server.link()
        let folder = try TemporaryDirectory("files")
        try await onLoop {
            let link = try await Link.connect(configuration)
            defer { link.close() }
            let files = try await link.openSFTP()
            let gone = folder.file("gone")
            await Self.file(.notFound) { _ = try await files.attributes(of: gone) }
            await Self.file(.notFound) { _ = try await files.read(gone, count: 1) }
            await Self.file(.notFound) { _ = try await files.entries(of: gone, limit: 1) }
            await Self.file(.notFound) {
                try await files.write(gone + "/x", [1], [.write, .create], mode: nil)
            }
            try await files.makeDirectory(gone)
            await Self.file(nil) { try await files.makeDirectory(gone) }
            await Self.file(nil) { _ = try await files.target(ofLink: gone) }
            await Self.file(nil) { try await files.write(gone, [1], [.write], mode: nil) }
            // As root nothing is denied, but for what is no file to write.
            if getuid() != 0 { await Self.file(.denied) { try await files.makeDirectory("/x") } }
            #expect(try await files.realPath(gone) == gone)
            // Whoever no longer waits gets nothing, and the others their own.
            let left = IO.task { try? await files.attributes(of: gone) }
            left.cancel()
            _ = await left.value
            #expect(try await files.attributes(of: gone).kind == .directory)
            #expect(files.waiting == 0 && files.failure == nil)
        }
    }

    @Test func `losing the link ends what waits`() async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        let configuration = try server.link()
        try await onLoop {
            let link = try await Link.connect(configuration)
            let files = try await link.openSFTP()
            let reading = IO.task { () -> FileError? in
                do throws(FileError) {
                    while true { _ = try await files.read("/dev/zero", count: 1 << 22) }
                } catch {
                    return error
                }
            }
            #expect(await holds { files.waiting > 0 })
            server.cutConnections()
            guard case .ended = await reading.value else {
                Issue.record("not ended")
                return
            }
            #expect(files.failure != nil && files.waiting == 0)
        }
    }

    @Test(arguments: [
        ("echo Welcome back", "login script"),
        ("printf '\\0\\0\\0\\5\\2\\0\\0\\0\\2'; cat", "version 2"),
        ("printf '\\377\\377\\377\\377'; cat", "does not speak SFTP"),
        ("exit 127", "ended with 127"),
    ])
    func `what is no SFTP server is told, and the link lives on`(
        program: String, words: String
    ) async throws {
        let folder = try TemporaryDirectory("files")
        let script = try folder.write(program + "\n", to: "program")
        let server = try await SSHServer.start(
            SSHServer.Options(shell: .dash, settings: ["Subsystem": "sftp /bin/sh \(script)"]))
        let configuration = try server.link()
        try await onLoop {
            let link = try await Link.connect(configuration)
            defer { link.close() }
            do throws(SSHError) {
                _ = try await link.openSFTP()
                Issue.record("opened")
            } catch {
                #expect(error.description.contains(words), "\(error)")
            }
            #expect(link.statistics.errors == 1)
            #expect(link.isOpen)
            #expect(try await link.run("echo on").text == "on\n")
        }
    }

    @Test func `a program that says nothing is given up, and others do not wait for it`()
        async throws
    {
        let server = try await SSHServer.start(
            SSHServer.Options(shell: .dash, settings: ["Subsystem": "sftp sleep 61"]))
        let configuration = try server.link { $0.limits.channel = .seconds(5) }
        try await onLoop {
            let link = try await Link.connect(configuration)
            defer { link.close() }
            let opening = IO.task { () -> SSHError? in
                do throws(SSHError) {
                    _ = try await link.openSFTP()
                    return nil
                } catch {
                    return error
                }
            }
            #expect(await holds { link.channelCount == 1 })
            let ran = try await link.run("echo on")
            #expect(ran.text == "on\n")
            let error = try #require(await opening.value)
            #expect(error.description.contains("did not answer within 5.0 seconds"), "\(error)")
            #expect(try await link.run("echo on").text == "on\n")
        }
    }

    @Test func `bytes that are no answer are refused, however they are cut`() {
        var seeded = Seeded(state: .random(in: 0 ... .max))
        let good: [[UInt8]] = [
            [2, 0, 0, 0, 3], [101, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 65, 0, 0, 0, 0],
            [102, 0, 0, 0, 1, 0, 0, 0, 2, 9, 9], [103, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3],
            [
                104, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 97, 0, 0, 0, 1, 98, 0, 0, 0, 4, 0, 0, 129,
                164,
            ],
            [105, 0, 0, 0, 1, 0, 0, 0, 15] + [UInt8](repeating: 1, count: 28),
            [201, 0, 0, 0, 1] + [UInt8](repeating: 0, count: 88),
        ]
        for message in good {
            #expect(SFTPReply.read(message[...]) != nil)
            for count in 0..<message.count { _ = SFTPReply.read(message.prefix(count)) }
            for _ in 0..<2000 {
                var bent = message
                bent[Int.random(in: 0..<bent.count, using: &seeded)] = .random(
                    in: 0...255, using: &seeded)
                _ = SFTPReply.read(bent[...])
            }
        }
        #expect(SFTPReply.read([104, 0, 0, 0, 1, 255, 255, 255, 255]) == nil)
        #expect(SFTPReply.read([105, 0, 0, 0, 1, 128, 0, 0, 0, 255, 255, 255, 255]) == nil)
        // Whole messages come out however they are cut.
        var stream: [UInt8] = []
        for message in good { stream += [0, 0, 0, UInt8(message.count)] + message }
        for cut in 0...stream.count {
            var splitter = SFTPSplitter()
            let first = splitter.take(Array(stream[..<cut])) ?? []
            let second = splitter.take(Array(stream[cut...])) ?? []
            #expect((first + second).map(Array.init) == good)
        }
        for length: [UInt8] in [[0, 4, 0, 1], [0, 0, 0, 0], [255, 255, 255, 255]] {
            var splitter = SFTPSplitter()
            let refused = splitter.take(length)
            #expect(refused == nil)
        }
    }
}

extension SFTP {
    /// Reads through an open file.
    func read(
        _ path: String, from offset: UInt64 = 0, count: Int
    ) async throws(FileError) -> [UInt8] {
        let file = try await openFile(path, .read)
        let pieces = file.contents(from: offset, upTo: UInt64(count))
        var bytes: [UInt8] = []
        while true {
            let piece = try await pieces.next()
            guard !piece.isEmpty else { return bytes }
            bytes += piece
        }
    }

    /// Writes through an open file.
    func write(
        _ path: String, _ bytes: [UInt8], at offset: UInt64 = 0, _ opening: FileOpening,
        mode: UInt32?
    ) async throws(FileError) {
        let file = try await openFile(path, opening, mode: mode)
        try await file.write(bytes, at: offset)
        if let mode {
            var set = FileAttributes()
            set.mode = mode
            try await file.set(set)
        }
        try await file.close()
    }
}
