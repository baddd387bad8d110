// What file.edit and file.manage must not do by the way: lose names, widen rights, fill the memory,
// or bring a file to where the rules close it.
import Crypto
import Foundation
import JSON
import Loop
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite(.timeLimit(.minutes(1))) struct ChangeLimitsTests {
    @IO private func desk(_ target: String) async throws -> Desk {
        let server = try await SSHServer.start(.files(of: target))
        return try await Desk([("box", server, ""), ("plain", server, "")])
    }

    @IO private func manage(
        _ desk: Desk, _ target: String, _ action: String, _ path: String, _ more: JSON.Object
    ) async -> Result<JSON, Fault> {
        let base: JSON.Object = [
            "target": .string(target), "action": .string(action), "path": desk.file(path),
            "recursive": true,
        ]
        return await desk.call(.manageFiles, base.with(more))
    }

    @Test(arguments: Desk.ways)
    @IO func `a copy keeps names of any script, and no rights of an owner`(
        target: String
    ) async throws {
        let desk = try await desk(target)
        try desk.folder.folder("über/inner")
        try desk.folder.write("x", to: "über/inner/naïve 文")
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o4755], ofItemAtPath: desk.folder.file("über/inner/naïve 文"))
        _ = try await manage(desk, target, "copy", "über", ["to": desk.file("neu")]).get()
        #expect(try desk.text("neu/inner/naïve 文") == "x")
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: desk.folder.path).sorted()
                == ["neu", "über"])
        let mode =
            try FileManager.default.attributesOfItem(
                atPath: desk.folder.file("neu/inner/naïve 文"))[.posixPermissions] as? Int
        #expect(mode == 0o755)
        await desk.service.shutDown()
    }

    @Test(arguments: Desk.ways)
    @IO func `a name that is not UTF-8 stops recursive work before it begins`(
        target: String
    ) async throws {
        let desk = try await desk(target)
        try desk.folder.folder("odd")
        try desk.folder.write("x", to: "odd/first")
        let raw = Array(desk.folder.file("odd/").utf8CString.dropLast()) + [-1, 0]
        let descriptor = unsafe raw.withUnsafeBufferPointer { path in
            unsafe path.baseAddress.map { unsafe creat($0, 0o644) } ?? -1
        }
        #expect(descriptor >= 0)
        close(descriptor)
        for (action, more) in [
            ("delete", [:]), ("copy", ["to": desk.file("copy")]),
        ] as [(String, JSON.Object)] {
            guard case .failure(let fault) = await manage(desk, target, action, "odd", more) else {
                Issue.record("\(action) was done")
                continue
            }
            #expect(fault.message.contains("not UTF-8"), "\(fault.message)")
        }
        #expect(try desk.text("odd/first") == "x")
        await desk.service.shutDown()
    }

    @Test(arguments: Desk.ways)
    @IO func `a move brings nothing to where the rules close it`(target: String) async throws {
        let desk = try await desk(target)
        try desk.folder.folder("staged/secrets")
        try desk.folder.write("x", to: "staged/secrets/key")
        let closed = try #require(PathRule(desk.folder.file("app/secrets")))
        desk.allow { $0.paths.denied = [closed] }
        let moved = await manage(
            desk, target, "move", "staged", ["to": desk.file("app"), "recursive": false])
        guard case .failure(let fault) = moved else {
            Issue.record("it was moved")
            return
        }
        #expect(fault.message.contains("DenyPath"), "\(fault.message)")
        #expect(try desk.text("staged/secrets/key") == "x")
        await desk.service.shutDown()
    }

    @Test(arguments: Desk.ways)
    @IO func `changes of one file at once are made one after the other`(
        target: String
    ) async throws {
        let desk = try await desk(target)
        try desk.folder.write((0..<8).map { "line \($0)\n" }.joined(), to: "file")
        let at: JSON.Object = ["target": .string(target), "path": desk.file("file")]
        let edits = (0..<8).map { number in
            IO.task {
                await desk.call(
                    .editFile,
                    at.with([
                        "edits": [
                            ["old": .string("line \(number)\n"), "new": .string("\(number)\n")]
                        ]
                    ]))
            }
        }
        for result in await IO.values(of: edits) { _ = try result.get() }
        #expect(try desk.text("file") == (0..<8).map { "\($0)\n" }.joined())
        // Of several that expect the same content, one finds it.
        let digest = Hex.encode(SHA256.hash(Array(try desk.text("file").utf8)))
        let writes = (0..<6).map { number in
            IO.task {
                await desk.call(
                    .writeFile,
                    at.with([
                        "content": .string("by \(number)"), "expect_sha256": .string(digest),
                        "atomic": true,
                    ]))
            }
        }
        let written = await IO.values(of: writes)
        #expect(written.count { (try? $0.get()) != nil } == 1)
        await desk.service.shutDown()
    }

    @Test @IO func `an edit that would be too large is refused before it is made`() async throws {
        let desk = try await desk("site/local")
        try desk.folder.write(String(repeating: "a", count: 1 << 20), to: "file")
        let new = String(repeating: "b", count: 500_000)
        let result = await desk.call(
            .editFile,
            [
                "target": "site/local", "path": desk.file("file"),
                "edits": [["old": "a", "new": .string(new), "all": true]],
            ])
        guard case .failure(let fault) = result else {
            Issue.record("\(result)")
            return
        }
        #expect(fault.code == .limitReached && fault.message.contains("nothing was changed"))
        await desk.service.shutDown()
    }
}
