// Files through a shell: the scripts in every sh and set of tools that is here, and the file calls
// at servers without SFTP.
import Crypto
import Foundation
import Glibc
import JSON
import Loop
import SSH
import Support
import Testing
import Wire

@testable import homeline_agent

/// Tools that scripts run with.
enum Tools: String, CaseIterable {
    case dash, bash, mksh
    /// BusyBox's sh, and nothing but its tools.
    case busybox
    /// The same without stat and with less options, as on OpenWrt.
    case router

    /// The shell, its first arguments, and its PATH; nil where it is not here.
    func start(_ folder: TemporaryDirectory) async throws -> (String, [String], String)? {
        guard [.busybox, .router].contains(self) else {
            guard let shell = Repository.find(rawValue) else { return nil }
            let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
            // On a socket bash reads its start file, as under sshd.
            return (shell, self == .bash ? ["--norc", "-c"] : ["-c"], path)
        }
        guard let box = Repository.find("busybox") else { return nil }
        let tools = try folder.folder("tools")
        try await RunningProcess.run(
            "/bin/sh",
            ["-c", #"for a in $("$1" --list); do ln -s "$1" "$2/$a"; done"#, "sh", box, tools])
        if self == .router {
            for name in ["stat", "realpath", "od", "base64", "truncate"] {
                unlink("\(tools)/\(name)")
            }
        }
        return (box, ["sh", "-c"], tools)
    }
}

@Suite(.timeLimit(.minutes(1))) struct ShellFilesTests {
    /// What each way does, in one text, so that ways can be compared.
    @IO private static func walk(_ files: any FileStore, _ folder: String) async throws -> [String]
    {
        var seen: [String] = []
        func note<T>(_ what: String, _ body: @IO () async throws(FileError) -> T) async -> T? {
            do throws(FileError) {
                let value = try await body()
                seen.append("\(what): \(value)")
                return value
            } catch {
                seen.append("\(what) failed: \(error)")
                return nil
            }
        }
        func about(_ found: FileAttributes) -> String {
            "\(found.kind) \(String(found.mode ?? 0, radix: 8)) \(found.owner?.user ?? 9)"
                + (found.kind == .file ? " \(found.size ?? 9)" : "")
        }
        let name = "-rf it's \"$HOME\" \\n `x` !! * 文\u{1b}"
        let path = "\(folder)/\(name)"
        let bytes = pattern(1_100_001) + Array(0...255)
        _ = await note("new") { () throws(FileError) in
            try await files.write(path, bytes, at: 0, [.write, .create, .new], mode: 0o640)
        }
        _ = await note("new again") { () throws(FileError) in
            try await files.write(path, [1], at: 0, [.write, .create, .new], mode: 0o640)
        }
        let read = try await files.read(path, from: 0, count: 3_000_000)
        #expect(read == bytes)
        for (offset, count) in [
            (0, 0), (0, 1), (1, 65_536), (65_535, 65_537), (1_048_570, 20), (1_100_200, 90),
            (9_000_000, 5),
        ] {
            let some = try await files.read(path, from: UInt64(offset), count: count)
            #expect(some == Array(bytes.dropFirst(offset).prefix(count)), "\(offset) \(count)")
        }
        _ = await note("attributes") { () throws(FileError) in
            let found = try await files.attributes(of: path, followingLinks: true)
            #expect(abs(Int(found.modified ?? 0) - time(nil)) < 100)
            return about(found)
        }
        // Into the middle, beyond the end, and at the end.
        _ = await note("middle") { () throws(FileError) in
            try await files.write(path, [9, 0, 10], at: 70_000, [.write], mode: nil)
            try await files.write(path, [7], at: 1_200_000, [.write], mode: nil)
            try await files.write(path, [8, 8], at: 0, [.write, .create, .append], mode: nil)
        }
        var expected = bytes
        expected.replaceSubrange(70_000..<70_003, with: [9, 0, 10])
        expected += [UInt8](repeating: 0, count: 1_200_000 - bytes.count) + [7, 8, 8]
        #expect(try await files.read(path, from: 0, count: 3_000_000) == expected)
        _ = await note("set") { () throws(FileError) in
            var set = FileAttributes()
            (set.size, set.mode, set.modified) = (3, 0o1604, 981_173_106)
            try await files.set(set, of: path)
            let found = try await files.attributes(of: path, followingLinks: false)
            return about(found) + " \(found.modified ?? 0)"
        }
        _ = await note("truncated") { () throws(FileError) in
            try await files.write(path, [], at: 0, [.write, .create, .truncate], mode: nil)
        }
        _ = await note("sync") { () throws(FileError) in
            let file = try await files.open(path, .write, mode: nil)
            try await file.write(Array("synced".utf8), at: 0)
            try await file.syncIfOffered()
            try await file.close()
        }
        let odd = Array("\(folder)/bad".utf8CString.dropLast()) + [-1, 0]
        close(
            unsafe odd.withUnsafeBufferPointer {
                unsafe $0.baseAddress.map { unsafe creat($0, 0o600) } ?? -1
            })
        for more in ["new\nline", "two  spaces ", "plain", ".hidden"] {
            _ = await note(more) { () throws(FileError) in
                try await files.write(
                    "\(folder)/\(more)", [1], at: 0, [.write, .create], mode: 0o600)
            }
        }
        _ = await note("links") { () throws(FileError) in
            try await files.makeDirectory("\(folder)/sub")
            try await files.makeLink(at: "\(folder)/to sub", to: "sub")
            try await files.makeLink(at: "\(folder)/loose", to: "-n o\nwhere")
        }
        _ = await note("link over a directory") { () throws(FileError) in
            try await files.makeLink(at: "\(folder)/sub", to: "plain")
        }
        _ = await note("link") { () throws(FileError) in
            try await files.target(ofLink: "\(folder)/to sub")
        }
        _ = await note("no link") { () throws(FileError) in
            try await files.target(ofLink: "\(folder)/gone")
        }
        _ = await note("loose") { () throws(FileError) in
            about(try await files.attributes(of: "\(folder)/loose", followingLinks: false))
        }
        _ = await note("loose, followed") { () throws(FileError) in
            about(try await files.attributes(of: "\(folder)/loose", followingLinks: true))
        }
        _ = await note("entries") { () throws(FileError) in
            try await files.entries(of: folder, limit: 100).map {
                "\($0.name.debugDescription) \(about($0.attributes))"
            }.sorted()
        }
        _ = await note("some entries") { () throws(FileError) in
            try await files.entries(of: folder, limit: 2).count
        }
        _ = await note("no entries") { () throws(FileError) in
            try await files.entries(of: "\(folder)/sub", limit: 2).count
        }
        for wrong in ["gone", "plain"] {
            _ = await note("entries of \(wrong)") { () throws(FileError) in
                try await files.entries(of: "\(folder)/\(wrong)", limit: 2).count
            }
        }
        _ = await note("real") { () throws(FileError) in
            try await files.realPath("\(folder)/to sub").replacing(folder, with: "…")
        }
        for (from, to, replacing) in [
            ("plain", "two  spaces ", false), ("plain", "two  spaces ", true),
            ("sub", "moved", false),
            ("gone", "other", true), ("moved", "plain/in", false),
            ("new\nline", "-new", false), ("two  spaces ", "moved", true),
        ] {
            _ = await note("\(from) to \(to)") { () throws(FileError) in
                try await files.rename(
                    "\(folder)/\(from)", to: "\(folder)/\(to)", replacing: replacing)
            }
        }
        _ = await note("not removed") { () throws(FileError) in
            try await files.remove("\(folder)/moved")
        }
        _ = await note("gone") { () throws(FileError) in try await files.remove("\(folder)/gone") }
        _ = await note("full") { () throws(FileError) in try await files.removeDirectory(folder) }
        _ = await note("empty") { () throws(FileError) in
            try await files.removeDirectory("\(folder)/moved")
        }
        _ = await note("made twice") { () throws(FileError) in try await files.makeDirectory(folder)
        }
        _ = await note("below nothing") { () throws(FileError) in
            try await files.write("\(folder)/no/x", [1], at: 0, [.write, .create], mode: nil)
        }
        _ = await note("not there") { () throws(FileError) in
            try await files.write("\(folder)/no", [1], at: 0, [.write], mode: nil)
        }
        _ = await note("a directory") { () throws(FileError) in
            try await files.write(folder, [1], at: 0, [.write], mode: nil)
        }
        _ = await note("unread") { () throws(FileError) in
            try await files.read("\(folder)/no", from: 0, count: 9)
        }
        _ = await note("device") { () throws(FileError) in
            try await files.attributes(of: "/dev/null", followingLinks: true).kind
        }
        for name in try FileManager.default.contentsOfDirectory(atPath: folder)
        where name.hasPrefix("-rf") {
            try await files.remove("\(folder)/\(name)")
        }
        return seen
    }

    @Test(arguments: Tools.allCases)
    @IO func `every sh serves files as this machine does`(tools: Tools) async throws {
        let here = try TemporaryDirectory("here")
        let there = try TemporaryDirectory("there")
        let own = try TemporaryDirectory("tools")
        guard let (shell, arguments, path) = try await tools.start(own) else { return }
        let local = LocalFiles(home: here.path, closed: ClosedFiles(patterns: []))
        let plain = ShellFiles { script throws(Fault) in
            do throws(LoopError) {
                return try ChildStream(
                    path: shell, arguments: arguments + [script], environment: ["PATH": path])
            } catch { throw Fault(.unavailable, "\(error)") }
        }
        let expected = try await Self.walk(local, here.path)
        let seen = try await Self.walk(plain, there.path)
        for (one, other) in zip(expected, seen) { #expect(one == other) }
        #expect(expected.count == seen.count)
    }
}

@Suite(.timeLimit(.minutes(1))) struct PlainServersTests {
    /// What a caller does with files whose name no shell leaves alone.
    @IO private static func use(_ desk: Desk, _ folder: String) async throws {
        let path = "\(folder)/-rf it's \"$HOME\" \\n `x` !! * 文"
        let at: JSON.Object = ["target": "site/plain", "path": .string(path)]
        let bytes = Array(0...255).map(UInt8.init)
        let made = try await desk.call(
            .writeFile, at.with(["base64": .string(Base64.encode(bytes)), "mode": "0600"])
        ).get()
        #expect(made["created"] == true && made["size"] == 256)
        #expect(made["path"]?.stringValue == path)
        let read = try await desk.call(.readFile, at.with(["encoding": "base64"])).get()
        #expect(read["content"]?.stringValue == Base64.encode(bytes))
        #expect(read["sha256"] == made["sha256"])
        let text = try await desk.call(
            .writeFile, at.with(["content": "één\n", "atomic": true])
        ).get()
        #expect(text["size"] == 6)
        let edited = try await desk.call(
            .editFile, at.with(["edits": [["old": "één", "new": "twee"]]])
        ).get()
        #expect(edited["in_place"] == nil)
        let list = try await desk.call(
            .listFiles, ["target": "site/plain", "path": .string(folder)]
        ).get()
        #expect(list["entries"]?.arrayValue?.count == 1)
        #expect(list["entries"]?[0]?["mode"] == "0600" && list["entries"]?[0]?["size"] == 5)
        #expect(list["entries"]?[0]?["modified"]?.stringValue?.hasPrefix("20") == true)
        let gone = try await desk.call(.manageFiles, at.with(["action": "delete"])).get()
        #expect(gone["entries"] == 1)
    }

    @Test(arguments: [Shell.ash, .fish, .tcsh])
    @IO func `files need no SFTP, whatever the login shell`(shell: Shell) async throws {
        guard shell.command != nil else { return }
        let server = try await SSHServer.start(.plain(shell))
        let desk = try await Desk([("plain", server, "")])
        try await Self.use(desk, desk.folder.path)
        await desk.service.shutDown()
    }

    /// A machine of dropbear and busybox alone, as a router is.
    @Test(.needs("busybox", .mounts)) @IO func `files of a router without SFTP are used`()
        async throws
    {
        if let obstacle = OtherServer.Make.dropbear.obstacle {
            return leaveOut("files of a router", because: obstacle)
        }
        let server = try await OtherServer(.dropbear, isRouter: true)
        let desk = try await Desk([("plain", server, "")])
        do {
            let folder = "/home/\(server.user)/files"
            _ = try await desk.call(
                .manageFiles,
                ["target": "site/plain", "action": "mkdir", "path": .string(folder)]
            ).get()
            try await Self.use(desk, folder)
        } catch { Issue.record("\(error): \(server.log)") }
        let ran = try await desk.call(
            .execute, ["target": "site/plain", "command": "stat /; ls --version; echo $0"]
        ).get()
        #expect("\(ran)".contains("stat: not found"), "\(ran)")
        await desk.service.shutDown()
        await server.stop()
    }

    @Test @IO func `an account with neither SFTP nor a shell gets an error that says so`()
        async throws
    {
        let forced = try await SSHServer.start(
            .init(settings: ["Subsystem": "none /bin/false", "ForceCommand": "echo Only backups"]))
        let files = try await SSHServer.start(
            .init(settings: ["ForceCommand": "internal-sftp", "Subsystem": "sftp internal-sftp"]))
        let desk = try await Desk([("forced", forced, ""), ("files", files, "")])
        try desk.folder.write("x", to: "file")
        func read(_ target: String) async -> Result<JSON, Fault> {
            await desk.call(
                .readFile, ["target": .string("site/\(target)"), "path": desk.file("file")])
        }
        guard case .failure(let backups) = await read("forced") else {
            return #expect(Bool(false))
        }
        #expect(backups.message.contains("no Unix shell"), "\(backups.message)")
        #expect(backups.message.contains("Only backups"), "\(backups.message)")
        #expect(try await read("files").get()["content"] == "x")
        await desk.service.shutDown()
    }
}
