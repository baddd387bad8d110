// What a changed file keeps: its names, its owner, its attributes and the place where it is
// mounted; and its content, where a change fails.
import Foundation
import Glibc
import JSON
import Loop
import SSH
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite(.timeLimit(.minutes(1))) struct KeptTests {
    private static func about(_ path: String) throws -> stat {
        var found = stat()
        guard unsafe lstat(path, &found) == 0 else { throw Unavailable("no \(path)") }
        return found
    }

    @IO private static func edit(
        _ desk: Desk, _ target: String, _ path: String, _ old: String, _ new: String
    ) async -> Result<JSON, Fault> {
        await desk.call(
            .editFile,
            [
                "target": .string(target), "path": .string(path),
                "edits": [["old": .string(old), "new": .string(new)]],
            ])
    }

    @IO private static func write(
        _ desk: Desk, _ target: String, _ path: String, _ more: JSON.Object = [:]
    ) async -> Fault? {
        let base: JSON.Object = [
            "target": .string(target), "path": .string(path), "content": "new",
        ]
        return await desk.fault(.writeFile, base.with(more))
    }

    @Test(arguments: Desk.ways)
    @IO func `a file with two names is edited in place, and keeps both`(
        target: String
    ) async throws {
        let server = try await SSHServer.start(.files(of: target))
        let desk = try await Desk([("box", server, ""), ("plain", server, "")])
        let (one, two) = (desk.folder.file("one"), desk.folder.file("two"))
        try desk.folder.write("a longer text\n", to: "one")
        try FileManager.default.linkItem(atPath: one, toPath: two)
        let edited = try await Self.edit(desk, target, two, "a longer", "a").get()
        #expect(edited["in_place"] == true && edited["size"] == 7)
        #expect(try desk.text("one") == "a text\n" && desk.text("two") == "a text\n")
        let fault = await Self.write(desk, target, one, ["atomic": true])
        #expect(fault?.code == .fileFailed)
        #expect(fault?.message.contains("2 hard links") == true, "\(fault?.message ?? "none")")
        #expect(try desk.text("two") == "a text\n")
        // What has one name is replaced as ever.
        try desk.folder.write("alone\n", to: "three")
        let three = try await Self.edit(desk, target, desk.folder.file("three"), "al", "Al").get()
        #expect(three["in_place"] == nil)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: desk.folder.path).sorted()
                == ["one", "three", "two"])
        await desk.service.shutDown()
    }

    @Test(.needs("python3")) @IO func `extended attributes stay`() async throws {
        let desk = try await Desk([])
        let path = desk.folder.file("file")
        try desk.folder.write("old\n", to: "file")
        try #require(!FileSystem.hasExtendedAttributes(path))
        let script = "import os,sys; os.setxattr(sys.argv[1], 'user.note', b'x')"
        let child = try RunningProcess(
            try #require(Repository.find("python3")), ["-c", script, path])
        guard try await child.finished(within: .seconds(20)) == .exited(0) else {
            return leaveOut("extended attributes", because: child.errors)
        }
        #expect(FileSystem.hasExtendedAttributes(path))
        let edited = try await Self.edit(desk, "site/local", path, "old", "new").get()
        #expect(edited["in_place"] == true)
        #expect(try desk.text("file") == "new\n" && FileSystem.hasExtendedAttributes(path))
        let fault = await Self.write(desk, "site/local", path, ["atomic": true])
        #expect(fault?.message.contains("extended attributes") == true)
    }

    @Test(.needs(.account)) @IO func `another user's file keeps its owner`() async throws {
        let account = try await Account(usesOwnTerminal: false)
        let result = await IO.task { () async -> Result<Void, any Error> in
            do {
                try await Self.keepOwner(account)
                return .success(())
            } catch { return .failure(error) }
        }.value
        await account.remove()
        try result.get()
    }

    @IO private static func keepOwner(_ account: Account) async throws {
        var options = SSHServer.Options(shell: .dash)
        options.account = account
        let server = try await SSHServer.start(options)
        let desk = try await Desk([("box", server, "")])
        // A folder where the user may change a file, and make none.
        try desk.folder.folder("closed")
        try desk.folder.folder("open")
        for name in ["closed/file", "open/file"] {
            try desk.folder.write("old\n", to: name)
            _ = unsafe chmod(desk.folder.file(name), 0o666)
        }
        _ = unsafe chmod(desk.folder.path, 0o755)
        _ = unsafe chmod(desk.folder.file("closed"), 0o755)
        _ = unsafe chmod(desk.folder.file("open"), 0o777)
        for name in ["closed/file", "open/file"] {
            let path = desk.folder.file(name)
            let fault = await write(desk, "site/box", path, ["atomic": true])
            let words = name == "open/file" ? "its owner and group" : "its directory"
            #expect(fault?.message.contains(words) == true, "\(fault?.message ?? "none")")
            #expect(fault?.message.contains("without atomic") == true)
            let edited = try await edit(desk, "site/box", path, "old", "new").get()
            #expect(edited["in_place"] == true)
            #expect(try desk.text(name) == "new\n" && about(path).st_uid == getuid())
        }
        await desk.service.shutDown()
    }

    /// An SFTP server in a namespace of its own, where a file is a mount point, a disk is full, and
    /// another is read-only.
    @IO private static func narrow(_ folder: TemporaryDirectory) async throws -> SSHServer {
        for name in ["small", "readonly"] { try folder.folder(name) }
        try folder.write("old\n", to: "bound")
        let script = try folder.write(
            """
            [ "$1" = in ] || exec unshare -m /bin/sh "$0" in
            exec 2>/dev/null
            cd \(folder.path) && mount --bind bound bound && mount -t tmpfs -o ro none readonly
            mount -t tmpfs -o size=64k none small
            echo old >small/file; ln small/file small/other; cat /dev/zero >small/fill
            for s in /usr/lib/openssh/sftp-server /usr/libexec/sftp-server; do
            [ -x $s ] && exec $s; done

            """, to: "subsystem")
        return try await SSHServer.start(
            .init(shell: .dash, settings: ["Subsystem": "sftp /bin/sh \(script)"]))
    }

    @Test(.needs(.mounts)) @IO func `a mount point is edited in place, and failures have reasons`()
        async throws
    {
        let folder = try TemporaryDirectory("narrow")
        let desk = try await Desk([("box", try await Self.narrow(folder), "")])
        let bound = folder.file("bound")
        let edited = try await Self.edit(desk, "site/box", bound, "old", "new").get()
        #expect(edited["in_place"] == true)
        #expect(try String(contentsOfFile: bound, encoding: .utf8) == "new\n")
        #expect(
            await Self.write(desk, "site/box", bound, ["atomic": true])?.message
                .contains("cannot be given its name") == true)

        let full = try #require(await Self.write(desk, "site/box", folder.file("small/new")))
        #expect(full.code == .fileFailed && full.message.contains("no space is left"), "\(full)")
        // It does not fit, and what was there is there again.
        let file = folder.file("small/file")
        let long = String(repeating: "long ", count: 20_000)
        guard case .failure(let fault) = await Self.edit(desk, "site/box", file, "old", long) else {
            return #expect(Bool(false))
        }
        #expect(fault.message.contains("no space is left"), "\(fault.message)")
        #expect(fault.message.contains("old content was written back"), "\(fault.message)")
        let read = try await desk.call(
            .readFile, ["target": "site/box", "path": .string(file)]
        ).get()
        #expect(read["content"] == "old\n")

        let closed = try #require(await Self.write(desk, "site/box", folder.file("readonly/new")))
        #expect(closed.message.contains("read-only"), "\(closed.message)")
        for (from, to, words) in [
            ("subsystem", "small/moved", "different file systems"),
            ("subsystem", "readonly/moved", "different file systems"),
        ] {
            let moved = await desk.fault(
                .manageFiles,
                [
                    "target": "site/box", "action": "move", "path": .string(folder.file(from)),
                    "to": .string(folder.file(to)),
                ])
            #expect(moved?.message.contains(words) == true, "\(moved?.message ?? "none")")
        }
        let made = await desk.fault(
            .manageFiles,
            [
                "target": "site/box", "action": "mkdir",
                "path": .string(folder.file("readonly/made")),
            ])
        #expect(made?.message.contains("read-only") == true, "\(made?.message ?? "none")")
        await desk.service.shutDown()
    }
}
