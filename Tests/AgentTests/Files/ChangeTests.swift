// file.edit, file.write with atomic, and file.manage: the same over SFTP and on this machine.
import Crypto
import Foundation
import JSON
import Loop
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite(.timeLimit(.minutes(1))) struct ChangeTests {
    private static func mode(_ path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }

    private static func inode(_ path: String) throws -> UInt64? {
        try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? UInt64
    }

    /// The names in a folder, also those that begin with a dot.
    private static func names(_ path: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    }

    @Test(arguments: Desk.ways)
    @IO func `edits replace exact text, all or none`(target: String) async throws {
        let server = try await SSHServer.start(.files(of: target))
        let desk = try await Desk([("box", server, ""), ("plain", server, "")])
        let real = desk.folder.file("real")
        try desk.folder.write("one\ntwo\nthree two\n", to: "real")
        try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: real)
        try FileManager.default.createSymbolicLink(
            atPath: desk.folder.file("link"), withDestinationPath: "real")
        func edit(_ edits: JSON, _ more: JSON.Object = [:]) async -> Result<JSON, Fault> {
            let base: JSON.Object = [
                "target": .string(target), "path": desk.file("link"), "edits": edits,
            ]
            return await desk.call(.editFile, base.with(more))
        }
        let before = try Self.inode(real)
        let done = try await edit([
            ["old": "one\n", "new": "1\n"], ["old": "1\ntwo", "new": "1\n2"],
        ]).get()
        #expect(try desk.text("real") == "1\n2\nthree two\n")
        let digest = Hex.encode(SHA256.hash(Array("1\n2\nthree two\n".utf8)))
        #expect(done["sha256"]?.stringValue == digest && done["size"] == 14)
        #expect(done["replaced"] == 2 && done["in_place"] == nil)
        #expect(done["path"]?.stringValue?.hasSuffix("/real") == true)
        #expect(done["diff"] == "@@ -1,3 +1,3 @@\n-one\n-two\n+1\n+2\n three two\n")
        // A new file, which has the old one's mode; the link leads to it.
        #expect(try Self.inode(real) != before && Self.mode(real) == 0o640)
        #expect(try Self.names(desk.folder.path) == ["link", "real"])

        for (edits, words) in [
            (
                [["old": "1", "new": "x"], ["old": "nowhere", "new": ""]],
                "\"edits[1].old\" does not"
            ),
            ([["old": "t", "new": "x"]], "occurs 2 times, first on line 3"),
            ([["old": "", "new": "x"]], "is empty"), ([["old": "1", "new": "1"]], "are equal"),
            ([["old": "1\n2 ", "new": "x"]], "other white space"),
        ] as [(JSON, String)] {
            guard case .failure(let fault) = await edit(edits) else {
                Issue.record("\(edits) was done")
                continue
            }
            #expect(fault.message.contains(words), "\(fault.message)")
        }
        #expect(try desk.text("real") == "1\n2\nthree two\n")
        let all = try await edit(
            [["old": "t", "new": "", "all": true]], ["expect_sha256": .string(digest)]
        ).get()
        #expect(all["replaced"] == 2)
        guard
            case .failure(let stale) = await edit(
                [["old": "1", "new": "x"]], ["expect_sha256": .string(digest)])
        else { return #expect(Bool(false)) }
        #expect(stale.code == .fileChanged)
        #expect(try desk.text("real") == "1\n2\nhree wo\n")
        try desk.folder.write("a\r\nb\r\n", to: "real")
        guard case .failure(let ends) = await edit([["old": "a\nb", "new": "x"]]) else {
            return #expect(Bool(false))
        }
        #expect(ends.message.contains("CR LF"))
        #expect(try Self.names(desk.folder.path) == ["link", "real"])
        await desk.service.shutDown()
    }

    @Test(arguments: Desk.ways)
    @IO func `an atomic write makes a new file and keeps the mode`(target: String) async throws {
        let server = try await SSHServer.start(.files(of: target))
        let desk = try await Desk([("box", server, ""), ("plain", server, "")])
        let file = desk.folder.file("file")
        try desk.folder.write("old", to: "file")
        try FileManager.default.setAttributes([.posixPermissions: 0o604], ofItemAtPath: file)
        func write(_ name: String, _ more: JSON.Object = [:]) async -> Result<JSON, Fault> {
            let base: JSON.Object = [
                "target": .string(target), "path": desk.file(name), "content": "new",
                "atomic": true,
            ]
            return await desk.call(.writeFile, base.with(more))
        }
        let before = try Self.inode(file)
        let done = try await write("file").get()
        #expect(done["size"] == 3 && done["created"] == nil)
        #expect(try desk.text("file") == "new" && Self.mode(file) == 0o604)
        #expect(try Self.inode(file) != before)
        let made = try await write("deep/er", ["create_dirs": true, "mode": "0600"]).get()
        #expect(made["created"] == true)
        #expect(try Self.mode(desk.folder.file("deep/er")) == 0o600)
        // A rule that keeps the new file out keeps the old one whole.
        let rule = try #require(PathRule(desk.folder.file(".homeline-*")))
        desk.allow { $0.paths.denied = [rule] }
        guard case .failure(let fault) = await write("file", ["content": "never"]) else {
            return #expect(Bool(false))
        }
        #expect(fault.code == .refusedByPolicy)
        #expect(try desk.text("file") == "new")
        #expect(try Self.names(desk.folder.path) == ["deep", "file"])
        await desk.service.shutDown()
    }

    @Test @IO func `an edit works where the server cannot replace a file`() async throws {
        let server = try await FilesServer(.paramiko)
        let desk = try await Desk([("box", server, "")])
        try desk.folder.write("old text", to: "file")
        let at: JSON.Object = ["target": "site/box", "path": desk.file("file")]
        let edited = try await desk.call(
            .editFile, at.with(["edits": [["old": "old", "new": "new"]]])
        ).get()
        #expect(try desk.text("file") == "new text")
        #expect(edited["in_place"] == true)
        #expect(try Self.names(desk.folder.path) == ["file"])
    }

    @Test(arguments: Desk.ways)
    @IO func `files are made, moved, copied, changed and deleted`(target: String) async throws {
        let server = try await SSHServer.start(.files(of: target))
        let desk = try await Desk([("box", server, ""), ("plain", server, "")])
        let folder = desk.folder
        func manage(_ action: String, _ path: String, _ more: JSON.Object = [:]) async
            -> Result<JSON, Fault>
        {
            let base: JSON.Object = [
                "target": .string(target), "action": .string(action),
                "path": path.hasPrefix("/") || path == "~" ? .string(path) : desk.file(path),
            ]
            return await desk.call(.manageFiles, base.with(more))
        }
        func fails(_ action: String, _ path: String, _ more: JSON.Object = [:], _ words: String)
            async
        {
            guard case .failure(let fault) = await manage(action, path, more) else {
                Issue.record("\(action) \(path) \(more) was done")
                return
            }
            #expect(fault.message.contains(words), "\(action) \(path): \(fault.message)")
        }
        #expect(try await manage("mkdir", "a", ["mode": "0750"]).get()["entries"] == 1)
        #expect(try Self.mode(folder.file("a")) == 0o750)
        await fails("mkdir", "a", [:], "exists already")
        #expect(try await manage("mkdir", "a", ["recursive": true]).get()["entries"] == 0)
        _ = try await manage("mkdir", "a/b/c", ["recursive": true]).get()
        try folder.write("text", to: "a/b/file")
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o751, .modificationDate: Date(timeIntervalSince1970: 1_000_000)],
            ofItemAtPath: folder.file("a/b/file"))
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("a/link"), withDestinationPath: "b/none")

        let copied = try await manage(
            "copy", "a", ["to": desk.file("copy"), "recursive": true]
        ).get()
        #expect(copied["entries"] == 5 && copied["bytes"] == 4, "\(copied)")
        #expect(try desk.text("copy/b/file") == "text")
        #expect(try Self.mode(folder.file("copy/b/file")) == 0o751)
        #expect(try Self.mode(folder.file("copy")) == 0o750)
        let time =
            try FileManager.default.attributesOfItem(
                atPath: folder.file("copy/b/file"))[.modificationDate] as? Date
        #expect(time?.timeIntervalSince1970 == 1_000_000)
        #expect(
            try FileManager.default.destinationOfSymbolicLink(atPath: folder.file("copy/link"))
                == "b/none")
        await fails("copy", "a", ["to": desk.file("copy2")], "recursive copies it")
        await fails("copy", "a", ["to": desk.file("a/b/x"), "recursive": true], "below it")
        await fails("copy", "a/b/file", ["to": desk.file("copy/b/file")], "exists already")
        try folder.write("longer text", to: "a/b/file")
        _ = try await manage(
            "copy", "a/b/file", ["to": desk.file("copy/b/file"), "replace": true]
        ).get()
        #expect(try desk.text("copy/b/file") == "longer text")
        #expect(try Self.names(folder.file("copy/b")) == ["c", "file"])

        await fails("move", "a", ["to": desk.file("copy")], "it is a directory")
        _ = try await manage("move", "a", ["to": desk.file("moved")]).get()
        #expect(try Self.names(folder.path) == ["copy", "moved"])
        await fails("move", "moved/b/file", ["to": desk.file("copy/b/file")], "exists already")
        _ = try await manage(
            "move", "moved/b/file", ["to": desk.file("copy/b/file"), "replace": true]
        ).get()
        _ = try await manage("move", "moved/link", ["to": desk.file("link")]).get()
        #expect(try Self.names(folder.file("moved/b")) == ["c"])

        _ = try await manage("chmod", "copy", ["mode": "0700", "recursive": true]).get()
        #expect(try Self.mode(folder.file("copy/b/file")) == 0o700)
        #expect(try Self.mode(folder.file("copy/b")) == 0o700)

        await fails("delete", "copy", [:], "not empty")
        #expect(try await manage("delete", "copy", ["recursive": true]).get()["entries"] == 5)
        // A link is deleted, not what it leads to.
        try FileManager.default.removeItem(atPath: folder.file("link"))
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("link"), withDestinationPath: "moved")
        _ = try await manage("delete", "link", ["recursive": true]).get()
        _ = try await manage("delete", "moved/b/c").get()
        #expect(try Self.names(folder.path) == ["moved"])
        #expect(try Self.names(folder.file("moved")) == ["b"])

        for path in ["/", "~", "/."] {
            await fails("delete", path, ["recursive": true], "does not delete it")
        }
        await fails("move", "~", ["to": desk.file("home")], "does not move it")
        await fails("delete", "none", [:], "no such file")
        await fails("move", "moved", [:], "\"to\" is missing")
        await fails("delete", "moved", ["to": desk.file("x")], "\"to\" does not go with")
        await fails("chmod", "moved", [:], "\"mode\" is missing")
        await desk.service.shutDown()
    }

    @Test(arguments: Desk.ways)
    @IO func `rules hold for both ends and for everything below`(target: String) async throws {
        let server = try await SSHServer.start(.files(of: target))
        let desk = try await Desk([("box", server, ""), ("plain", server, "")])
        let folder = desk.folder
        for name in ["tree/in", "free", "shut"] { try folder.folder(name) }
        for name in ["tree/a", "tree/in/fixed", "shut/s", "free/f"] {
            try folder.write("x", to: name)
        }
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("free/way"), withDestinationPath: "../shut")
        let denied = try #require(PathRule(folder.file("shut")))
        let fixed = try #require(PathRule(folder.file("tree/in/fixed")))
        desk.allow {
            $0.paths.denied = [denied]
            $0.paths.readOnly = [fixed]
        }
        for (action, path, more) in [
            ("delete", "tree", ["recursive": true]), ("move", "tree", ["to": desk.file("t2")]),
            ("chmod", "tree", ["mode": "0777", "recursive": true]), ("delete", "shut/s", [:]),
            ("delete", "free/way/s", [:]), ("copy", "shut/s", ["to": desk.file("free/s")]),
            ("copy", "free/f", ["to": desk.file("shut/f")]),
            ("copy", "free/f", ["to": desk.file("free/way/f")]),
            ("move", "free/f", ["to": desk.file("shut/f")]), ("mkdir", "free/way/d", [:]),
            ("delete", "tree/in/fixed", [:]),
            ("copy", "free/f", ["to": desk.file("tree/in/fixed"), "replace": true]),
            ("copy", "free", ["to": desk.file("shut/all"), "recursive": true]),
        ] as [(String, String, JSON.Object)] {
            let base: JSON.Object = [
                "target": .string(target), "action": .string(action), "path": desk.file(path),
            ]
            let code = await desk.code(.manageFiles, base.with(more))
            #expect(code == .refusedByPolicy, "\(action) \(path)")
        }
        #expect(try Self.names(folder.path) == ["free", "shut", "tree"])
        #expect(try Self.names(folder.file("tree")) == ["a", "in"])
        #expect(try Self.names(folder.file("free")) == ["f", "way"])
        #expect(try Self.names(folder.file("shut")) == ["s"])
        #expect(try Self.mode(folder.file("tree/a")) != 0o777)
        desk.allow { $0.isReadOnly = true }
        for method in [Wire.Method.editFile, .manageFiles] {
            let code = await desk.code(
                method,
                [
                    "target": .string(target), "path": desk.file("free/f"), "action": "delete",
                    "edits": [["old": "x", "new": "y"]],
                ])
            #expect(code == .refusedByPolicy)
        }
        await desk.service.shutDown()
    }
}
