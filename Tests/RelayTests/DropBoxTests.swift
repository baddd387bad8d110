// The drop-box on a disk and a store, with a clock that the test sets, and its door over HTTP.
import Crypto
import Foundation
import HTTP
import Loop
import Net
import Support
import Testing
import Wire

@testable import homeline_relay

extension StoreFixture {
    /// A drop-box beside the store.
    @IO func box(
        bytes: Int = 1_000_000, lifetime: Duration = .seconds(100), spare: Int = 0
    ) -> DropBox {
        let box = DropBox(
            store: store, folder: folder.file("files"), bytes: bytes, lifetime: lifetime,
            spare: spare)
        box.base = "http://h"
        return box
    }

    /// The names of the files on the disk.
    var files: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder.file("files"))) ?? [])
            .sorted()
    }
}

extension homeline_relay.Tools {
    /// The tools before a router, with a drop-box beside a store.
    init(_ router: Router, beside store: Store, in folder: String) {
        let box = DropBox(
            store: store, folder: folder, bytes: 1 << 30, lifetime: .seconds(3600))
        self.init(router, Forwards(router: router), DropTransfers(box, router: router))
    }
}

@Suite(.timeLimit(.minutes(1))) struct DropBoxTests {
    @IO private func put(
        _ bytes: [UInt8], as name: String, of owner: String = "o", in box: DropBox
    ) async throws -> DropRecord {
        let record = try await box.expect(name, of: owner, size: bytes.count)
        let writer = try await box.write(record, keeps: false)
        try await writer.add(bytes)
        return try await box.finish(record, writer, expected: SHA256.hash(bytes))
    }

    @Test @IO func `a file has its name when it is whole, and goes at its time`() async throws {
        let fixture = try await StoreFixture()
        let box = fixture.box()
        let record = try await box.expect("a", of: "o", size: 3)
        let writer = try await box.write(record, keeps: false)
        try await writer.add([1, 2])
        #expect(fixture.files == ["\(record.id).part"])
        await #expect(throws: DropError.unknownName("a")) { try await box.find("a", of: "o") }
        try await writer.add([3])
        await #expect(throws: DropError.changed) {
            try await box.finish(record, writer, expected: SHA256.hash([9]))
        }
        let whole = try await box.finish(record, writer, expected: SHA256.hash([1, 2, 3]))
        #expect(whole.size == 3 && whole.sha256 == SHA256.hash([1, 2, 3]))
        #expect(fixture.files == [record.id])
        var found = stat()
        #expect(unsafe stat(fixture.folder.file("files/\(record.id)"), &found) == 0)
        #expect(found.st_mode & 0o777 == 0o600)
        fixture.advance(99)
        await box.sweep()
        #expect(try await box.find("a", of: "o").id == record.id)
        await #expect(throws: DropError.unknownName("a")) { try await box.find("a", of: "other") }
        fixture.advance(1)
        await #expect(throws: DropError.unknownName("a")) { try await box.find("a", of: "o") }
        let next = try await box.expect("b", of: "o", size: 500_000)
        #expect(next.name == "b", "what has expired takes no room")
        await box.sweep()
        #expect(fixture.files == [])
    }

    @Test @IO func `a start sweeps away what was left, and leaves what another process writes`()
        async throws
    {
        let fixture = try await StoreFixture()
        let box = fixture.box()
        let whole = try await put([1], as: "whole", in: box)
        let left = try await box.expect("left", of: "o", size: 9)
        try await box.write(left, keeps: false).add([1])
        let upload = try await box.uploadURL(for: "up", of: "o", room: nil).record
        try await box.write(upload, keeps: false).add([1])
        let written = try await box.expect("written", of: "o", size: 9)
        let writer = try await box.write(written, keeps: false)
        try fixture.folder.write("x", to: "files/stray")
        (await fixture.box().start()).cancel()
        #expect(fixture.files == [whole.id, "\(written.id).part"].sorted())
        #expect(
            Set(try await box.list(of: "o").map(\.name)) == ["whole", "up", "written"],
            "the upload's URL is still there")
        #expect(await box.received(of: upload) == 0)
        _ = writer
    }

    @Test @IO func `what is whole or deleted is not written to again`() async throws {
        let fixture = try await StoreFixture()
        let box = fixture.box()
        let record = try await box.uploadURL(for: "a", of: "o", room: nil).record
        let writer = try await box.write(record, keeps: false)
        try await writer.add([1, 2, 3])
        #expect(try await box.finish(record, writer).size == 3)
        // A repetition of the upload that found its record before the end of the first.
        await #expect(throws: DropError.ended(.used)) {
            try await box.write(record, keeps: false)
        }
        await #expect(throws: DropError.deleted) { try await box.makeRoom(for: record, upTo: 1) }
        await #expect(throws: DropError.deleted) { try await box.finish(record, writer) }
        #expect(try await box.find("a", of: "o").size == 3 && fixture.files == [record.id])

        let gone = try await box.uploadURL(for: "b", of: "o", room: nil).record
        let late = try await box.write(gone, keeps: false)
        try await late.add([1])
        #expect(try await box.delete("b", of: "o") == 1)
        await #expect(throws: DropError.deleted) { try await box.write(gone, keeps: false) }
        await box.breakOff(gone, late)
        #expect(fixture.files == [record.id])
    }

    @Test @IO func `a file takes the place of another of its name, and its URL`() async throws {
        let fixture = try await StoreFixture()
        let box = fixture.box()
        let first = try await put([1], as: "a", in: box)
        let url = try await box.downloadURL(of: first)
        let found = try #require(DropURL(path: url))
        #expect(try await box.find(found).record.id == first.id)
        let second = try await put([2], as: "a", in: box)
        #expect(fixture.files == [second.id])
        await #expect(throws: DropError.ended(.replaced)) { try await box.find(found) }
        _ = try await put([3], as: "a", of: "other", in: box)
        #expect(try await box.find("a", of: "o").id == second.id)
    }

    @Test @IO func `a URL that has ended says why, for a day`() async throws {
        let fixture = try await StoreFixture()
        let box = fixture.box()
        let record = try await put([1], as: "a", in: box)
        let first = try #require(DropURL(path: try await box.downloadURL(of: record)))
        let second = try #require(DropURL(path: try await box.downloadURL(of: record)))
        await #expect(throws: DropError.ended(.renewed)) { try await box.find(first) }
        #expect(try await box.delete("a", of: "o") == 1)
        await #expect(throws: DropError.ended(.deleted)) { try await box.find(second) }
        let upload = try await box.uploadURL(for: "b", of: "o", room: nil)
        let third = try #require(DropURL(path: upload.url))
        fixture.advance(100)
        await #expect(throws: DropError.ended(.expired)) { try await box.find(third) }
        await box.sweep()
        await #expect(throws: DropError.ended(.expired)) { try await box.find(third) }
        await #expect(throws: DropError.unknownURL) { try await box.find(DropURL()) }
        fixture.advance(86_400)
        await box.sweep()
        await #expect(throws: DropError.unknownURL) { try await box.find(third) }
    }

    @Test @IO func `no secret is stored`() async throws {
        let fixture = try await StoreFixture()
        let box = fixture.box()
        let record = try await put([1], as: "a", in: box)
        let secret = try await box.downloadURL(of: record).split(separator: "/")[3]
        #expect(secret.utf8.count == 32)
        let names = try FileManager.default.contentsOfDirectory(atPath: fixture.folder.file(""))
        for name in names where name.hasPrefix("relay.db") {
            let bytes = try Data(contentsOf: URL(fileURLWithPath: fixture.folder.file(name)))
            #expect(bytes.range(of: Data(secret.utf8)) == nil)
        }
    }

    @Test @IO func `caps count what is promised, and a switched-off drop-box takes nothing`()
        async throws
    {
        let fixture = try await StoreFixture()
        let box = fixture.box(bytes: 100)
        _ = try await put([UInt8](repeating: 1, count: 40), as: "a", in: box)
        await #expect(throws: DropError.lacking(.ownerBytes, box.caps)) {
            try await box.expect("b", of: "o", size: 11)
        }
        _ = try await put([UInt8](repeating: 1, count: 50), as: "a", of: "other", in: box)
        await #expect(throws: DropError.lacking(.bytes, box.caps)) {
            try await box.expect("b", of: "third", size: 11)
        }
        let upload = try await box.uploadURL(for: "u", of: "o", room: 7).record
        try await box.makeRoom(for: upload, upTo: 7)
        await #expect(throws: DropError.tooLarge(limit: 7)) {
            try await box.makeRoom(for: upload, upTo: 8)
        }
        for number in 2..<DropBox.ownerFiles {
            _ = try await box.expect("\(number)", of: "o", size: 0)
        }
        await #expect(throws: DropError.lacking(.ownerFiles, box.caps)) {
            try await box.uploadURL(for: "v", of: "o", room: nil)
        }
        await #expect(throws: DropError.off) {
            try await fixture.box(bytes: 0).uploadURL(for: "v", of: "o", room: nil)
        }
    }

    @Test @IO func `zeros become holes, and the digest is of all bytes`() async throws {
        let fixture = try await StoreFixture()
        let box = fixture.box(bytes: 64 << 20)
        let size = 16 << 20
        let record = try await box.expect("sparse", of: "o", size: size)
        let writer = try await box.write(record, keeps: false)
        let zeros = [UInt8](repeating: 0, count: 1 << 20)
        for _ in 0..<8 { try await writer.add(zeros) }
        writer.skip(size - writer.offset)
        let whole = try await box.finish(record, writer)
        #expect(whole.sha256 == SHA256.hash([UInt8](repeating: 0, count: size)))
        var found = stat()
        #expect(unsafe stat(fixture.folder.file("files/\(record.id)"), &found) == 0)
        #expect(found.st_size == size && found.st_blocks * 512 < 1 << 20)
    }

    // MARK: The door

    /// A door on a port, whose principals a test names.
    @IO private final class Entry {
        let box: DropBox
        let port: UInt16
        var principals = ["o": Set<Scope>([.filesRead, .filesWrite])]
        private let listener: Listener
        private let server: HTTPServer

        init(_ box: DropBox) throws {
            self.box = box
            final class Names { weak var entry: Entry? }
            let names = Names()
            let door = FileDoor(box) { id in
                names.entry?.principals[id].map {
                    Principal(id: id, name: id, scopes: $0, pattern: .all)
                }
            }
            let server = HTTPServer(streams: { FileDoor.serves($0.path) }) { request, responder in
                await door.handle(request, responder)
            }
            self.server = server
            listener = try Listener.tcp(try #require(SocketAddress(ip: "127.0.0.1", port: 0))) {
                server.serve($0)
            }
            port = try #require(listener.address?.port)
            names.entry = self
        }

        func ask(
            _ method: String, _ url: String, _ headers: String = "", _ body: [UInt8] = [],
            halfClosing: Bool = false
        ) async throws -> HTTPAnswer {
            let path = url.hasPrefix("http") ? String(url.dropFirst("http://h".count)) : url
            let head =
                "\(method) \(path) HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\(headers)\r\n"
            return try await HTTPAnswer.exchange(
                Array(head.utf8) + body, port: port, halfClosing: halfClosing,
                within: .seconds(10))
        }

        func put(_ url: String, _ body: [UInt8], _ more: String = "") async throws -> HTTPAnswer {
            try await ask("PUT", url, "Content-Length: \(body.count)\r\n\(more)", body)
        }

        func close() {
            listener.close()
            server.close()
        }
    }

    @Test @IO func `a download has ranges, a tag and a safe name`() async throws {
        let fixture = try await StoreFixture()
        let entry = try Entry(fixture.box())
        defer { entry.close() }
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let record = try await put(bytes, as: "a\"b", in: entry.box)
        let url = try await entry.box.downloadURL(of: record)
        let whole = try await entry.ask("GET", url)
        #expect(whole.status == 200 && whole.body == bytes)
        let tag = try #require(whole.headers["etag"])
        #expect(whole.headers["content-disposition"]?.contains("filename=\"a_b\"") == true)
        #expect(whole.headers["cache-control"] == "private, no-store")
        let head = try await entry.ask("HEAD", url)
        #expect(head.status == 200 && head.body == [] && head.headers["content-length"] == "1000")
        let part = try await entry.ask("GET", url, "Range: bytes=990-\r\nIf-Range: \(tag)\r\n")
        #expect(part.status == 206 && part.body == Array(bytes[990...]))
        #expect(part.headers["content-range"] == "bytes 990-999/1000")
        let stale = try await entry.ask("GET", url, "Range: bytes=990-\r\nIf-Range: \"x\"\r\n")
        #expect(stale.status == 200 && stale.body == bytes)
        let beyond = try await entry.ask("GET", url, "Range: bytes=1000-\r\n")
        #expect(beyond.status == 416 && beyond.headers["content-range"] == "bytes */1000")
        #expect(try await entry.ask("GET", url, "If-None-Match: \(tag)\r\n").status == 304)
        for (header, status) in [
            ("If-None-Match: \"x\", W/\(tag)", 304), ("If-None-Match: *", 304),
            ("If-None-Match: \"x\"", 200), ("If-Match: *", 200), ("If-Match: \"x\",\(tag)", 200),
            ("If-Match: \"x\"", 412),
        ] {
            #expect(try await entry.ask("GET", url, header + "\r\n").status == status, "\(header)")
        }
        #expect(try await entry.ask("DELETE", url).status == 405)
        #expect(try await entry.put(url, [1]).status == 405)
    }

    @Test @IO func `an upload is taken once, in order, and up to its cap`() async throws {
        let fixture = try await StoreFixture()
        let entry = try Entry(fixture.box())
        defer { entry.close() }
        let url = try await entry.box.uploadURL(for: "up", of: "o", room: 10).url
        #expect(try await entry.ask("GET", url).status == 405)
        #expect(try await entry.ask("HEAD", url).headers["upload-offset"] == "0")
        #expect(try await entry.put(url, [UInt8](repeating: 1, count: 11)).status == 413)
        let chunked = "Transfer-Encoding: chunked\r\n"
        let long = Array("b\r\n01234567890\r\n0\r\n\r\n".utf8)
        #expect(try await entry.ask("PUT", url, chunked, long).status == 413)
        #expect(try await entry.ask("PUT", url, "", Array("lost".utf8)).status == 411)
        let broken = Array("x\r\n".utf8)
        #expect(try await entry.ask("PUT", url, chunked, broken).status == 400)
        let cut = try await entry.ask(
            "PUT", url, "Content-Length: 3\r\n", [1, 2], halfClosing: true)
        #expect(cut.status == 400 && cut.headers["upload-offset"] == "2", "\(cut.text)")
        #expect(try await entry.ask("HEAD", url).headers["upload-offset"] == "2")
        let early = try await entry.put(url, [1], "Content-Range: bytes 1-1/2\r\n")
        #expect(early.status == 409)
        #expect(try await entry.put(url, [1], "Content-Range: x\r\n").status == 400)
        let gzip = try await entry.put(url, [1], "Content-Encoding: gzip\r\n")
        #expect(gzip.status == 415)
        let half = try await entry.put(url, [1, 2], "Content-Range: bytes 0-1/3\r\n")
        #expect(half.status == 202 && half.headers["upload-offset"] == "2")
        #expect(try await entry.ask("HEAD", url).headers["upload-offset"] == "2")
        let rest = try await entry.put(url, [3], "Content-Range: bytes 2-2/3\r\n")
        #expect(rest.status == 201 && rest.text.hasPrefix("up: 3 bytes, sha256 "))
        let whole = try await entry.box.find("up", of: "o")
        #expect(whole.sha256 == SHA256.hash([1, 2, 3]))
        let again = try await entry.put(url, [1])
        #expect(again.status == 410 && again.text.contains("has been used"))
        // Nobody has said how long it is, and less room is left than is taken at once.
        _ = try await put([UInt8](repeating: 1, count: 499_000), as: "most", in: entry.box)
        let piped = try await entry.box.uploadURL(for: "piped", of: "o", room: nil).url
        let short = Array("3\r\nabc\r\n0\r\n\r\n".utf8)
        #expect(try await entry.ask("PUT", piped, chunked, short).status == 201)
        let second = try await entry.box.uploadURL(for: "empty", of: "o", room: nil).url
        #expect(try await entry.put(second, []).status == 201)
    }

    @Test @IO func `an upload that comes again takes the place of one that hangs`() async throws {
        let fixture = try await StoreFixture()
        let entry = try Entry(fixture.box())
        defer { entry.close() }
        let (record, url) = try await entry.box.uploadURL(for: "up", of: "o", room: nil)
        let stream = try await SocketStream.connect(host: "127.0.0.1", port: entry.port)
        defer { stream.close() }
        let path = String(url.dropFirst("http://h".count))
        stream.write(
            Array("PUT \(path) HTTP/1.1\r\nHost: h\r\nContent-Length: 90\r\n\r\nhalf".utf8))
        for _ in 0..<2000 where await entry.box.received(of: record) < 4 {
            try await IO.sleep(for: .milliseconds(1))
        }
        let whole = try await entry.put(url, [7])
        #expect(whole.status == 201)
        #expect(try await entry.box.find("up", of: "o").sha256 == SHA256.hash([7]))
    }

    @Test @IO func `a full disk is named, and an upload begins anew when there is room`()
        async throws
    {
        let fixture = try await StoreFixture()
        let full = try Entry(fixture.box(spare: .max))
        defer { full.close() }
        let url = try await full.box.uploadURL(for: "up", of: "o", room: nil).url
        let refused = try await full.put(url, [1])
        #expect(refused.status == 507 && refused.text.contains("disk is full"), "\(refused.text)")
        #expect(try await full.ask("HEAD", url).headers["upload-offset"] == "0")
        let entry = try Entry(fixture.box())
        defer { entry.close() }
        #expect(try await entry.put(url, [1]).status == 201)
        for (code, expected) in [
            (ENOSPC, .diskFull), (EDQUOT, .diskFull), (EIO, .disk("Input/output error")),
        ] as [(Int32, DropError)] {
            #expect(DropError.system(code) == expected)
        }
    }

    @Test @IO func `who has lost the token, or a scope, has no URL either`() async throws {
        let fixture = try await StoreFixture()
        let entry = try Entry(fixture.box())
        defer { entry.close() }
        let record = try await put([1], as: "a", in: entry.box)
        let (down, up) = (
            try await entry.box.downloadURL(of: record),
            try await entry.box.uploadURL(for: "b", of: "o", room: nil).url
        )
        entry.principals["o"] = [.filesRead]
        #expect(try await entry.ask("GET", down).status == 200)
        #expect(try await entry.put(up, [1]).status == 403)
        entry.principals["o"] = [.filesWrite]
        #expect(try await entry.ask("GET", down).status == 403)
        entry.principals["o"] = nil
        #expect(try await entry.ask("GET", down).status == 410)
        #expect(try await entry.put(up, [1]).status == 410)
        await entry.box.removeAll(of: "o")
        #expect(fixture.files == [])
        entry.principals["o"] = [.admin]
        let gone = try await entry.ask("GET", down)
        #expect(gone.status == 410 && gone.text.contains("revoked"))
        let other = "/files/" + String(repeating: "A", count: 32)
        #expect(try await entry.ask("GET", other).status == 404)
        #expect(try await entry.put(other, [1]).status == 404)
    }
}
