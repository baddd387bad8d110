// What a hostile server lists: names that no file can have are left out and counted, and a list
// ends.
import Foundation
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
        let names = list["entries"]?.arrayValue?.compactMap { $0["path"]?.stringValue }
        #expect(names == ["good"])
        #expect(list["unusable"]?.intValue == 11, "\(list)")
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

    @Test(arguments: [
        ("plain", true), (".hidden", true), ("a b", true), ("é", true), ("…", true), ("a\\b", true),
        ("", false), (".", false), ("..", false), ("a/b", false), ("/", false), ("a\0", false),
        ("\u{7f}", false), ("\u{85}", false), ("a\nb", false),
        (String(repeating: "x", count: 1025), false),
    ])
    func `a name is usable or not`(name: String, isUsable: Bool) {
        #expect(FileEntry.isUsable(name) == isUsable)
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
        #expect(names == ["good", "link"] && list["unusable"] == 1)
        #expect(list["entries"]?[1]?["link"] == nil)
    }
}
