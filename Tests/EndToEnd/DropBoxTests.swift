// Files between a person and a target through the relay's drop-box, with curl and real programs.
import Crypto
import Foundation
import JSON
import Support
import Testing

@Suite(.timeLimit(.minutes(2))) struct DropBoxTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory("drop") }

    /// Runs curl in the folder; gives the status of the last response.
    @discardableResult
    private func curl(_ words: String...) async throws -> (status: String, text: String) {
        let output = try await RunningProcess.run(
            "/usr/bin/env", ["curl", "-sS", "-w", "\n%{http_code}"] + words,
            directory: folder.path)
        let lines = output.split(separator: "\n", omittingEmptySubsequences: false)
        return (String(lines.last ?? ""), lines.dropLast().joined(separator: "\n"))
    }

    private func content(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: folder.file(name))))
    }

    private func url(_ answer: JSON) throws -> String {
        try #require(answer["url"]?.stringValue, "\(answer)")
    }

    @Test(.needs("curl"))
    func `a person fetches a target's file, goes on after a cut, sends it back`()
        async throws
    {
        let place = try await Place.shared.value
        let caller = place.caller
        let bytes = Random.bytes(3 << 20) + [UInt8](repeating: 0, count: 1 << 20)
        let sum = Hex.encode(SHA256.hash(bytes))
        try Data(bytes).write(to: URL(fileURLWithPath: folder.file("source")))
        let sent = try await caller.structured(
            "file_transfer",
            [
                "target": "site/dash", "path": .string(folder.file("source")),
                "to_target": "relay", "to_path": "data set.bin",
            ])
        #expect(sent["state"] == "done" && sent["sha256"] == .string(sum), "\(sent)")
        #expect(sent["bytes"] == .int(Int64(bytes.count)) && sent["expires_at"] != nil)
        let down = try url(sent)
        #expect(try await curl("-OJ", down).status == "200")
        #expect(try content("data set.bin") == bytes)
        // A download that was cut, and one that is complete already.
        try Data(bytes.prefix(1_234_567)).write(to: URL(fileURLWithPath: folder.file("cut")))
        #expect(try await curl("-C", "-", "-o", "cut", down).status == "206")
        #expect(try content("cut") == bytes)
        #expect(try await curl("-C", "-", "-o", "cut", down).status == "416")
        #expect(try content("cut") == bytes)
        let again = try await caller.structured(
            "file_transfer", ["command_id": try #require(sent["command_id"])])
        #expect(again["state"] == "done" && again["sha256"] == .string(sum))

        // Back, by an upload that is cut in the middle and goes on.
        let made = try await caller.structured(
            "file_drop", ["action": "upload_url", "name": "back", "max_bytes": 5_000_000])
        let up = try url(made)
        try Data(bytes.prefix(1_000_000)).write(to: URL(fileURLWithPath: folder.file("part")))
        let part = try await curl(
            "-T", "part", "-H", "Content-Range: bytes 0-999999/\(bytes.count)", up)
        #expect(part.status == "202", "\(part.text)")
        #expect(try await curl("-I", up).text.contains("Upload-Offset: 1000000"))
        #expect(try await curl("-C", "9", "-T", "source", up).status == "409")
        let whole = try await curl("-C", "1000000", "-T", "source", up)
        #expect(whole.status == "201" && whole.text.contains(sum), "\(whole.text)")
        #expect(try await curl("-T", "source", up).status == "410")
        let back = try await caller.structured(
            "file_transfer",
            [
                "target": "relay", "path": "back", "to_target": "site/dash",
                "to_path": .string(folder.path + "/"),
            ])
        #expect(back["state"] == "done" && back["sha256"] == .string(sum), "\(back)")
        #expect(try content("back") == bytes)
        // Longer than its URL allows: announced, and not.
        let small = try url(
            try await caller.structured(
                "file_drop", ["action": "upload_url", "name": "small", "max_bytes": 1000]))
        #expect(try await curl("-T", "source", small).status == "413")
        #expect(
            try await curl("-T", "source", "-H", "Transfer-Encoding: chunked", small).status
                == "413")

        // Nobody else sees, reads or deletes them.
        let other = try MCPCaller(
            url: place.home.url, token: try await place.home.token("drop-other"))
        #expect(try await other.structured("file_drop", ["action": "list"])["files"] == [])
        for (tool, arguments) in [
            ("file_drop", ["action": "delete", "name": "back"]),
            ("file_drop", ["action": "download_url", "name": "back"]),
            (
                "file_transfer",
                [
                    "target": "relay", "path": "back", "to_target": "site/dash",
                    "to_path": .string(folder.file("stolen")),
                ]
            ),
            ("file_transfer", ["command_id": sent["command_id"] ?? .null]),
        ] as [(String, JSON)] {
            let answer = try await other.call(tool, arguments)
            #expect(answer["isError"] == true, "\(tool) \(arguments): \(answer)")
        }
        // What cannot go there says what to do.
        for (more, part) in [
            (["path": .string(folder.path)], "pack it first (tar)"),
            (["path": .string(folder.path), "recursive": true], "tar"),
            (["path": .string(folder.file("none"))], "no such file"),
            (["path": .string(folder.file("source")), "to_path": "a/b"], "without slashes"),
        ] as [(JSON.Object, String)] {
            var arguments: JSON.Object = ["target": "site/dash", "to_target": "relay"]
            for (name, value) in more { arguments[name] = value }
            let answer = try await caller.call("file_transfer", .object(arguments))
            #expect(answer["isError"] == true && answer.text.contains(part), "\(answer)")
        }
        // Deleted, and its URL with it; no secret in the log.
        let files = try await caller.structured("file_drop", ["action": "list"])["files"]
        let names = files?.arrayValue?.compactMap { $0["name"]?.stringValue } ?? []
        #expect(Set(["data set.bin", "back", "small"]).isSubset(of: names))
        for name in ["data set.bin", "back", "small"] {
            let deleted = try await caller.structured(
                "file_drop", ["action": "delete", "name": .string(name)])
            #expect(deleted["deleted"] == 1)
        }
        let gone = try await curl(down)
        #expect(gone.status == "410" && gone.text.contains("deleted"))
        let relay = try #require(place.home.process("relay"))
        for secret in [down, up].map({ $0.split(separator: "/")[3] }) {
            #expect(secret.utf8.count == 32 && !(relay.output + relay.errors).contains(secret))
        }
    }

    @Test(.needs("curl")) func `URLs end with their time, with their token, and with the drop-box`()
        async throws
    {
        let home = try await Installation.start()
        _ = await home.process("relay")?.stop()
        try await home.startRelay(["--drop-box-size", "3000"])
        try folder.write(String(repeating: "x", count: 1000), to: "file")
        let caller = try await home.caller()
        func upload(_ caller: MCPCaller, _ name: String) async throws -> String {
            try url(
                try await caller.structured(
                    "file_drop", ["action": "upload_url", "name": .string(name)]))
        }
        let (first, second) = (try await upload(caller, "a"), try await upload(caller, "b"))
        #expect(try await curl("-T", "file", first).status == "201")
        // More than half of what there is, which is one owner's.
        #expect(try await curl("-T", "file", second).status == "507")
        let down = try url(
            try await caller.structured("file_drop", ["action": "download_url", "name": "a"]))
        let other = try MCPCaller(url: home.url, token: try await home.token("lost"))
        let third = try await upload(other, "c")
        _ = try await home.relay("tokens", "revoke", "lost", "--json")
        let revoked = try await curl("-T", "file", third)
        #expect(revoked.status == "410" && revoked.text.contains("revoked"), "\(revoked)")
        // Files and their URLs outlive the relay's process; what is made now lives for a second.
        _ = await home.process("relay")?.stop()
        try await home.startRelay(["--drop-box-lifetime", "1s"])
        let fourth = try await upload(caller, "d")
        #expect(try await curl(down).status == "200")
        let expires = try await holds(within: .seconds(20)) {
            try await curl("-I", fourth).status == "410"
        }
        #expect(expires)
        #expect(try await curl("-T", "file", fourth).text.contains("expired"))
        let files = try await caller.structured("file_drop", ["action": "list"])["files"]
        #expect(
            Set(files?.arrayValue?.compactMap { $0["name"]?.stringValue } ?? []) == ["a", "b"])
        _ = await home.process("relay")?.stop()
        try await home.startRelay(["--drop-box-size", "0"])
        let off = try await caller.call("file_drop", ["action": "list"])
        #expect(off["isError"] == true && off.text.contains("DropBoxSize"), "\(off)")
        #expect(try await curl(down).status == "404")
        await home.stop()
    }
}
