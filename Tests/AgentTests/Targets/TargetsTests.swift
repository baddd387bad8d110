// Targets: how names are read, what ssh says about them, which aliases are listed.
import Foundation
import JSON
import Loop
import SSH
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite(.timeLimit(.minutes(1))) struct TargetsTests {
    private static func place(_ home: String) -> Place {
        Place(environment: [:], user: "me", home: home)
    }

    @Test func `names are taken apart`() throws {
        #expect(try TargetName("site/local").isLocal)
        #expect(try TargetName("local").isLocal)
        let full = try TargetName("site/root@db.example:2222")
        #expect(full.host == "db.example" && full.user == "root" && full.port == 2222)
        let six = try TargetName("site/[fe80::1]:22")
        #expect(six.host == "fe80::1" && six.port == 22)
        #expect(try TargetName("site/::1").host == "::1")
        for (bracketed, plain) in [
            ("[10.0.0.1]:22", "10.0.0.1:22"), ("ada@[10.0.0.1]", "ada@10.0.0.1"),
            ("[127.1]", "127.1"),
        ] {
            #expect(try TargetName("site/\(bracketed)") == TargetName("site/\(plain)"))
        }
        #expect(try TargetName("site/web").port == nil)
    }

    @Test(arguments: [
        "", "site/", "site/-oProxyCommand=x", "site/a b", "site/a:0", "site/a:70000", "site/a:x",
        "site/$(id)", "site/a;b", "site/`id`", "site/@a", "site/a@", "site/%h", "site/[::1]x",
        "site/[evil:2222]",
        "site/[evil]:22", "site/[a@::1]:22", "site/[]", "site/[10.0.0.1:22]", "site/[local]",
        "site/[..]", "site/[a@10.0.0.1]",
    ])
    func `names that ssh could misread are refused`(name: String) {
        #expect(throws: Fault.self) { try TargetName(name) }
    }

    /// A rule on a name holds for the host, however a caller writes it.
    @Test(
        .needs("ssh"),
        arguments: [
            ("vault", "", "DenyTarget"), ("root@vault:2222", "", "DenyTarget"),
            ("127.0.0.7", "", "DenyTarget"), ("127.7", "", "DenyTarget"),
            ("0x7f000007", "", "DenyTarget"), ("2130706439", "", "DenyTarget"),
            ("::ffff:127.0.0.7", "", "DenyTarget"), ("VAULT", "", "DenyTarget"),
            ("strongroom", "", "DenyTarget"), ("web", "vault", "DenyTarget"),
            ("web", "x@127.0.0.7:22", "DenyTarget"), ("web", "strongroom", "DenyTarget"),
            ("localhost", "", "DenyTarget local"), ("0", "", "DenyTarget local"),
            ("LOCALHOST.", "", "DenyTarget local"), ("::1", "", "DenyTarget local"),
            ("::ffff:127.0.0.1", "", "DenyTarget local"), ("local", "", "DenyTarget local"),
            ("inner", "", "admitted"), ("web", "", "admitted"), ("web", "inner", "admitted"),
        ])
    @IO func `a rule on a name holds for every way to its host`(
        target: String, via: String, outcome expected: String
    ) async throws {
        let site = try Site(Self.vault) { $0.deniedTargets = ["vault", "local"] }
        var arguments: JSON.Object = [:]
        if !via.isEmpty { arguments["via"] = .array([.string(via)]) }
        let said = await site.said(target, arguments)
        #expect(said.contains(expected), "\(said)")
    }

    /// A rule with a port or a user holds for these, under every name of the host.
    @Test(
        .needs("ssh"),
        arguments: [
            ("vault:2222", "vault:2222", false), ("vault:2222", "vault:22", true),
            ("vault:2222", "vault", true), ("vault:2222", "strongroom", false),
            ("vault:2222", "strongroom:22", true), ("vault:2222", "127.0.0.7:2222", false),
            ("vault:2222", "127.7:2222", false), ("vault:2222", "[::ffff:127.0.0.7]:2222", false),
            ("vault:2222", "[127.0.0.7]:2222", false),
            ("vault:2222", "127.0.0.7", true), ("vault:22*", "strongroom", false),
            ("127.0.0.7:2222", "vault:2222", false), ("127.0.0.7:2222", "strongroom", false),
            ("[::ffff:127.0.0.7]:2222", "strongroom", false), ("VAULT:2222", "strongroom", false),
            ("strongroom", "vault:9", false), ("127.0.0.7", "strongroom:9", false),
            ("127.7", "vault", false), ("root@vault", "root@strongroom", false),
            ("root@vault", "root@127.0.0.7", false), ("root@vault", "deploy@vault", true),
        ])
    @IO func `a denying rule holds for its port and its user`(
        rule: String, target: String, isAdmitted: Bool
    ) async throws {
        let site = try Site(Self.vault) { $0.deniedTargets = [rule] }
        let said = await site.said(target)
        #expect((said == "admitted") == isAdmitted, "\(said)")
    }

    @Test(.needs("ssh")) @IO func `what is open is judged with the way that its caller chose`()
        async throws
    {
        let site = try Site("Host gate\n HostName 192.0.2.7\nHost web\n ProxyJump gate\n")
        for (way, isChosen) in [([], false), (["gate"], true), (["root@192.0.2.7:24"], true)] {
            site.targets.policy.deniedTargets = []
            let arguments: JSON.Object = ["via": .array(way.map { .string($0) })]
            guard case .ssh(let found, _) = try await site.admit("web", arguments).get() else {
                Issue.record("not a host")
                continue
            }
            #expect(found.address.via.count == way.count)
            #expect(await !site.targets.isRefused(found.address))
            site.targets.policy.deniedTargets = ["gate"]
            #expect(await site.targets.isRefused(found.address) == isChosen, "\(way)")
        }
    }

    private static let vault = """
        Host vault
          HostName 127.0.0.7
        Host strongroom
          HostName 127.0.0.7
          Port 2222
        Host web
          HostName 192.0.2.1
        Host inner
          HostName 127.0.0.1
          ProxyJump web
        """

    /// The caller's pattern is judged by where the call leads.
    @Test(
        .needs("ssh"),
        arguments: [
            ("web-1", [:], true), ("web-1", ["username": "root"], true),
            ("web-1", ["port": 22], true),
            ("web-x@vault", [:], false), ("web-x@127.0.0.1", ["port": 2222], false),
            ("vault", ["username": "web-1"], false), ("web-1", ["via": ["vault"]], false),
            ("web-1", ["via": ["web-2", "root@vault"]], false), ("web-1", ["via": ["web-2"]], true),
            ("gate", [:], true), ("root@gate", [:], false), ("gate", ["username": "root"], false),
            ("gate", ["port": 22], false), ("local", [:], false),
            ("web-1", ["via": ["gate"]], true), ("web-1", ["via": ["gate:22"]], false),
            ("web-1", ["via": ["root@gate"]], false),
        ] as [(String, JSON.Object, Bool)])
    @IO func `the agent judges a caller by where the call leads`(
        target: String, arguments: JSON.Object, isAdmitted: Bool
    ) async throws {
        let site = try Site("Host gate\n User deploy\n Port 2222\nHost web-1\n ProxyJump gate\n")
        let said = await site.said(
            target, arguments, reach: ["web-*", "deploy@gate:2222"])
        #expect(isAdmitted ? said == "admitted" : said.contains("may not use"), "\(said)")
    }

    @Test func `aliases come from all files, without patterns`() async throws {
        let folder = try TemporaryDirectory("targets")
        try folder.folder(".ssh/conf.d")
        try folder.write(
            """
            # Host commented
            Include conf.d/*.conf
            Host web "db one" *.wild !not
              HostName 10.0.0.1
            host=equals
            Host a=b c=d 'single' = "=e"
            Host = f = g
            Host == h
            Match host web
            Include missing
            """, to: ".ssh/config")
        try folder.write("Host inner\nInclude ../config\n", to: ".ssh/conf.d/a.conf")
        let names = await IO.task {
            await Targets(settings: TargetSettings(), place: Self.place(folder.path)).aliases()
        }.value
        #expect(
            names == [
                "inner", "web", "db one", "equals", "a=b", "c=d", "single", "=", "=e", "f", "g",
                "h",
            ])
    }

    @Test func `ssh says where an alias leads`() async throws {
        let folder = try TemporaryDirectory("targets")
        let config = try folder.write(
            """
            Host web
              HostName 10.1.2.3
              User deploy
              Port 2222
              IdentityFile ~/.ssh/%r-%p
              IdentitiesOnly yes
              UserKnownHostsFile /k1 /k2
              GlobalKnownHostsFile none
              HostKeyAlias frontend
              ConnectTimeout 7
              ProxyJump gate
              StrictHostKeyChecking accept-new
            """, to: "config")
        let settings = TargetSettings(sshConfig: config, knownHosts: "/own")
        let results = await IO.task {
            let targets = Targets(settings: settings, place: Self.place(folder.path))
            let bare = Targets(
                settings: settings, place: Self.place(folder.path), ssh: "no-ssh-here")
            return [
                await outcome { try await targets.resolve(TargetName("site/web")) },
                await outcome { try await targets.resolve(TargetName("x@web:99")) },
                await outcome { try await bare.resolve(TargetName("x@10.9.9.9:99")) },
            ]
        }.value
        let (web, other, missing) = (
            try results[0].get(), try results[1].get(), try results[2].get()
        )
        #expect(web.hostname == "10.1.2.3" && web.user == "deploy" && web.port == 2222)
        #expect(web.credentials.identityFiles == ["\(folder.path)/.ssh/deploy-2222"])
        #expect(web.credentials.identitiesOnly && web.hostKeys.acceptsNew && web.jump == "gate")
        #expect(web.hostKeys.files == ["/own", "/k1", "/k2"])
        #expect(web.hostKeys.alias == "frontend" && web.network.timeout == .seconds(7))
        #expect(other.user == "x" && other.port == 99 && other.hostname == "10.1.2.3")
        #expect(missing.user == "x" && missing.port == 99 && missing.hostname == "10.9.9.9")
        #expect(missing.hostKeys.files.first == "/own")
    }

    @Test func `ssh is asked again only when its files changed or it may answer otherwise`()
        async throws
    {
        let folder = try TemporaryDirectory("targets")
        let more = folder.path + "/more"
        let config = try folder.write("Host web\n Include \(more)\n", to: "config")
        let count = folder.path + "/count"
        let ssh = try folder.write(
            "#!/bin/sh\ncase $* in */dev/null*) ;; *) echo x >>\(count) ;; esac\nexec ssh \"$@\"\n",
            to: "ssh", mode: 0o700)
        func runs() -> Int {
            (try? String(contentsOfFile: count, encoding: .utf8))?.filter { $0 == "x" }.count ?? 0
        }
        let targets = await IO.task {
            Targets(
                settings: TargetSettings(sshConfig: config), place: Self.place(folder.path),
                ssh: ssh, freshness: .zero)
        }.value
        func hostname() async throws -> String {
            try await IO.task {
                await outcome { try await targets.resolve(TargetName("web")).hostname }
            }.value.get()
        }
        #expect(try await hostname() == "web")
        #expect(try await hostname() == "web")
        #expect(runs() == 1)
        // A file that is included, and was not there before.
        try folder.write("HostName 10.0.0.9\n", to: "more")
        #expect(try await hostname() == "10.0.0.9")
        #expect(try await hostname() == "10.0.0.9")
        #expect(runs() == 2)
        try folder.write("Match exec true\n User x\n", to: "more")
        _ = try await hostname()
        _ = try await hostname()
        #expect(runs() == 4)
    }

    @Test func `a broken configuration is named`() async throws {
        let folder = try TemporaryDirectory("targets")
        let config = try folder.write("Hots web\n", to: "config")
        let result = await IO.task {
            let targets = Targets(
                settings: TargetSettings(sshConfig: config), place: Self.place(folder.path))
            return await outcome { try await targets.resolve(TargetName("web")) }
        }.value
        guard case .failure(let fault) = result else {
            Issue.record("accepted")
            return
        }
        #expect(fault.code == .unavailable && fault.message.contains("hots"))
    }

    @Test func `the list has local, the aliases and where they lead`() async throws {
        let folder = try TemporaryDirectory("targets")
        let config = try folder.write(
            "Host one\n HostName 10.0.0.1\nHost two\n Port 24\n", to: "config")
        let list = await IO.task {
            await Targets(
                settings: TargetSettings(sshConfig: config), place: Self.place(folder.path)
            ).list(ListTargets(), agent: "site").found.map(\.info)
        }.value
        #expect(list.map(\.target) == ["site/local", "site/one", "site/two"])
        #expect(list[1].hostname == "10.0.0.1" && list[2].port == 24)
        let some = await IO.task {
            await Targets(
                settings: TargetSettings(sshConfig: config), place: Self.place(folder.path)
            ).list(ListTargets(query: "10.0"), agent: "site").found.map(\.info)
        }.value
        #expect(some.map(\.target) == ["site/one"])
    }
}

/// Targets of an ssh_config and rules that a test writes.
@IO private final class Site {
    let targets: Targets
    private let folder: TemporaryDirectory

    init(_ config: String, _ setRules: (inout Policy) -> Void = { _ in }) throws {
        folder = try TemporaryDirectory("targets")
        targets = Targets(
            settings: TargetSettings(sshConfig: try folder.write(config, to: "config")),
            place: Place(environment: [:], user: "me", home: folder.path))
        setRules(&targets.policy)
    }

    func admit(
        _ target: String, _ arguments: JSON.Object = [:], reach: [String] = Caller.everywhere
    ) async -> Result<Target, Fault> {
        await outcome {
            try await self.targets.admit(
                "site/\(target)", TargetAccess(Fields(object: arguments)),
                for: Caller(id: "p", reach: reach))
        }
    }

    /// `admitted`, or why not.
    func said(
        _ target: String, _ arguments: JSON.Object = [:], reach: [String] = Caller.everywhere
    ) async -> String {
        switch await admit(target, arguments, reach: reach) {
        case .success: "admitted"
        case .failure(let fault): fault.message
        }
    }
}

/// What a throwing body gave.
@IO func outcome<T>(_ body: @IO () async throws -> T) async -> Result<T, Fault> {
    do {
        return .success(try await body())
    } catch {
        return .failure(error as? Fault ?? Fault(.internal, "\(error)"))
    }
}

/// What an error says to do next is what the agent's commands take.
@Suite struct AdviceTests {
    @Test func `the name in an error is one that targets trust takes`() throws {
        let key = try #require(HostKey(blob: [0, 0, 0, 1, 97]))
        for (host, port, name) in [
            ("db1", 22, "db1"), ("db1", 2222, "db1:2222"), ("::1", 22, "::1"),
            ("::1", 2222, "[::1]:2222"), ("10.0.0.1", 2222, "10.0.0.1:2222"),
        ] as [(String, UInt16, String)] {
            let shown = port == 22 ? host : "[\(host)]:\(port)"
            for error in [
                SSHError.hostKeyUnknown(host: shown, key: key),
                .hostKeyUnknown(host: shown, key: key, authority: "f:1"),
                .hostKeyChanged(host: shown, known: [], offered: key),
            ] {
                let words = error.description
                #expect(words.contains(" \(name)`"), "\(words)")
                let target = try TargetName(place: name)
                #expect(target.host == host && target.port ?? 22 == port)
                // The agent names the target, whatever known_hosts calls it.
                #expect(error.words(for: "prod/db").contains(" prod/db`"))
            }
        }
    }
}
