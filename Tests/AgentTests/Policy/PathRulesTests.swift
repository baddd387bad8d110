// The site's rules on paths: what they cover, in whose name they refuse, and what they cannot
// judge.
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite struct PathRulesTests {
    private let policy: Policy

    init() throws {
        policy = try PolicyTests.settings(
            """
            AllowPath /srv /home/*/public web*:/etc local:/var/log
            DenyPath *.pem local:/var/log/private/
            ReadOnlyPath web*:/etc /srv/data
            """
        ).policy
    }

    /// The rule in the refusal, or the path as it is to be used.
    private func verdict(_ path: String, _ names: [String], _ use: PathUse = .reading) -> String {
        do {
            return try policy.admit(path, on: names, for: use)
        } catch {
            let text = error.message
            guard let open = text.firstIndex(of: "("), let close = text.firstIndex(of: ")") else {
                return text
            }
            return String(text[text.index(after: open)..<close])
        }
    }

    @Test(arguments: [
        ("/srv/app/x", "db1", "/srv/app/x"), ("/srv", "db1", "/srv"),
        ("/srv/../srv//app/./y", "db1", "/srv/app/y"),
        ("/home/ann/public/z", "db1", "/home/ann/public/z"),
        ("/srv/a/key.pem", "db1", "DenyPath *.pem in agent.conf"),
        ("/etc/hosts", "WEB1", "/etc/hosts"), ("/var/log/syslog", "local", "/var/log/syslog"),
        ("/var/log/private/x", "local", "DenyPath local:/var/log/private/ in agent.conf"),
        ("/var/log/private", "local", "DenyPath local:/var/log/private/ in agent.conf"),
    ])
    func `a rule on a folder is one on all below it`(path: String, name: String, expected: String) {
        #expect(verdict(path, [name]) == expected)
    }

    @Test(arguments: [
        "/srvx", "/", "/home/ann/private", "/srv/../etc/passwd", "/../../etc/passwd", "/etc/hosts",
    ])
    func `what no rule allows is refused, whatever way it is written`(path: String) {
        #expect(verdict(path, ["db1", "10.0.0.1"]).hasPrefix("AllowPath /srv,/home/*/public,"))
    }

    @Test(arguments: [
        ("/srv/a/KEY.Pem", "db1", "DenyPath *.pem in agent.conf"),
        ("/VAR/LOG/PRIVATE/x", "local", "DenyPath local:/var/log/private/ in agent.conf"),
        ("/var/log/Private/x", "local", "DenyPath local:/var/log/private/ in agent.conf"),
        ("/SRV/app", "db1", "AllowPath"), ("/srv/a/key.p\u{e9}m", "db1", "/srv/a/key.p\u{e9}m"),
    ])
    func `what is denied is denied in any case of letters, and allowed as it is written`(
        path: String, name: String, expected: String
    ) {
        #expect(verdict(path, [name]).hasPrefix(expected))
    }

    @Test(arguments: [
        ("/C:/Users/me/x", true), ("/c:/users/ME/x", true), ("/C:/Users/me/x.", false),
        ("/C:/Users/me/x ", false), ("/C:/Users./me", false), ("/C:/Users/MEXXXX~1", false),
        ("/C:/Users/x::$DATA", false), ("/C:/Users\\me", false), ("/C:/a~b", true),
        ("/home/x.", true), ("/C:", true), ("/Cx/y.", true), ("/c:/SECRET/y", false),
        ("/C:/Secret", false),
    ])
    func `a file of Windows passes under its full name alone`(path: String, passes: Bool) throws {
        let rules = try PolicyTests.settings("DenyPath /C:/secret\n").policy.paths
        let admitted = try? rules.admit(path, on: ["win"], for: .reading)
        #expect((admitted == path) == passes)
    }

    @Test(arguments: [
        ("::1", "0:0:0:0:0:0:0:1"), ("[::1]", "0:0:0:0:0:0:0:1"), ("127.1", "127.0.0.1"),
    ])
    func `a rule names an address in any spelling`(target: String, name: String) throws {
        let rule = try #require(PathRule("\(target):/etc"))
        #expect(rule.covers("/etc/x", on: [name]) && !rule.covers("/etc/x", on: ["10.0.0.1"]))
    }

    @Test func `what may be read may not be written everywhere`() {
        #expect(verdict("/srv/data/x", ["db1"], .reading) == "/srv/data/x")
        #expect(verdict("/srv/data/x", ["db1"], .writing) == "ReadOnlyPath /srv/data in agent.conf")
        #expect(verdict("/etc/x", ["web1"], .writing) == "ReadOnlyPath web*:/etc in agent.conf")
        #expect(verdict("/srv/app/x", ["db1"], .writing) == "/srv/app/x")
        var readOnly = Policy()
        readOnly.isReadOnly = true
        #expect(throws: Fault.self) { try readOnly.admit("/x", on: ["a"], for: .writing) }
        #expect((try? readOnly.admit("/x", on: ["a"], for: .reading)) == "/x")
    }

    @Test(arguments: [
        "srv/x", "~/x", "", "/srv/\0/etc", "/srv/" + String(repeating: "a", count: 4096),
    ])
    func `a path that the rules cannot judge is refused`(path: String) {
        #expect(verdict(path, ["db1"]).contains("as an absolute path"))
        #expect((try? Policy().admit(path, on: ["db1"], for: .writing)) == path)
    }

    @Test(arguments: [
        "AllowPath etc", "DenyPath web1:etc", "DenyPath :/etc", "MaxOutput 10",
        "DenyPath web1:22:/etc", "DenyPath root@web1:/etc",
    ])
    func `a rule that is not understood stops the agent`(line: String) {
        #expect(throws: CommandFailure.self) { try PolicyTests.settings("\(line)\n") }
    }
}
