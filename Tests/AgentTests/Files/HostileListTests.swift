// What a hostile server lists: names that no file can have are left out and counted, and a list
// ends.
import Foundation
import Glibc
import JSON
import Loop
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite(.timeLimit(.minutes(1))) struct HostileListTests {
    @Test @IO func `impossible names are left out, counted and not followed`() async throws {
        let server = try await FilesServer(.hostile)
        let desk = try await Desk([("box", server, "")])
        let list = try await desk.call(
            .listFiles, ["target": "site/box", "path": desk.file("."), "depth": 3]
        ).get()
        let entries = list["entries"]?.arrayValue ?? []
        // Directories whose names have control characters are shown, and not entered.
        #expect(entries.filter { $0["unusable"] == nil }.map { $0["path"] } == ["good"])
        #expect(entries.count == 6 && list["unusable"]?.intValue == 6, "\(list)")
        #expect(list["truncated"] == nil)
    }

    @Test @IO func `a list without an end ends`() async throws {
        let server = try await FilesServer(.endless)
        let desk = try await Desk([("box", server, "")])
        let list = try await desk.call(
            .listFiles, ["target": "site/box", "path": desk.file("."), "depth": 3]
        ).get()
        #expect(list["entries"]?.arrayValue?.isEmpty == true)
    }

    @Test @IO func `a size beyond every offset traps nothing`() async throws {
        let server = try await FilesServer(.huge)
        let desk = try await Desk([("box", server, "")])
        try desk.folder.write("x", to: "file")
        for (method, more) in [
            (
                .writeFile,
                ["content": .string(String(repeating: "y", count: 100_000)), "append": true]
            ),
            (.readFile, ["tail": 10]), (.readFile, ["offset": 9_007_199_254_740_991]),
            (.readFile, ["grep": "y"]), (.readFile, [:]),
        ] as [(Wire.Method, JSON.Object)] {
            _ = await desk.call(
                method, more.with(["target": "site/box", "path": desk.file("file")]))
        }
        let list = await desk.call(
            .listFiles, ["target": "site/box", "path": .string(desk.folder.path)])
        #expect((try? list.get()) != nil, "\(list)")
    }

    @Test(arguments: Desk.ways)
    @IO func `names that no path can carry are marked, and searches name them`(
        target: String
    ) async throws {
        let server = try await SSHServer.start(.files(of: target))
        let desk = try await Desk([("box", server, ""), ("plain", server, "")])
        for name in ["good", "tab\there", "line\nbreak\\", "esc\u{1b}[2J"] {
            try desk.folder.write("needle", to: name)
        }
        let raw = Array(desk.folder.file("odd").utf8CString.dropLast()) + [-1, 0]
        let made = unsafe raw.withUnsafeBufferPointer { path in
            unsafe path.baseAddress.map { unsafe mkdir($0, 0o755) } ?? -1
        }
        #expect(made == 0)
        let at: JSON.Object = ["target": .string(target), "path": desk.file(".")]
        let list = try await desk.call(.listFiles, at.with(["depth": 2])).get()
        let marks = (list["entries"]?.arrayValue ?? []).map { entry in
            let reason = entry["unusable"]?.stringValue
            let word = reason.map { $0.contains("not UTF-8") ? "bytes" : "control" } ?? "fine"
            return "\(entry["path"]?.stringValue ?? "") \(word)"
        }
        #expect(
            marks == [
                "esc\\u001b[2J control", "good fine", "line\\nbreak\\\\ control",
                "odd\u{fffd} bytes", "tab\\there control",
            ])
        let found = try await desk.call(.findFiles, at.with(["grep": "needle"])).get()
        #expect(found["entries"]?.arrayValue?.compactMap { $0["path"]?.stringValue } == ["good"])
        let unlooked = (found["unlooked"]?.arrayValue ?? []).compactMap(\.stringValue)
        #expect(unlooked.count == 2 && unlooked.allSatisfy { $0.contains("use ssh_execute") })
        #expect(unlooked.contains { $0.hasPrefix("odd\u{fffd}: ") }, "\(unlooked)")
        await desk.service.shutDown()
    }

    @Test(arguments: [
        ("plain", true), (".hidden", true), ("a b", true), ("é", true), ("…", true), ("a\\b", true),
        ("", false), (".", false), ("..", false), ("a/b", false), ("/", false), ("a\0", false),
        ("\u{7f}", false), ("\u{85}", false), ("a\nb", false), ("a\u{fffd}", false),
        (String(repeating: "x", count: 1025), false),
    ])
    func `a name is usable or not`(name: String, isUsable: Bool) {
        #expect((OddName(name) == nil) == isUsable)
    }

    @Test @IO func `names of this machine's files are judged alike`() async throws {
        let desk = try await Desk([])
        try desk.folder.write("x", to: "good")
        try desk.folder.write("x", to: "bad\u{1b}[2J")
        try FileManager.default.createSymbolicLink(
            atPath: desk.folder.file("link"), withDestinationPath: "to\u{1b}[2J")
        let list = try await desk.call(
            .listFiles, ["target": "site/local", "path": desk.file(".")]
        ).get()
        let names = list["entries"]?.arrayValue?.compactMap { $0["path"]?.stringValue }
        #expect(names == ["bad\\u001b[2J", "good", "link"] && list["unusable"] == nil)
        #expect(list["entries"]?[0]?["unusable"]?.stringValue?.contains("control") == true)
        #expect(list["entries"]?[1]?["unusable"] == nil && list["entries"]?[2]?["link"] == nil)
    }
}
