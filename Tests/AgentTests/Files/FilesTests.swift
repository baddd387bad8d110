// The file calls through the dispatcher: the same at a target behind SFTP and on this machine, and
// what the site's policy lets be touched.
import Crypto
import Foundation
import JSON
import Loop
import SSH
import Support
import Terminal
import Testing
import Wire

@testable import homeline_agent

@Suite(.timeLimit(.minutes(1))) struct FilesTests {
    @Test(arguments: Desk.ways)
    @IO func `files are written, read and listed`(target: String) async throws {
        let server = try await SSHServer.start(.files(of: target))
        let desk = try await Desk([("box", server, ""), ("plain", server, "")])
        let at: JSON.Object = ["target": .string(target)]
        func with(_ more: JSON.Object) -> JSON.Object { at.with(more) }
        let digest = { Hex.encode(SHA256.hash(Array($0.utf8))) } as (String) -> String

        let made = try await desk.call(
            .writeFile,
            with([
                "path": desk.file("a/b/notes"), "content": "één\ntwo\nthree\n", "create_dirs": true,
                "mode": "0640",
            ])
        ).get()
        #expect(made["created"] == true && made["size"]?.intValue == 16)
        #expect(made["sha256"]?.stringValue == digest("één\ntwo\nthree\n"))
        #expect(made["path"]?.stringValue?.hasSuffix("/a/b/notes") == true)
        #expect(try desk.text("a/b/notes") == "één\ntwo\nthree\n")

        let read = try await desk.call(.readFile, with(["path": desk.file("a/b/notes")])).get()
        #expect(read["content"] == "één\ntwo\nthree\n" && read["encoding"] == nil)
        #expect(read["end"] == true && read["sha256"] == made["sha256"])
        // A piece ends before a character it would cut, and the next goes on there.
        let piece = try await desk.call(
            .readFile, with(["path": desk.file("a/b/notes"), "length": 1])
        ).get()
        #expect(piece["content"] == "é" && piece["next_offset"] == 2)
        let inside = try await desk.call(
            .readFile, with(["path": desk.file("a/b/notes"), "offset": 3, "length": 2])
        ).get()
        #expect(inside["content"] == "én" && inside["offset"] == 2 && inside["next_offset"] == 5)
        let three = try await desk.call(
            .readFile, with(["path": desk.file("a/b/notes"), "length": 3])
        ).get()
        #expect(three["content"] == "é" && three["next_offset"] == 2 && three["end"] == nil)
        let rest = try await desk.call(
            .readFile, with(["path": desk.file("a/b/notes"), "offset": 6])
        ).get()
        #expect(rest["content"] == "two\nthree\n" && rest["sha256"] == nil && rest["size"] == 16)
        let tail = try await desk.call(
            .readFile, with(["path": desk.file("a/b/notes"), "tail": 2])
        ).get()
        #expect(tail["content"] == "two\nthree\n" && tail["offset"] == 6)
        let found = try await desk.call(
            .readFile, with(["path": desk.file("a/b/notes"), "grep": "^t"])
        ).get()
        #expect(
            found["matches"] == [
                ["line": 2, "offset": 6, "text": "two"],
                ["line": 3, "offset": 10, "text": "three"],
            ])
        #expect(found["content"] == nil && found["end"] == true)

        // In place: who owns it, its mode and its links stay.
        try FileManager.default.createSymbolicLink(
            atPath: desk.folder.file("link"), withDestinationPath: "a/b/notes")
        let over = try await desk.call(
            .writeFile,
            with([
                "path": desk.file("link"), "base64": "AP8B",
                "expect_sha256": made["sha256"] ?? .null,
            ])
        ).get()
        #expect(over["created"] == nil && over["size"] == 3)
        let binary = try await desk.call(.readFile, with(["path": desk.file("link")])).get()
        #expect(binary["content"] == "AP8B" && binary["encoding"] == "base64")
        #expect(binary["path"]?.stringValue?.hasSuffix("/a/b/notes") == true)
        let attributes = try FileManager.default.attributesOfItem(
            atPath: desk.folder.file("a/b/notes"))
        #expect(attributes[.posixPermissions] as? Int == 0o640)
        let stale: JSON.Object = [
            "path": desk.file("link"), "content": "x", "expect_sha256": made["sha256"] ?? .null,
        ]
        #expect(await desk.code(.writeFile, with(stale)) == .fileChanged)
        let added = try await desk.call(
            .writeFile, with(["path": desk.file("log"), "content": "one\n", "append": true])
        ).get()
        #expect(added["created"] == true)
        let more = try await desk.call(
            .writeFile, with(["path": desk.file("log"), "content": "two\n", "append": true])
        ).get()
        #expect(more["size"] == 8 && more["sha256"]?.stringValue == digest("one\ntwo\n"))
        #expect(more["joins_line"] == nil)
        for (text, joins) in [("three", nil), (" four\n", true), ("five\n", nil)]
            as [(String, JSON?)]
        {
            let next = try await desk.call(
                .writeFile,
                with(["path": desk.file("open end"), "content": .string(text), "append": true])
            ).get()
            #expect(next["joins_line"] == joins, "\(text)")
        }
        try FileManager.default.removeItem(atPath: desk.folder.file("open end"))
        let slash = await desk.fault(
            .writeFile, with(["path": desk.file("new folder/"), "content": "x"]))
        #expect(slash?.code == .invalidArgument && slash?.message.contains("mkdir") == true)

        let flat = try await desk.call(.listFiles, with(["path": .string(desk.folder.path)])).get()
        let names = flat["entries"]?.arrayValue?.compactMap { $0["path"]?.stringValue }
        #expect(names == ["a", "link", "log"])
        #expect(flat["entries"]?[1]?["type"] == "link")
        #expect(flat["entries"]?[1]?["link"] == "a/b/notes")
        #expect(flat["entries"]?[2]?["size"] == 8)
        let deep = try await desk.call(
            .listFiles,
            with(["path": .string(desk.folder.path), "depth": 3, "glob": "no*"])
        ).get()
        #expect(
            deep["entries"]?.arrayValue?.compactMap { $0["path"]?.stringValue } == ["a/b/notes"])
        #expect(deep["entries"]?[0]?["mode"] == "0640" && deep["truncated"] == nil)
        let one = try await desk.call(.listFiles, with(["path": desk.file("log")])).get()
        #expect(one["entries"]?.arrayValue?.count == 1 && one["entries"]?[0]?["path"] == "log")

        // What is there for nobody, or is no file.
        #expect(await desk.code(.readFile, with(["path": desk.file("none")])) == .fileNotFound)
        #expect(await desk.code(.readFile, with(["path": desk.file("a")])) == .fileFailed)
        #expect(await desk.code(.readFile, with(["path": "/dev/zero"])) == .fileFailed)
        #expect(await desk.code(.readFile, with(["path": ""])) == .invalidArgument)
        #expect(await desk.code(.readFile, with(["path": "a\0b"])) == .invalidArgument)
        for bad in ["(", "[", "*"] {
            let fault = await desk.fault(
                .readFile, with(["path": desk.file("log"), "grep": .string(bad)]))
            #expect(fault?.code == .invalidArgument)
            #expect(fault?.message.hasPrefix("\"grep\" is not a usable regular") == true)
            #expect(fault?.message.contains("until") == false)
        }
        #expect(
            await desk.code(.writeFile, with(["path": desk.file("no/x"), "content": ""]))
                == .fileNotFound)
        #expect(
            await desk.code(.writeFile, with(["path": desk.file("x"), "base64": "?"]))
                == .invalidArgument)
        // Relative paths begin at the home.
        let home = try await desk.call(.listFiles, with(["path": "~"])).get()["path"]?.stringValue
        #expect(
            home
                == (target != "site/local"
                    ? server.directory.file("home") : desk.service.targets.place.home))
        await desk.service.shutDown()
    }

    @Test(arguments: Desk.ways)
    @IO func `text with odd bytes stays text, and a tail is whole lines`(
        target: String
    ) async throws {
        let server = try await SSHServer.start(.files(of: target))
        let desk = try await Desk([("box", server, ""), ("plain", server, "")])
        let odd = desk.folder.file("odd")
        try Data([0x61, 0xff, 0x5c, 0x0a, 0xc3, 0xa9]).write(to: URL(fileURLWithPath: odd))
        func read(_ more: JSON.Object) async throws -> JSON {
            let base: JSON.Object = ["target": .string(target), "path": .string(odd)]
            return try await desk.call(.readFile, base.with(more)).get()
        }
        let shown = try await read([:])
        #expect(shown["content"] == "a\u{fffd}\\\né" && shown["invalid_bytes"] == 1)
        #expect(shown["encoding"] == nil && shown["end"] == true)
        let escaped = try await read(["encoding": "escaped"])
        #expect(escaped["content"] == "a\\xff\\\\\né" && escaped["encoding"] == "escaped")
        #expect(escaped["invalid_bytes"] == nil && escaped["end"] == true)
        let exact = try await read(["encoding": "base64", "offset": 5])
        #expect(exact["content"] == "qQ==" && exact["offset"] == 5)
        // Whatever the pieces, following next_offset gives every byte once.
        for length in 1...7 {
            for encoding in ["utf-8", "escaped", "base64"] {
                var (offset, all, turns) = (0, "", 0)
                while offset < 6, turns < 9 {
                    let piece = try await read([
                        "length": .integer(length), "offset": .integer(offset),
                        "encoding": .string(encoding),
                    ])
                    #expect(
                        piece["offset"]?.intValue ?? 0 == Int64(offset), "\(length) \(encoding)")
                    let text = piece["content"]?.stringValue ?? ""
                    all +=
                        encoding == "base64"
                        ? String(decoding: Base64.decode(text) ?? [], as: UTF8.self) : text
                    offset = Int(piece["next_offset"]?.intValue ?? piece["size"]?.intValue ?? 9)
                    turns += 1
                    #expect((piece["end"] == true) == (offset == 6))
                }
                let whole = encoding == "escaped" ? escaped : shown
                // Base64 may cut a character, which is then decoded in two.
                if encoding != "base64" || length > 5 {
                    #expect(all == whole["content"]?.stringValue, "\(length) \(encoding)")
                }
            }
        }
        let lines = (1...400).map { "line \($0)\n" }.joined()
        try desk.folder.write(lines, to: "odd")
        let tail = try await read(["tail": 10_000, "length": 95])
        #expect(tail["content"]?.stringValue?.hasPrefix("line 391\n") == true, "\(tail)")
        #expect(tail["truncated"] == true && tail["rest_offset"] == 0 && tail["end"] == true)
        let some = try await read(["tail": 3])
        #expect(some["content"] == "line 398\nline 399\nline 400\n" && some["truncated"] == nil)
        await desk.service.shutDown()
    }

    @Test(arguments: Desk.ways)
    @IO func `a list is limited, sorted, and says how many more there are`(
        target: String
    ) async throws {
        let server = try await SSHServer.start(.files(of: target))
        let desk = try await Desk([("box", server, ""), ("plain", server, "")])
        for number in 0..<5 {
            let name = "f\(number)"
            try desk.folder.write(String(repeating: "x", count: 10 - number), to: name)
            let day = Date(timeIntervalSince1970: 1_000_000 + Double((number * 3) % 5) * 1000)
            try FileManager.default.setAttributes(
                [.modificationDate: day], ofItemAtPath: desk.folder.file(name))
        }
        for name in ["a", "a/b", "z"] { try desk.folder.folder(name) }
        try desk.folder.write("x", to: "a/b/deep")
        func list(_ more: JSON.Object) async throws -> (names: [String], list: JSON) {
            let base: JSON.Object = ["target": .string(target), "path": desk.file(".")]
            let list = try await desk.call(.listFiles, base.with(more)).get()
            let names = list["entries"]?.arrayValue?.compactMap { $0["path"]?.stringValue }
            return (names ?? [], list)
        }
        let newest = try await list(["sort": "newest", "glob": "f*", "limit": 3])
        #expect(newest.names == ["f3", "f1", "f4"] && newest.list["more"] == 2)
        let largest = try await list(["sort": "size", "glob": "f*", "limit": 2])
        #expect(largest.names == ["f0", "f1"] && largest.list["more"] == 3)
        let tree = try await list(["depth": 3])
        #expect(
            tree.names == ["a", "a/b", "a/b/deep", "f0", "f1", "f2", "f3", "f4", "z"]
                && tree.list["more"] == nil)
        // What is deepest is left out first.
        let upper = try await list(["depth": 3, "limit": 7])
        #expect(upper.names == ["a", "f0", "f1", "f2", "f3", "f4", "z"])
        #expect(upper.list["more"] == 1 && upper.list["truncated"] == true)
        let first = try await list(["limit": 2])
        #expect(first.names == ["a", "f0"] && first.list["more"] == 5)
        #expect(first.list["truncated"] == nil)
        await desk.service.shutDown()
    }

    @Test(arguments: Desk.ways)
    @IO func `the site's rules hold for where a path leads`(target: String) async throws {
        let server = try await SSHServer.start(.files(of: target))
        let desk = try await Desk([("box", server, ""), ("plain", server, "")])
        let folder = desk.folder
        for name in ["open", "shut"] { try folder.folder(name) }
        try folder.write("o", to: "open/o")
        try folder.write("s", to: "shut/s")
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("open/way"), withDestinationPath: "../shut")
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("open/new"), withDestinationPath: "../shut/new")
        let rule = try #require(PathRule(folder.file("shut")))
        let fixed = try #require(PathRule(folder.file("open/o")))
        desk.allow {
            $0.paths.denied = [rule]
            $0.paths.readOnly = [fixed]
        }
        func code(_ method: Wire.Method, _ path: String, _ more: JSON.Object = [:]) async
            -> Fault.Code?
        {
            let base: JSON.Object = [
                "target": .string(target), "path": .string(folder.file(path)),
            ]
            return await desk.code(method, base.with(more))
        }
        #expect(await code(.readFile, "open/o") == nil)
        for path in ["shut/s", "open/way/s", "open/../shut/s", "shut"] {
            #expect(await code(.readFile, path) == .refusedByPolicy, "\(path)")
            #expect(await code(.listFiles, path) == .refusedByPolicy, "\(path)")
        }
        for path in ["shut/x", "open/way/x", "open/new", "open/o", "open/way/deep/er"] {
            #expect(
                await code(.writeFile, path, ["content": "x", "create_dirs": true])
                    == .refusedByPolicy, "\(path)")
        }
        #expect(await code(.writeFile, "open/p", ["content": "x"]) == nil)
        // What is hidden is not in lists, whichever way they come to it.
        let list = try await desk.call(
            .listFiles,
            ["target": .string(target), "path": .string(folder.path), "depth": 3]
        ).get()
        let names = list["entries"]?.arrayValue?.compactMap { $0["path"]?.stringValue } ?? []
        #expect(names == ["open", "open/new", "open/o", "open/p", "open/way"])
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("shut")) == ["s"])

        desk.allow { $0.isReadOnly = true }
        #expect(await code(.writeFile, "open/p", ["content": "x"]) == .refusedByPolicy)
        #expect(await code(.readFile, "open/o") == nil)
        desk.allow { $0.deniedTools = ["file_*"] }
        #expect(await code(.readFile, "open/o") == .refusedByPolicy)
        await desk.service.shutDown()
    }

    @Test @IO func `files take their place in MaxSessions like everything else`() async throws {
        let server = try await SSHServer.start(
            .init(shell: .dash, settings: ["MaxSessions": "1"]))
        let desk = try await Desk([("box", server, "")])
        try desk.folder.write("x", to: "x")
        let read: JSON.Object = ["target": "site/box", "path": desk.file("x")]
        let run: JSON.Object = ["target": "site/box", "command": "echo on"]
        let links = desk.service.links
        // SFTP that only waits to be used again makes way.
        #expect(await desk.code(.readFile, read) == nil)
        #expect(links.open.map(\.channels) == [1])
        #expect(try await desk.call(.execute, run).get()["stdout"] == "on\n")
        #expect(await holds { links.open.allSatisfy { $0.channels == 0 } })
        // Side by side each gets a place, on more links where one has none.
        let calls = (0..<6).map { number in
            IO.task {
                await desk.code(
                    number % 2 == 0 ? .readFile : .execute, number % 2 == 0 ? read : run)
            }
        }
        for call in calls { #expect(await call.value == nil) }
        #expect(links.open.count <= Links.perTarget)
        await desk.service.shutDown()
    }

    @Test @IO func `a link with nothing but idle files gives way, and MaxOutput bounds a read`()
        async throws
    {
        let one = try await SSHServer.start(.init(shell: .dash))
        let two = try await SSHServer.start(.init(shell: .dash))
        let desk = try await Desk([("one", one, ""), ("two", two, "")])
        try desk.folder.write("0123456789", to: "x")
        desk.allow {
            $0.places.links = 1
            $0.outputLimit = 4
        }
        for name in ["one", "two", "one"] {
            let read: JSON.Object = ["target": .string("site/\(name)"), "path": desk.file("x")]
            #expect(try await desk.call(.readFile, read).get()["content"] == "0123")
            #expect(desk.service.links.open.map(\.target) == [name])
            let more = read.with(["length": 5])
            #expect(await desk.code(.readFile, more) == .refusedByPolicy)
        }
        await desk.service.shutDown()
    }

    @Test @IO func `the agent's own folder is closed to file tools`() async throws {
        let desk = try await Desk([])
        try FileManager.default.createDirectory(
            atPath: desk.folder.file("own"), withIntermediateDirectories: false)
        try FileManager.default.createSymbolicLink(
            atPath: desk.folder.file("way"), withDestinationPath: desk.folder.file("own"))
        _ = try desk.folder.write("a key", to: "own/agent.key")
        _ = try desk.folder.write("public", to: "owner")
        let own = desk.folder.file("own")
        desk.allow { $0.ownFolder = own }
        for name in ["own/agent.key", "way/agent.key", "own/../own/agent.key"] {
            let path = desk.file(name)
            let fault = await desk.fault(.readFile, ["target": "site/local", "path": path])
            #expect(fault?.code == .refusedByPolicy && fault?.message.contains("own key") == true)
            let written = await desk.code(
                .writeFile, ["target": "site/local", "path": path, "content": "x"])
            #expect(written == .refusedByPolicy)
        }
        #expect(
            try await desk.call(
                .readFile, ["target": "site/local", "path": desk.file("owner")]
            ).get()["content"] == "public")
        let all = try await desk.call(
            .listFiles, ["target": "site/local", "path": desk.file("."), "depth": 3]
        ).get()
        #expect(!"\(all)".contains("agent.key"))
    }

    @Test func `text is cut where characters and lines end`() throws {
        for (text, count, expected) in [
            ("aé", 2, "a"), ("aé", 3, "aé"), ("a漢b", 3, "a"), ("a漢b", 4, "a漢"), ("😀", 3, "😀"),
            ("a😀", 4, "a"), ("", 5, ""), ("\0", 1, nil), ("é", 1, "é"),
        ] as [(String, Int, String?)] {
            var content = FileContent(target: "t", path: "p")
            let piece = FileText.Piece(bytes: Array(text.utf8), offset: 0, isEnd: true)
            FileText.show(piece, from: 0, limit: count, as: .text, in: &content)
            #expect((content.encoding == .base64) == (expected == nil), "\(text) \(count)")
            if let expected {
                #expect(content.content == expected)
                #expect(content.nextOffset == expected.utf8.count)
            }
        }
        // Some odd bytes leave it text, many make it binary.
        for (count, encoding) in [(8, FileEncoding.text), (9, .base64)] {
            var content = FileContent(target: "t", path: "p")
            let bytes = [UInt8](repeating: 0xe9, count: count) + Array("text".utf8)
            let piece = FileText.Piece(bytes: bytes, offset: 0, isEnd: true)
            FileText.show(piece, from: 0, limit: 100, as: .text, in: &content)
            #expect(content.encoding == encoding, "\(count)")
        }
        let lines = Array("1\n22\n333".utf8)
        for (count, limit, isStart, place, wanted) in [
            (1, 100, true, 5, 5), (2, 100, true, 2, 2), (9, 100, true, 0, 0), (9, 3, true, 5, 0),
            (9, 2, true, 6, 5), (9, 100, false, 2, 0), (2, 100, false, 2, 2),
        ] {
            let found = FileText.tail(lines, lines: count, limit: limit, isStart: isStart)
            #expect(found.place == place, "\(count) \(limit) \(isStart): \(found)")
            if limit != 2 { #expect(found.wanted == wanted, "\(count) \(limit) \(isStart)") }
        }
        #expect(FileText.tail(lines + [10], lines: 1, limit: 100) == (5, 5))
        #expect(FileText.tail([], lines: 1, limit: 9) == (0, 0))
        #expect(FileText.tail(Array("é".utf8), lines: 1, limit: 1).place == 2)

        let pattern = try LinePattern("3")
        let all = FileSearch.lines(
            in: lines, matching: pattern, at: 0, isEnd: true, limit: 9)
        #expect(all.matches == [.init(line: 3, offset: 5, text: "333")] && all.done == 8)
        let open = FileSearch.lines(
            in: lines, matching: pattern, at: 4, isEnd: false, limit: 9)
        #expect(open.matches.isEmpty && open.done == 5)
        let one = FileSearch.lines(
            in: Array("3\r\n3\n3\n".utf8), matching: pattern, at: 7, isEnd: true, limit: 1)
        #expect(one.matches == [.init(line: nil, offset: 7, text: "3")] && one.done == 3)
    }
}
