// Names in ssh_config that are written otherwise than plain host names: with slashes, and `local`.
import Foundation
import JSON
import Loop
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite(.timeLimit(.minutes(1))) struct AliasTests {
    private static let config = """
        Host prod/db1
          HostName 192.0.2.1
        Host db1
          HostName 192.0.2.2
        Host local
          HostName 192.0.2.3
          User ops
        Host behind
          HostName 192.0.2.4
          ProxyJump ops@local:2222,db1
        """

    /// Targets, and the folder of their configuration.
    @IO private final class Site {
        let targets: Targets
        let folder: TemporaryDirectory

        init(_ config: String = AliasTests.config) throws {
            folder = try TemporaryDirectory("aliases")
            targets = Targets(
                settings: TargetSettings(sshConfig: try folder.write(config, to: "config")),
                place: Place(environment: [:], user: "me", home: folder.path))
        }
    }

    @IO private func admit(
        _ targets: Targets, _ target: String, _ arguments: JSON.Object = [:],
        reach: [String] = Caller.everywhere
    ) async -> Result<Target, Fault> {
        await outcome {
            try await targets.admit(
                target, TargetAccess(Fields(object: arguments)), for: Caller(id: "p", reach: reach))
        }
    }

    @Test func `a slash belongs to the name behind the agent's`() throws {
        #expect(try TargetName("site/prod/db1").host == "prod/db1")
        #expect(try TargetName("site/root@prod/db1:22").description == "root@prod/db1:22")
        #expect(try TargetName(place: "prod/db1").host == "prod/db1")
        #expect(try TargetName("prod/db1").host == "db1")
        for name in [
            "../db1", "prod/../db1", "./db1", "prod/.", "/db1", "prod/", "prod//db1", "ssh://db1",
            "ssh://db1:22", "prod/-x", "a/b@db1", "prod/::1",
        ] {
            #expect(throws: Fault.self, "\(name)") { try TargetName(place: name) }
            #expect(throws: Fault.self, "\(name)") { try TargetName("site/\(name)") }
        }
    }

    @Test func `local is the agent's machine, and =local the alias`() throws {
        #expect(try TargetName("site/local").isLocal)
        for name in ["=local", "=LOCAL", "=local."] {
            let alias = try TargetName("site/\(name)")
            #expect(!alias.isLocal && TargetName.sshName(alias.host) == String(name.dropFirst()))
        }
        #expect(try TargetName("site/ops@=local:22").description == "ops@=local:22")
        for name in ["=db1", "=", "==local", "=prod/local", "ops@local", "local:22"] {
            #expect(throws: Fault.self, "\(name)") { try TargetName("site/\(name)") }
        }
    }

    @Test(.needs("ssh")) @IO func `each alias leads where ssh leads it`() async throws {
        let site = try Site()
        let (targets, folder) = (site.targets, site.folder)
        for (name, host) in [
            ("prod/db1", "192.0.2.1"), ("db1", "192.0.2.2"), ("=local", "192.0.2.3"),
        ] {
            let ssh = try await RunningProcess.run(
                try #require(Repository.find("ssh")),
                ["-G", "-F", folder.file("config"), TargetName.sshName(name)])
            #expect(ssh.contains("\nhostname \(host)\n"))
            #expect(try await targets.resolve(TargetName("site/\(name)")).hostname == host)
        }
        let behind = try await targets.resolve(TargetName("site/behind"))
        #expect(behind.via.map(\.hostname) == ["192.0.2.3", "192.0.2.2"])
        #expect(
            behind.via.map(\.address.description) == [
                "ops@=local:2222", "\(behind.via.last?.user ?? "")@db1:22",
            ])
        let missing = await outcome { try await targets.resolve(TargetName("site/prod/none")) }
        guard case .failure(let fault) = missing else {
            Issue.record("resolved")
            return
        }
        #expect(fault.code == .nameNotFound && fault.message.contains("not configured"))
    }

    @Test(.needs("ssh")) @IO func `the list has both, and says which is which`() async throws {
        let site = try Site()
        let targets = site.targets
        defer { withExtendedLifetime(site) {} }
        let found = await targets.list(ListTargets(), agent: "site").found.map(\.info)
        #expect(
            found.map(\.target) == [
                "site/local", "site/prod/db1", "site/db1", "site/=local", "site/behind",
            ])
        try #require(found.count == 5)
        #expect(found[0].note?.contains("site/=local") == true)
        #expect(found[3].note?.contains("site/local") == true)
        #expect(found[3].hostname == "192.0.2.3" && found[1].hostname == "192.0.2.1")
        #expect(found[1].note == nil)
    }

    /// A right or a rule on one of two names that look alike holds for that one alone.
    @Test(
        .needs("ssh"),
        arguments: [
            ("site/local", ["local"], "local"), ("site/=local", ["local"], "may not use"),
            ("site/=local", ["=local"], "192.0.2.3"), ("site/local", ["=local"], "may not use"),
            ("site/db1", ["db1"], "192.0.2.2"), ("site/prod/db1", ["db1"], "may not use"),
            ("site/db1", ["prod/db1"], "may not use"), ("site/db1", ["prod/*"], "may not use"),
            ("site/prod/db1", ["prod/*"], "192.0.2.1"), ("site/=local", ["*"], "192.0.2.3"),
        ] as [(String, [String], String)])
    @IO func `rights hold for one of the two`(
        target: String, reach: [String], expected: String
    ) async throws {
        let site = try Site()
        let targets = site.targets
        defer { withExtendedLifetime(site) {} }
        #expect(await said(targets, target, reach: reach).contains(expected))
    }

    @Test(
        .needs("ssh"),
        arguments: [
            // Rules that deny `local` mean the alias, too; rules that allow it do not.
            ("local", "", "site/=local", "DenyTarget"), ("=local", "", "site/local", "local"),
            ("=local", "", "site/=local", "DenyTarget"), ("", "local", "site/local", "local"),
            ("", "local", "site/=local", "AllowTarget"),
            ("", "=local", "site/local", "AllowTarget"),
            ("", "=local", "site/=local", "192.0.2.3"), ("db1", "", "site/prod/db1", "192.0.2.1"),
            ("prod/db1", "", "site/db1", "192.0.2.2"),
            ("prod/*", "", "site/prod/db1", "DenyTarget"),
            ("192.0.2.1", "", "site/prod/db1", "DenyTarget"),
            ("", "local", "site/named", "AllowTarget"), ("local", "", "site/named", "DenyTarget"),
        ])
    @IO func `rules hold for one of the two`(
        denied: String, allowed: String, target: String, expected: String
    ) async throws {
        let site = try Site(Self.config + "\nHost named\n HostName local\n")
        let targets = site.targets
        defer { withExtendedLifetime(site) {} }
        targets.policy.deniedTargets = denied.isEmpty ? [] : [denied]
        targets.policy.allowedTargets = allowed.isEmpty ? [] : [allowed]
        let said = await said(targets, target)
        #expect(said.contains(expected), "\(said)")
    }

    /// What a block of agent.conf gives to the agent's own machine is not given to the alias.
    @Test(.needs("ssh")) @IO func `secrets of local are not those of the alias`() async throws {
        let site = try Site()
        let targets = site.targets
        defer { withExtendedLifetime(site) {} }
        var block = TargetBlock(patterns: ["local"])
        block.password = "pw"
        targets.settings.blocks = [block]
        #expect(try await targets.resolve(TargetName("site/=local")).credentials.password == nil)
        let asked = await admit(targets, "site/=local", ["secret": "pw"])
        guard case .failure(let fault) = asked else {
            Issue.record("given")
            return
        }
        #expect(fault.message.contains("does not give the secret"))
        targets.settings.blocks[0].patterns = ["=local"]
        #expect(try await targets.resolve(TargetName("site/=local")).credentials.password == "pw")
    }

    @IO private func said(
        _ targets: Targets, _ target: String, reach: [String] = Caller.everywhere
    ) async -> String {
        switch await admit(targets, target, reach: reach) {
        case .success(.local): "local"
        case .success(.ssh(let found, _)): found.hostname
        case .failure(let fault): fault.message
        }
    }

    @Test func `a rule on paths names an alias with a slash`() {
        for (text, target) in [
            ("prod/db1:/etc", "prod/db1"), ("db1:/etc", "db1"), ("/etc/a:/b", "*"),
            ("prod/*:*secret*", "prod/*"), ("*:/etc", "*"), ("=local:/etc", "=local"),
        ] {
            #expect(PathRule(text)?.target == target, "\(text)")
        }
        #expect(PathRule("prod/db1") == nil && PathRule("prod/db1:etc") == nil)
    }

    // MARK: Pages

    /// ssh takes names that no target has; the list says so to those who may use such a host.
    @Test(.needs("ssh")) @IO func `names that cannot be targets are left out with a reason`()
        async throws
    {
        let site = try Site("Host web a=b c%d x:y \"db one\"\n HostName 192.0.2.1\n")
        let targets = site.targets
        defer { withExtendedLifetime(site) {} }
        let page = await targets.list(ListTargets(), agent: "site")
        #expect(page.found.map(\.info.target) == ["site/local", "site/web"])
        #expect(page.leftOut?.contains("4 of the configured names") == true)
        #expect(page.leftOut?.contains("(\"a=b\", \"c%d\", \"x:y\", \"db one\")") == true)
        let few = await targets.list(ListTargets(), agent: "site") { $0.host == "web" }
        #expect(few.leftOut == nil)
        targets.policy.deniedTargets = ["c*", "x:y"]
        let rest = await targets.list(ListTargets(), agent: "site")
        #expect(rest.leftOut?.contains("(\"a=b\", \"db one\")") == true)
    }

    @Test(.needs("ssh")) @IO func `a query is answered first, and what is left out is said`()
        async throws
    {
        let names = (0..<600).map { "Host fleet-\(1000 + $0)\n HostName host-\($0).example\n" }
        let site = try Site(names.joined())
        let targets = site.targets
        defer { withExtendedLifetime(site) {} }
        func list(_ arguments: JSON.Object) async throws -> TargetPage {
            await targets.list(try ListTargets(Fields(object: arguments)), agent: "site")
        }
        let one = try await list(["query": "fleet-1590", "limit": 2])
        #expect(one.found.map(\.info.target) == ["site/fleet-1590"])
        let page = try await list(["limit": 3])
        #expect(
            page.found.map(\.info.target) == ["site/local", "site/fleet-1000", "site/fleet-1001"])
        #expect(page.leftOut?.contains("598 more") == true)
        #expect(page.leftOut?.contains("\"offset\": 3") == true)
        let next = try await list(["limit": 3, "offset": 599])
        #expect(next.found.map(\.info.target) == ["site/fleet-1598", "site/fleet-1599"])
        #expect(next.leftOut == nil)
        // Names outside a caller's reach are not counted.
        let few = await targets.list(ListTargets(), agent: "site") { $0.host == "fleet-1007" }
        #expect(few.found.map(\.info.target) == ["site/fleet-1007"] && few.leftOut == nil)
        // A rule is compared with all names.
        targets.policy.deniedTargets = ["fleet-1599"]
        #expect(await targets.named().count == 600)
    }
}
