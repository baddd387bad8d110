// Transfers between two agents, through the tool, over lines that are cut at random bytes.
// HOMELINE_STREAMS_SEED repeats a run.
import Crypto
import Foundation
import JSON
import Loop
import MCP
import Support
import Testing
import Wire

@testable import homeline_agent
@testable import homeline_relay

@Suite(.timeLimit(.minutes(1))) struct TransferTests {
    @IO private func transfer(
        _ exchange: Exchange, _ from: String, _ to: String, _ more: JSON.Object = [:]
    ) async throws -> JSON {
        var arguments: JSON.Object = [
            "target": "one/local", "path": .string(from), "to_target": "two/local",
            "to_path": .string(to), "wait_s": 50,
        ]
        for (name, value) in more { arguments[name] = value }
        return try await call(exchange, "file_transfer", arguments)
    }

    @IO private func call(
        _ exchange: Exchange, _ name: String, _ arguments: JSON.Object
    ) async throws -> JSON {
        let tools = Tools(
            exchange.router, homeline_relay.Forwards(router: exchange.router), exchange.drops)
        let tool = try #require(tools.all.first { $0.name == name })
        let principal = exchange.router.introduce(.local)
        let result = try await tool.handler(
            ToolCall(name: tool.name, arguments: arguments, principal: principal))
        #expect(!result.isError, "\(result.text)")
        return try RawJSON(try #require(result.structured)).parsed()
    }

    @Test @IO func `files arrive whole over tunnels that are cut at random bytes`() async throws {
        let seed =
            ProcessInfo.processInfo.environment["HOMELINE_STREAMS_SEED"].flatMap(UInt64.init)
            ?? .random(in: 1...999_999)
        print("transfers: HOMELINE_STREAMS_SEED=\(seed)")
        var random = Seeded(state: seed)
        let exchange = try await Exchange()
        let one = try await Site("one", at: exchange)
        let two = try await Site("two", at: exchange)
        let content = pattern(16 << 20)
        let from = try one.file(content)
        for round in 0..<3 {
            let link = Bool.random(using: &random) ? one.link : two.link
            link.cut(
                after: Int.random(in: 0...content.count, using: &random),
                toClient: link === two.link)
            let to = two.folder.file("copy\(round)")
            let done = try await transfer(exchange, from, to)
            #expect(done["state"] == "done", "seed \(seed): \(done)")
            #expect(done["sha256"]?.stringValue == Hex.encode(SHA256.hash(content)))
            #expect(
                SHA256.hash(Array(try Data(contentsOf: URL(fileURLWithPath: to))))
                    == SHA256.hash(content))
        }
        #expect(await until { exchange.router.streams.count == 0 })
        #expect(await until { one.service.streams.count + two.service.streams.count == 0 })
        await one.close()
        await two.close()
        exchange.close()
    }

    @Test @IO func `a file reaches the drop-box, and a target from there, over lines that are cut`()
        async throws
    {
        let seed = UInt64.random(in: 1...999_999)
        var random = Seeded(state: seed)
        let exchange = try await Exchange()
        let one = try await Site("one", at: exchange)
        let two = try await Site("two", at: exchange)
        let content = pattern(8 << 20)
        let sum = Hex.encode(SHA256.hash(content))
        let from = try one.file(content)
        one.link.cut(after: .random(in: 0...content.count, using: &random), toClient: false)
        let sent = try await transfer(
            exchange, from, "copy", ["to_target": "relay"])
        #expect(
            sent["state"] == "done" && sent["sha256"]?.stringValue == sum, "seed \(seed): \(sent)")
        #expect(sent["url"]?.stringValue?.hasSuffix("/copy") == true)
        let to = two.folder.file("back")
        two.link.cut(after: .random(in: 0...content.count, using: &random), toClient: true)
        let back = try await transfer(exchange, "copy", to, ["target": "relay"])
        #expect(
            back["state"] == "done" && back["sha256"]?.stringValue == sum, "seed \(seed): \(back)")
        #expect(
            SHA256.hash(Array(try Data(contentsOf: URL(fileURLWithPath: to))))
                == SHA256.hash(content))
        #expect(await until { exchange.router.streams.count == 0 })
        // One that is cancelled leaves nothing behind.
        let large = try one.file(pattern(24 << 20), "large")
        let slow = try await transfer(
            exchange, large, "cancelled", ["to_target": "relay", "background": true])
        one.link.stall()
        let handle = try #require(slow["command_id"])
        let shown = try await call(exchange, "ssh_command_output", ["command_id": handle])
        #expect(shown["state"] == "running", "\(shown)")
        let ended = try await call(exchange, "ssh_command_cancel", ["command_id": handle])
        #expect(ended["state"] == "cancelled", "\(ended)")
        one.link.resume()
        let several = try await call(
            exchange, "ssh_command_output", ["command_ids": [handle, sent["command_id"] ?? .null]])
        #expect(several["results"]?[0]?["state"] == "cancelled", "\(several)")
        #expect(several["results"]?[1]?["state"] == "done", "\(several)")
        #expect(try await exchange.drops.box.list(of: "local").map(\.name) == ["copy"])
        // A source that goes away leaves nothing behind.
        let begun = try await transfer(
            exchange, from, "broken", ["to_target": "relay", "background": true])
        one.service.streams.shutDown()
        let id = try #require(begun["command_id"]?.stringValue)
        let job = try exchange.drops.find(id, of: .local)
        #expect(await until { job.ended != nil })
        let names = try await exchange.drops.box.list(of: "local").map(\.name)
        #expect(names == ["copy"] || job.info.state == .done)
        await one.close()
        await two.close()
        exchange.close()
    }

    @Test @IO func `a tree of small files and a sparse one pass through the relay`() async throws {
        let exchange = try await Exchange()
        let one = try await Site("one", at: exchange)
        let two = try await Site("two", at: exchange)
        let (from, to) = (one.folder.file("tree"), two.folder.file("tree"))
        for folder in 0..<10 {
            let path = "\(from)/d\(folder)"
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true)
            for number in 0..<100 {
                try Data("\(folder) \(number)".utf8).write(
                    to: URL(fileURLWithPath: "\(path)/f\(number)"))
            }
        }
        _ = FileManager.default.createFile(atPath: "\(from)/sparse", contents: nil)
        try #require(FileHandle(forWritingAtPath: "\(from)/sparse")).truncate(atOffset: 64 << 20)
        let done = try await transfer(exchange, from, to, ["recursive": true])
        #expect(done["state"] == "done" && done["files"] == 1001, "\(done)")
        for folder in 0..<10 {
            for number in 0..<100 {
                let text = try String(
                    contentsOfFile: "\(to)/d\(folder)/f\(number)", encoding: .utf8)
                #expect(text == "\(folder) \(number)")
            }
        }
        var found = stat()
        #expect(unsafe lstat("\(to)/sparse", &found) == 0 && found.st_size == 64 << 20)
        #expect(found.st_blocks * 512 < 1 << 20)
        await one.close()
        await two.close()
        exchange.close()
    }

    @Test @IO func `an end that goes away ends the transfer, and the same call goes on`()
        async throws
    {
        let exchange = try await Exchange()
        let one = try await Site("one", at: exchange)
        let two = try await Site("two", at: exchange)
        let content = pattern(24 << 20)
        let from = try one.file(content)
        let to = two.folder.file("copy")
        let begun = try await transfer(exchange, from, to, ["background": true])
        #expect(begun["state"] == "running", "\(begun)")
        let job = try #require(two.service.transfers.all.first)
        #expect(await until { job.counts.done.bytes > 2 << 20 })
        one.service.streams.shutDown()
        #expect(await until { job.ended != nil })
        #expect(job.state == .failed && job.info.note?.contains("goes on") == true, "\(job.info)")
        #expect(access(to, F_OK) != 0)
        let done = try await transfer(exchange, from, to)
        #expect(done["state"] == "done", "\(done)")
        #expect((done["resumed_bytes"]?.intValue ?? 0) > 0, "\(done)")
        #expect(done["sha256"]?.stringValue == Hex.encode(SHA256.hash(content)))
        await one.close()
        await two.close()
        exchange.close()
    }
}
