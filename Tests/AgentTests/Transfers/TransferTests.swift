// Transfers within one agent: from and to its own machine and a target behind SFTP, what is kept of
// a file, and what becomes of what cannot be copied.
import Crypto
import Foundation
import Glibc
import JSON
import Loop
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite(.timeLimit(.minutes(1))) struct TransferTests {
    private static func about(_ path: String) throws -> stat {
        var found = stat()
        guard unsafe lstat(path, &found) == 0 else { throw Unavailable("no \(path)") }
        return found
    }

    /// The names below a folder, also those that begin with a dot.
    private static func names(_ path: String) -> [String] {
        (FileManager.default.enumerator(atPath: path)?.allObjects as? [String] ?? []).sorted()
    }

    private static func transfer(
        _ desk: Desk, _ from: String, _ to: String, _ more: JSON.Object = [:],
        at targets: (String, String) = ("site/local", "site/local")
    ) async -> Result<JSON, Fault> {
        let base: JSON.Object = [
            "target": .string(targets.0), "path": .string(from), "to_target": .string(targets.1),
            "to_path": .string(to), "wait_s": 50,
        ]
        return await desk.call(.startTransfer, base.with(more))
    }

    @Test(arguments: [
        ("site/local", "site/box"), ("site/box", "site/local"), ("site/box", "site/box"),
        ("site/plain", "site/plain"),
    ])
    @IO func `a tree arrives whole, with its modes, times and links`(
        source: String, destination: String
    ) async throws {
        let server = try await SSHServer.start(.files(of: source))
        let desk = try await Desk([("box", server, ""), ("plain", server, "")])
        let (from, to) = (desk.folder.file("from"), desk.folder.file("to"))
        let large = pattern(1_000_003)
        let names = ["a b", "-rf", "new\nline", "é", "empty", "sub/deep/x", "sub/large"]
        for name in names {
            let path = "\(from)/\(name)"
            try FileManager.default.createDirectory(
                atPath: String(path[..<path.lastIndex(of: "/")!]), withIntermediateDirectories: true
            )
            let content = name == "sub/large" ? large : name == "empty" ? [] : Array(name.utf8)
            try Data(content).write(to: URL(fileURLWithPath: path))
        }
        try FileManager.default.createSymbolicLink(
            atPath: "\(from)/link", withDestinationPath: "/nowhere/at all")
        _ = unsafe chmod("\(from)/a b", 0o640)
        _ = unsafe chmod("\(from)/sub", 0o750)
        let times = [timespec](repeating: timespec(tv_sec: 1_000_000_000, tv_nsec: 0), count: 2)
        for path in ["\(from)/a b", "\(from)/sub/large", "\(from)/sub"] {
            _ = unsafe utimensat(AT_FDCWD, path, times, 0)
        }

        let done = try await Self.transfer(
            desk, from, to, ["recursive": true], at: (source, destination)
        ).get()
        #expect(done["state"] == "done" && done["files"] == 7 && done["links"] == 1, "\(done)")
        #expect(done["directories"] == 3 && done["total_files"] == 7, "\(done)")
        #expect(done["bytes"]?.intValue == done["total_bytes"]?.intValue)
        #expect(Self.names(from) == Self.names(to))
        for name in names {
            let paths = ["\(from)/\(name)", "\(to)/\(name)"]
            let both = try paths.map { try Data(contentsOf: URL(fileURLWithPath: $0)) }
            #expect(both[0] == both[1], "\(name)")
            let facts = try paths.map(Self.about)
            #expect(facts[0].st_mode == facts[1].st_mode, "\(name)")
            #expect(facts[0].st_mtim.tv_sec == facts[1].st_mtim.tv_sec, "\(name)")
        }
        let folder = try Self.about("\(to)/sub")
        #expect(folder.st_mode & 0o7777 == 0o750 && folder.st_mtim.tv_sec == 1_000_000_000)
        #expect(
            try FileManager.default.destinationOfSymbolicLink(atPath: "\(to)/link")
                == "/nowhere/at all")

        // Again: only what has changed since.
        try Data("more".utf8).write(to: URL(fileURLWithPath: "\(from)/a b"))
        let again = try await Self.transfer(
            desk, from, to, ["recursive": true, "only_changed": true], at: (source, destination)
        ).get()
        #expect(again["files"] == 1 && again["unchanged"] == 6, "\(again)")
        #expect(try String(contentsOfFile: "\(to)/a b", encoding: .utf8) == "more")
    }

    @Test @IO func `one file gets its digest, and a slash puts it into a directory`() async throws {
        let desk = try await Desk([])
        let content = pattern(300_000)
        let from = desk.folder.file("from")
        try Data(content).write(to: URL(fileURLWithPath: from))
        try FileManager.default.createDirectory(
            atPath: desk.folder.file("into"), withIntermediateDirectories: false)
        let done = try await Self.transfer(desk, from, desk.folder.file("into/")).get()
        #expect(done["sha256"]?.stringValue == Hex.encode(SHA256.hash(content)), "\(done)")
        #expect(done["path"]?.stringValue?.hasSuffix("/into/from") == true)
        #expect(Self.names(desk.folder.file("into")) == ["from"])
        let id = try #require(done["command_id"])
        let output = try await desk.call(.readCommand, ["command_id": id]).get()
        #expect(
            output["state"] == "done"
                && output["stdout"]?.stringValue?.contains("1 of 1 files") == true)
        let list = try await desk.call(.listCommands, [:]).get()
        #expect(list["commands"]?[0]?["command_id"] == id, "\(list)")
        let waited = try await desk.call(.awaitTransfer, ["command_id": id]).get()
        #expect(waited["state"] == "done" && waited["files"] == 1)
        // A place that is the source itself, below it, or in no directory.
        for to in [from, "\(from)/x", desk.folder.file("none/x"), desk.folder.file("into")] {
            let result = await Self.transfer(desk, from, to)
            if case .success(let info) = result {
                #expect(info["state"] == "failed", "\(to): \(info)")
            }
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: from)) == Data(content))
        #expect(Self.names(desk.folder.path) == ["from", "into", "into/from"])
    }

    @Test @IO func `holes stay holes`() async throws {
        let server = try await SSHServer.start(.init(shell: .dash))
        let plain = try await SSHServer.start(.plain)
        let desk = try await Desk([("box", server, ""), ("plain", plain, "")])
        let from = desk.folder.file("from")
        let size: UInt64 = 64 << 20
        _ = FileManager.default.createFile(atPath: from, contents: Data("begin".utf8))
        let file = try #require(FileHandle(forWritingAtPath: from))
        try file.seek(toOffset: size / 2)
        try file.write(contentsOf: Data("middle".utf8))
        try file.truncate(atOffset: size)
        for (target, name) in [
            ("site/local", "one"), ("site/box", "two"), ("site/plain", "three"),
        ] {
            let to = desk.folder.file(name)
            let done = try await Self.transfer(desk, from, to, at: ("site/local", target)).get()
            #expect(done["state"] == "done" && done["bytes"]?.intValue == Int64(size), "\(done)")
            let found = try Self.about(to)
            #expect(found.st_size == Int(size) && found.st_blocks * 512 < 2 << 20)
            #expect(FileManager.default.contentsEqual(atPath: from, andPath: to))
        }
    }

    @Test(arguments: ["site/box", "site/plain"])
    @IO func `a cancelled transfer leaves no file, and the same call goes on`(
        target: String
    ) async throws {
        let server = try await SSHServer.start(.files(of: target))
        let desk = try await Desk([("box", server, ""), ("plain", server, "")])
        let (from, to) = (desk.folder.file("from"), desk.folder.file("to"))
        let content = pattern(48 << 20)
        try Data(content).write(to: URL(fileURLWithPath: from))
        let begun = try await Self.transfer(
            desk, from, to, ["wait_s": 0], at: (target, target)
        ).get()
        let id = try #require(begun["command_id"])
        func bytes() async -> Int64 {
            let found = try? await desk.call(.awaitTransfer, ["command_id": id]).get()
            return found?["bytes"]?.intValue ?? 0
        }
        while await bytes() < 4 << 20 { try await IO.sleep(for: .milliseconds(2)) }
        let cancelled = try await desk.call(.cancelCommand, ["command_id": id]).get()
        #expect(cancelled["state"] == "cancelled", "\(cancelled)")
        #expect(access(to, F_OK) != 0)
        let done = try await Self.transfer(desk, from, to, at: (target, target)).get()
        #expect(done["state"] == "done", "\(done)")
        #expect((done["resumed_bytes"]?.intValue ?? 0) > 0, "\(done)")
        #expect(done["sha256"]?.stringValue == Hex.encode(SHA256.hash(content)))
        #expect(Self.names(desk.folder.path) == ["from", "to"])
    }

    @Test @IO func `what cannot be copied is named, and the rest is there`() async throws {
        let desk = try await Desk([])
        let (from, to) = (desk.folder.file("from"), desk.folder.file("to"))
        for folder in [from, to, "\(to)/taken"] {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: false)
        }
        for name in ["good", "taken"] {
            try Data("x".utf8).write(to: URL(fileURLWithPath: "\(from)/\(name)"))
        }
        _ = unsafe mkfifo("\(from)/pipe", 0o600)
        let odd: [CChar] = Array("\(from)/odd".utf8CString.dropLast()) + [-1, 0]
        let descriptor = unsafe open(odd, O_CREAT | O_WRONLY, 0o600)
        try #require(descriptor >= 0)
        close(descriptor)
        let done = try await Self.transfer(desk, from, to, ["recursive": true]).get()
        #expect(done["state"] == "failed" && done["failed"] == 3 && done["files"] == 1, "\(done)")
        let failures = (done["failures"]?.arrayValue ?? []).compactMap(\.stringValue)
        for words in ["a device, a pipe or a socket", "is not UTF-8", "a directory of its name"] {
            #expect(failures.contains { $0.contains(words) }, "\(words): \(failures)")
        }
        #expect(Self.names(to) == ["good", "taken"])
        // What is not there, or is a directory, is an error of the call.
        let missing = await Self.transfer(desk, "\(from)/none", "\(to)/none")
        #expect(throws: Fault.self) { try missing.get() }
        let folder = await Self.transfer(desk, from, "\(to)/copy")
        #expect(throws: Fault.self) { try folder.get() }
    }

    @Test @IO func `the rules hold for both ends`() async throws {
        let desk = try await Desk([])
        let (from, to) = (desk.folder.file("from"), desk.folder.file("to"))
        try FileManager.default.createDirectory(atPath: from, withIntermediateDirectories: false)
        for name in ["good", "secret"] {
            try Data("x".utf8).write(to: URL(fileURLWithPath: "\(from)/\(name)"))
        }
        let real = try #require(
            unsafe realpath(desk.folder.path, nil).map { unsafe String(cString: $0) })
        desk.allow { $0.paths.denied = [PathRule("*:\(real)/from/secret")!] }
        let done = try await Self.transfer(desk, from, to, ["recursive": true]).get()
        #expect(done["state"] == "failed" && done["files"] == 1 && done["failed"] == 1, "\(done)")
        #expect(Self.names(to) == ["good"])
        desk.allow { $0.paths.readOnly = [PathRule("*:\(real)/to/*")!] }
        let refused = try? await Self.transfer(desk, "\(from)/good", "\(to)/new").get()
        #expect(refused?["state"] != "done" && Self.names(to) == ["good"])
        desk.allow { $0.isReadOnly = true }
        let result = await Self.transfer(desk, "\(from)/good", desk.folder.file("new"))
        let fault = #expect(throws: Fault.self) { try result.get() }
        #expect(fault?.code == .refusedByPolicy)
    }
}
