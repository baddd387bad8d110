// The URIs of resources: what they name, and what no spelling of them reaches.
import Testing
import Wire

@testable import homeline_relay

@Suite struct ResourceURITests {
    private static let db = HostPlace(agent: "site", host: "db")

    @Test func `what is written is read back`() {
        let odd = HostPlace(agent: "site ü", host: "dir/op@db:2222")
        let all: [ResourceURI] = [
            .statistics, .agents, .targets,
            .transcript(session: "k3.7", offset: nil, limit: nil),
            .transcript(session: "k3.7", offset: 12, limit: 500),
            .screen(session: "k 3/%7".split(separator: "/").joined()), .output(command: "k3.c1"),
            .file(Self.db, path: "/etc/hosts"), .file(Self.db, path: "/a b/ü%2F?#&"),
            .file(Self.db, path: "~/notes"), .file(Self.db, path: "~"),
            .file(Self.db, path: "/~/notes"), .file(odd, path: "/..a/b../..."),
            .host(Self.db, .report), .host(odd, .subject(.failedServices)),
        ]
        for uri in all { #expect(ResourceURI("\(uri)") == uri, "\(uri)") }
        #expect(
            "\(ResourceURI.file(Self.db, path: "/a b/ü?"))"
                == "homeline://files/site/db/a%20b/%C3%BC%3F")
    }

    @Test(arguments: [
        ("files/site/db//etc/hosts", "/etc/hosts"), ("files/site/db/etc/hosts", "/etc/hosts"),
        ("files/site/db/etc%2Fhosts", "/etc/hosts"), ("files/site/db///x", "/x"),
        ("files/site/db/a?b#c", "/a?b#c"), ("files/site/db/~", "~"),
        ("files/site/db/~root/x", "/~root/x"), ("files/site/db/a//b", "/a//b"),
    ])
    func `a path is one path, however it is written`(text: String, path: String) {
        #expect(ResourceURI("homeline://" + text) == .file(Self.db, path: path))
    }

    @Test(arguments: [
        "", "homeline:", "homeline://", "homeline:///agents", "HOMELINE://agents", "http://agents",
        "homeline://agents/", "homeline://agents?x", "homeline://agents#x", "homeline://Agents",
        "homeline://sessions/k3.7", "homeline://sessions//transcript",
        "homeline://sessions/a/b/transcript", "homeline://sessions/a%2Fb/transcript",
        "homeline://sessions/../transcript", "homeline://sessions/%2e%2E/screen",
        "homeline://sessions/a/transcript/", "homeline://sessions/a/transcript?offset=-1",
        "homeline://sessions/a/transcript?offset=1&offset=2",
        "homeline://sessions/a/transcript?limit=0", "homeline://sessions/a/transcript?x=1",
        "homeline://sessions/a/transcript?offset=99999999999999999999",
        "homeline://sessions/a/transcript?offset=1&", "homeline://sessions/a/screen?limit=1",
        "homeline://files/site/db", "homeline://files/site/db/", "homeline://files/site//etc",
        "homeline://files//db/etc", "homeline://files/site/../db/etc",
        "homeline://files/site/db/../web/etc", "homeline://files/site/db/..",
        "homeline://files/site/db/etc/../../x", "homeline://files/site/db/%2e%2e/x",
        "homeline://files/site/db/etc%2F..%2Fx", "homeline://files/site/db/./x",
        "homeline://files/site/db/%2E/x", "homeline://files/site/%2e%2e/etc",
        "homeline://files/site/a%2F..%2Fb/etc", "homeline://files/site%2Fdb/x/etc",
        "homeline://files/../db/etc", "homeline://files/site/db/a%00b",
        "homeline://files/site/db/a%0Ab",
        "homeline://files/site/db/%", "homeline://files/site/db/%4", "homeline://files/site/db/%zz",
        "homeline://files/site/db/%ff", "homeline://files/site/db/a\u{7}b",
        "homeline://hosts/site/db", "homeline://hosts/site/db/",
        "homeline://hosts/site/db/nonesuch",
        "homeline://hosts/site/db/container_logs", "homeline://hosts/site/db/report?x=1",
        "homeline://hosts/site/db/../report", "homeline://commands/a/output?offset=1",
    ])
    func `no other text names anything`(text: String) {
        #expect(ResourceURI(text) == nil)
    }

    @Test func `a long URI is not read, and a short one of any bytes does not trap`() {
        let long = "homeline://files/site/db/" + String(repeating: "a", count: ResourceURI.limit)
        #expect(ResourceURI(long) == nil)
        var random = SystemRandomNumberGenerator()
        let pieces = [
            "homeline://", "files/", "sessions/", "%", "%2", "%2e", "..", "/", "?", "offset=", "&",
            "\u{301}", "é", "\r\n", "👩‍👩‍👧", "1", "site", "transcript", "~",
        ]
        for _ in 0..<20_000 {
            let text = (0..<Int.random(in: 0..<12, using: &random)).map { _ in
                pieces.randomElement(using: &random) ?? ""
            }.joined()
            guard let uri = ResourceURI("homeline://" + text) else { continue }
            #expect(ResourceURI("\(uri)") == uri, "\(text)")
            if case .file(_, let path) = uri {
                #expect(!path.split(separator: "/").contains { $0 == ".." || $0 == "." })
            }
        }
    }
}
