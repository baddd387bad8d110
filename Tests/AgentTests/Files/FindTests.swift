// file.find, and file calls by a session: the same over SFTP and on this machine.
import Foundation
import JSON
import Loop
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite(.timeLimit(.minutes(1))) struct FindTests {
    @Test(arguments: Desk.ways)
    @IO func `files are found by what is asked for`(target: String) async throws {
        let server = try await SSHServer.start(.files(of: target))
        let desk = try await Desk([("box", server, ""), ("plain", server, "")])
        let folder = desk.folder
        for name in ["a/b/c", "shut"] { try folder.folder(name) }
        try folder.write("one\nneedle two\n", to: "a/x.txt")
        try folder.write("nothing", to: "a/b/y.txt")
        try folder.write(String(repeating: "z", count: 5000), to: "a/b/c/z.log")
        try folder.write("needle", to: "shut/s.txt")
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("loop"), withDestinationPath: ".")
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSinceNow: -90_000)],
            ofItemAtPath: folder.file("a/b/y.txt"))
        let denied = try #require(PathRule(folder.file("shut")))
        desk.allow { $0.paths.denied = [denied] }
        func find(_ more: JSON.Object) async throws -> (names: [String], found: JSON) {
            let base: JSON.Object = ["target": .string(target), "path": desk.file(".")]
            let found = try await desk.call(.findFiles, base.with(more)).get()
            let names = found["entries"]?.arrayValue?.compactMap { $0["path"]?.stringValue }
            return (names ?? [], found)
        }
        let all = try await find([:])
        #expect(
            all.names == ["a", "loop", "a/b", "a/x.txt", "a/b/c", "a/b/y.txt", "a/b/c/z.log"])
        #expect(all.found["looked"] == 7 || all.found["looked"] == 8)
        #expect(all.found["truncated"] == nil && all.found["unlooked"] == nil)
        for (more, expected) in [
            (["name": "*.txt"], ["a/x.txt", "a/b/y.txt"]), (["name": "a/b/*.txt"], ["a/b/y.txt"]),
            (["type": "link"], ["loop"]), (["min_size": 4000], ["a/b/c/z.log"]),
            (["max_size": 7, "name": "*.txt"], ["a/b/y.txt"]),
            (["older_than_s": 86400, "type": "file"], ["a/b/y.txt"]),
            (["newer_than_s": 86400, "name": "*.txt"], ["a/x.txt"]),
            (["name": "nothing*"], []),
        ] as [(JSON.Object, [String])] {
            #expect(try await find(more).names == expected, "\(more)")
        }
        let grep = try await find(["grep": "^needle"])
        #expect(grep.names == ["a/x.txt"])
        #expect(
            grep.found["entries"]?[0]?["match"] == ["line": 2, "offset": 4, "text": "needle two"])
        let shallow = try await find(["depth": 2])
        #expect(shallow.names == ["a", "loop", "a/b", "a/x.txt"])
        #expect(shallow.found["unlooked"] == ["a/b/: deeper than depth"])
        let few = try await find(["limit": 2])
        #expect(few.names == ["a", "loop"] && few.found["truncated"] == true)
        let file = await desk.fault(
            .findFiles, ["target": .string(target), "path": desk.file("a/x.txt")])
        #expect(file?.message.contains("not a directory") == true)
        await desk.service.shutDown()
    }

    @Test(arguments: Desk.ways)
    @IO func `a session stands for its host, its login and its directory`(
        target: String
    ) async throws {
        let server = try await SSHServer.start(.files(of: target))
        let desk = try await Desk([("box", server, ""), ("plain", server, "")])
        try desk.folder.folder("sub")
        try desk.folder.write("x", to: "sub/near")
        var opening: JSON.Object = ["target": .string(target)]
        // A login that the target's other callers do not share.
        if target != "site/local" { opening["key"] = .string(server.key.path) }
        let session = try #require(
            try await desk.call(.openSession, opening).get()["session_id"])
        _ = try await desk.call(
            .runCommand,
            [
                "session_id": session, "wait_s": 10,
                "command": .string("cd '\(desk.folder.file("sub"))'"),
            ]
        ).get()
        let links = desk.service.links.open.count
        let read = try await desk.call(
            .readFile, ["session_id": session, "path": "near"]
        ).get()
        #expect(read["content"] == "x" && read["path"] == desk.file("sub/near"))
        #expect(read["target"] == .string(target))
        let up = try await desk.call(.listFiles, ["session_id": session, "path": ".."]).get()
        #expect(up["path"] == .string(desk.folder.path))
        _ = try await desk.call(
            .manageFiles,
            ["session_id": session, "action": "move", "path": "near", "to": "far"]
        ).get()
        #expect(try desk.text("sub/far") == "x")
        #expect(desk.service.links.open.count == links)
        let home = try await desk.call(.listFiles, ["session_id": session, "path": "~"]).get()
        #expect(home["path"] != .string(desk.folder.file("sub")))
        // It is its owner's alone, and the rules hold as for its target.
        let stranger = await desk.call(
            .readFile, ["session_id": session, "path": "far"],
            as: Caller(id: "eve", reach: Caller.everywhere))
        guard case .failure(let fault) = stranger else { return #expect(Bool(false)) }
        #expect(fault.code == .unknownSession)
        let denied = try #require(PathRule(desk.folder.file("sub/far")))
        desk.allow { $0.paths.denied = [denied] }
        let refused = await desk.code(.readFile, ["session_id": session, "path": "far"])
        #expect(refused == .refusedByPolicy)
        desk.allow { $0.paths.denied = [] }
        // Inside another shell the directory may be another host's.
        _ = await desk.call(
            .runCommand, ["session_id": session, "command": "sh", "wait_s": 1])
        if case .success = await desk.call(.sendInput, ["session_id": session, "adopt": true]) {
            let inside = await desk.fault(.readFile, ["session_id": session, "path": "far"])
            #expect(inside?.message.contains("give an absolute path") == true, "\(inside as Any)")
        } else {
            Issue.record("the inner shell was not adopted")
        }
        await desk.service.shutDown()
    }
}
