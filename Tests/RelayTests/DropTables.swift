// The drop-box's decisions as tables: ranges, caps, ends, URLs and names.
import Loop
import Support
import Testing
import Wire

@testable import homeline_relay

@Suite struct DropTables {
    @Test(
        arguments: [
            (nil, nil, 10, .whole), ("bytes=0-", nil, 10, .part(0..<10)),
            ("bytes=3-5", nil, 10, .part(3..<6)), ("Bytes=3-500", nil, 10, .part(3..<10)),
            ("bytes=9-9", nil, 10, .part(9..<10)), ("bytes=10-", nil, 10, .unsatisfiable),
            ("bytes=-3", nil, 10, .part(7..<10)), ("bytes=-30", nil, 10, .part(0..<10)),
            ("bytes=-0", nil, 10, .unsatisfiable), ("bytes=0-", nil, 0, .unsatisfiable),
            ("bytes=-1", nil, 0, .unsatisfiable), ("bytes=5-3", nil, 10, .whole),
            ("bytes=1-2,4-5", nil, 10, .whole), ("lines=1-2", nil, 10, .whole),
            ("bytes=-", nil, 10, .whole), ("bytes=a-3", nil, 10, .whole),
            ("bytes=3", nil, 10, .whole), ("bytes=+3-", nil, 10, .whole),
            ("bytes=99999999999999999999-", nil, 10, .unsatisfiable),
            ("bytes=2-99999999999999999999", nil, 10, .part(2..<10)),
            ("bytes=-99999999999999999999", nil, 10, .part(0..<10)),
            ("bytes=3-", "\"t\"", 10, .part(3..<10)), ("bytes=3-", "\"other\"", 10, .whole),
            ("bytes=3-", "Sun, 29 Nov 2026 22:29:06 GMT", 10, .whole),
        ] as [(String?, String?, Int, ByteRange)])
    func `a range is what RFC 9110 says`(
        header: String?, condition: String?, size: Int, expected: ByteRange
    ) {
        #expect(
            ByteRange(header, condition: condition, size: size, tag: "\"t\"") == expected,
            "\(header ?? "")")
    }

    @Test(
        arguments: [
            ("bytes 0-9/10", 0, 10, 10), ("bytes 4-9/10", 4, 6, 10), ("bytes 4-9/*", 4, 6, nil),
            ("Bytes 4-5/10", 4, 2, 10),
        ] as [(String, Int, Int, Int?)])
    func `a part of an upload has its place`(header: String, first: Int, count: Int, total: Int?)
        throws
    {
        let range = try #require(ContentRange(header))
        #expect(range.first == first && range.count == count && range.total == total)
    }

    @Test(arguments: [
        "", "bytes", "bytes */10", "bytes 5-4/10", "bytes 0-10/10", "bytes 0-9/x", "bytes -9/10",
        "bytes 0-99999999999999999999/*", "bytes=0-9/10", "lines 0-9/10", "bytes 0-9",
        "bytes 0-/10",
    ])
    func `a malformed Content-Range is refused`(header: String) {
        #expect(ContentRange(header) == nil)
    }

    @Test(
        arguments: [
            (0, 0, 0, 0, nil), (100, 0, 0, 0, nil), (101, 0, 0, 0, .ownerBytes),
            (60, 50, 1, 50, .ownerBytes), (60, 150, 1, 0, .bytes), (50, 150, 1, 50, nil),
            (0, 0, 3, 1, .files), (0, 0, 2, 2, .ownerFiles), (.max, 150, 1, 50, .ownerBytes),
        ] as [(Int, Int, Int, Int, DropCaps.Lack?)])
    func `the caps hold for all and for each`(
        size: Int, allBytes: Int, allFiles: Int, own: Int, expected: DropCaps.Lack?
    ) {
        let caps = DropCaps(bytes: 200, ownerBytes: 100, files: 3, ownerFiles: 2)
        // The owner's number of files is that of the row, or as many as `own` is below 3.
        let files = own < 3 ? own : 1
        #expect(
            caps.lack(
                of: size, beside: .init(bytes: allBytes, files: allFiles),
                .init(bytes: own < 3 ? 0 : own, files: files)) == expected)
    }

    @Test(arguments: [(999, false), (1000, true), (1001, true)] as [(Int64, Bool)])
    func `a file is over at its time`(now: Int64, isOver: Bool) {
        for state in DropInfo.State.allCases {
            let record = DropRecord(
                id: "i", owner: "o", name: "n", state: state, size: 1, sha256: nil, room: 1,
                created: 0, expires: 1000)
            #expect(record.isOver(at: now) == isOver)
        }
    }

    @Test func `a URL has 192 random bits, and is found by its hash below any path`() throws {
        let url = DropURL()
        let text = url.text(base: "https://r.example/home", name: "a b/ü.txt")
        #expect(text.hasPrefix("https://r.example/home/files/"))
        #expect(text.hasSuffix("/a%20b%2F%C3%BC.txt"))
        let path = String(text.dropFirst("https://r.example".count))
        #expect(DropURL(path: path)?.hash == url.hash)
        let bare = url.text(base: "", name: nil)
        #expect(bare.utf8.count == "/files/".utf8.count + 32)
        #expect(
            DropURL(path: bare)?.hash == url.hash && DropURL(path: bare + "/")?.hash == url.hash)
        #expect(DropURL(path: "/files" + bare + "/files")?.hash == url.hash)
        #expect(DropURL().hash != url.hash)
        for other in ["/files", "/files/", "/files/x", "/mcp", bare + "/a/b", "/x" + bare + "x"] {
            #expect(DropURL(path: other) == nil, "\(other)")
        }
    }

    @Test(arguments: [
        ("a.txt", "a.txt", "a.txt"), ("a \"b\".txt", "a _b_.txt", "a%20%22b%22.txt"),
        ("ü\u{202E}", "__", "%C3%BC%E2%80%AE"), ("100%.gz", "100_.gz", "100%25.gz"),
    ])
    func `a name cannot leave its header`(name: String, plain: String, exact: String) {
        #expect(
            DropURL.disposition(name)
                == "attachment; filename=\"\(plain)\"; filename*=UTF-8''\(exact)")
    }

    @Test(arguments: [
        ("a", true), ("ä b", true), ("..a", true), ("", false), (".", false), ("..", false),
        ("a/b", false), ("a\nb", false), ("a\u{0}", false), ("a\u{7f}", false), ("a\u{85}", false),
        (String(repeating: "x", count: 255), true), (String(repeating: "ä", count: 128), false),
    ])
    func `a name is one that a file can have`(name: String, isName: Bool) {
        #expect(DropBox.isName(name) == isName, "\(name)")
    }

    @Test func `every reason has a sentence of its own, without a secret or a path`() {
        let caps = DropCaps(bytes: 4, ownerBytes: 3, files: 2, ownerFiles: 1)
        var errors: [DropError] = [
            .off, .tooLarge(limit: 5), .diskFull, .disk("it"), .unknownName("n"), .badName,
            .unknownURL, .scope(.filesRead), .gap(received: 6), .badRange, .overtaken, .changed,
            .deleted,
        ]
        errors += DropURLEnd.allCases.map(DropError.ended)
        errors += [.bytes, .ownerBytes, .files, .ownerFiles].map { .lacking($0, caps) }
        #expect(Set(errors.map(\.description)).count == errors.count)
        for error in errors {
            #expect((400..<600).contains(error.status) && !error.description.hasSuffix("."))
        }
    }
}
