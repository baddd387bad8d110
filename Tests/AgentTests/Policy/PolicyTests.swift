// The site's rules: what they refuse, in whose name, and what agent.conf says of hosts.
import Configuration
import Crypto
import Foundation
import JSON
import Loop
import SSH
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite(.timeLimit(.minutes(1))) struct PolicyTests {
    /// An agent.conf, read.
    static func settings(_ text: String) throws -> AgentSettings {
        let folder = try TemporaryDirectory("policy")
        try folder.write(text, to: "agent.conf")
        guard case .run(_, let options) = try Settings.program.parse(["run"]) else {
            throw Unavailable("not a command")
        }
        return try AgentSettings(options, folder: folder.path)
    }

    @Test func `a configuration file that was there must be there`() throws {
        let folder = try TemporaryDirectory("policy")
        guard case .run(_, let options) = try Settings.program.parse(["run"]) else { return }
        let none = try AgentSettings(options, folder: folder.path)
        #expect(!none.hasFile && none.policy.allowsLocal)
        try folder.write("AllowLocal no", to: "agent.conf")
        let some = try AgentSettings(options, folder: folder.path, isNeeded: true)
        #expect(some.hasFile && !some.policy.allowsLocal)
        let large = "#" + String(repeating: "x", count: 2 << 20)
        for text in [nil, large] {
            try FileManager.default.removeItem(atPath: folder.file("agent.conf"))
            if let text { try folder.write(text, to: "agent.conf") }
            #expect(throws: CommandFailure.self) {
                try AgentSettings(options, folder: folder.path, isNeeded: true)
            }
            if text == nil { try folder.write("", to: "agent.conf") }
        }
        try FileManager.default.removeItem(atPath: folder.file("agent.conf"))
        try folder.folder("agent.conf")
        #expect(throws: CommandFailure.self) { try AgentSettings(options, folder: folder.path) }
    }

    @Test func `a denying rule wins, and the rule is named`() throws {
        let policy = try Self.settings(
            """
            AllowTarget web* db1
            DenyTarget web-secret*
            AllowUser deploy
            DenyTool ssh_execute ssh_session_s*
            """
        ).policy
        #expect(policy.refusal(ofTarget: ["web1", "10.0.0.1"], user: "deploy", port: 22) == nil)
        #expect(policy.refusal(ofTarget: ["DB1"], user: "deploy", port: 22) == nil)
        #expect(
            policy.refusal(ofTarget: ["db2"], user: "deploy", port: 22) == "AllowTarget web*,db1")
        #expect(
            policy.refusal(ofTarget: ["db1", "web-secret.example"], user: "deploy", port: 22)
                == "DenyTarget web-secret*")
        #expect(policy.refusal(ofTarget: ["web1"], user: "root", port: 22) == "AllowUser deploy")
        #expect(policy.refusalOfLocal == "AllowTarget web*,db1")
        #expect(policy.refusal(of: .execute) == "DenyTool ssh_execute")
        #expect(policy.refusal(of: .sendInput) == "DenyTool ssh_session_s*")
        #expect(policy.refusal(of: .runCommand) == nil && policy.refusal(of: .hello) == nil)
    }

    @Test func `a read-only agent lists and reads and does nothing else`() throws {
        let policy = try Self.settings("ReadOnly yes").policy
        let refused = Method.allCases.filter { policy.refusal(of: $0) == "ReadOnly yes" }
        #expect(
            refused == [
                .openSession, .runCommand, .sendInput, .closeSession, .execute, .cancelCommand,
                .writeFile, .editFile, .manageFiles, .startTransfer, .openForward,
            ])
    }

    @Test(arguments: ["AllowTarget", "Secret x", "Secret x file", "DenyTargte a", "ReadOnly maybe"])
    func `a line that is not understood stops the agent`(line: String) {
        #expect(throws: CommandFailure.self) { try Self.settings("\(line)\n") }
    }

    @Test func `blocks come before ssh_config, the caller before both`() async throws {
        let folder = try TemporaryDirectory("blocks")
        let config = try folder.write(
            "Host web1\n HostName 10.0.0.1\n User sshuser\n Port 24\n ProxyJump gate\n",
            to: "config")
        var settings = try Self.settings(
            """
            Secret pw command "printf '%s\\n' hunter2"
            Target web1
                User first
                Password pw
            Target web* lab9
                HostName 10.9.9.9
                User second
                ProxyJump none
                IdentityFile ~/k1 /k2
            AcceptNew yes
            """.replacing("AcceptNew yes", with: "    AcceptNew yes")
        ).targets
        settings.sshConfig = config
        let results = await IO.task { [settings] in
            let targets = Targets(
                settings: settings, place: Place(environment: [:], user: "me", home: folder.path))
            return (
                await outcome { try await targets.resolve(TargetName("web1")) },
                await outcome { try await targets.resolve(TargetName("x@web1:99")) },
                await targets.list(ListTargets(), agent: "site").found.map {
                    "\($0.info.target) \($0.info.source)"
                }
            )
        }.value
        let web = try results.0.get()
        #expect(web.hostname == "10.9.9.9" && web.user == "first" && web.port == 24)
        #expect(web.jump == nil && web.via.isEmpty)
        #expect(web.credentials.password == "pw" && web.hostKeys.acceptsNew)
        #expect(web.credentials.identityFiles == ["\(folder.path)/k1", "/k2"])
        let other = try results.1.get()
        #expect(other.user == "x" && other.port == 99)
        #expect(
            results.2 == ["site/local local", "site/web1 agent.conf", "site/lab9 agent.conf"])
    }

    @Test func `secrets come from their file or command and are not told when they fail`()
        async throws
    {
        let folder = try TemporaryDirectory("secrets")
        let file = try folder.write("from file\nsecond line\n", to: "secret")
        var secrets = Secrets()
        secrets.sources = [
            "file": .file(file), "command": .command("echo from command"),
            "missing": .file("/nonexistent"),
            "failing": .command("echo CANARY; echo CANARY >&2; exit 3"),
            "empty": .command("true"),
        ]
        let results = await IO.task { [secrets] in
            var results: [String: Result<[UInt8], Fault>] = [:]
            for name in ["file", "command", "missing", "failing", "empty", "unknown"] {
                results[name] = await outcome { try await secrets.value(name).copy }
            }
            return results
        }.value
        #expect(try results["file"]?.get() == Array("from file".utf8))
        #expect(try results["command"]?.get() == Array("from command".utf8))
        for name in ["missing", "failing", "empty", "unknown"] {
            guard case .failure(let fault) = results[name] else {
                Issue.record("\(name) was given")
                continue
            }
            #expect(fault.message.contains(name) && !fault.message.contains("CANARY"))
        }
    }

    @Test @IO func `what the policy refuses from now on is ended`() async throws {
        let server = try await SSHServer.start(.init(shell: .dash))
        let desk = try await Desk([("box", server, "")])
        var open: [String: JSON] = [:]
        for host in ["local", "box"] {
            let target: JSON.Object = ["target": .string("site/\(host)")]
            open[host] = try await desk.call(.openSession, target).get()["session_id"]
            _ = try await desk.call(
                .execute, target.with(["command": "sleep 600", "background": true])
            ).get()
        }
        let service = desk.service
        #expect(service.sessions.all.count == 2 && service.commands.runningCount == 2)
        desk.allow { $0.deniedUsers = ["nobody"] }
        desk.allow { $0.deniedTargets = ["box"] }
        #expect(
            await holds(within: .seconds(20)) {
                service.sessions.all.map(\.id) == [open["local"]?.stringValue]
                    && service.commands.runningCount == 1
            })
        desk.allow { $0.allowsLocal = false }
        #expect(
            await holds(within: .seconds(20)) {
                service.sessions.all.isEmpty && service.commands.runningCount == 0
            })
        await service.shutDown()
        withExtendedLifetime(server) {}
    }

    /// A call that waits for its connection is judged by the rules that hold when it has it.
    @Test(arguments: [Wire.Method.openSession, .execute, .readFile])
    @IO func `what opens while the rules change is judged by the new ones`(
        method: Wire.Method
    ) async throws {
        let server = try await SSHServer.start(.init(shell: .dash))
        let desk = try await Desk([("box", server, ""), ("gate", server, "")])
        let (begun, go) = (desk.folder.file("begun"), desk.folder.file("go"))
        // The login waits for this secret.
        desk.configure {
            $0.secrets.sources["slow"] = .command(
                "touch \(begun); while [ ! -e \(go) ]; do sleep 0.05; done; echo x")
            $0.targets.blocks = [TargetBlock(patterns: ["box"], password: "slow")]
        }
        let marker = desk.folder.file("ran")
        let changes: [(inout Policy) -> Void] = [
            { $0.deniedTargets = ["box"] }, { $0.deniedTargets = ["gate"] },
            { $0.allowedUsers = ["nobody-else"] },
        ]
        for (index, change) in changes.enumerated() {
            desk.allow { $0 = Policy() }
            try? FileManager.default.removeItem(atPath: begun)
            try? FileManager.default.removeItem(atPath: go)
            var call: JSON.Object = ["target": "site/box"]
            if index == 1 { call["via"] = ["gate"] }
            if method == .execute { call["command"] = .string("touch \(marker)") }
            if method == .readFile { call["path"] = "/etc/hosts" }
            let calling = IO.task { [call] in await desk.call(method, call) }
            #expect(await holds { FileManager.default.fileExists(atPath: begun) })
            desk.allow(change)
            _ = FileManager.default.createFile(atPath: go, contents: nil)
            guard case .failure(let fault) = await calling.value else {
                Issue.record("\(index): it was served")
                continue
            }
            #expect(fault.code == .refusedByPolicy, "\(fault.message)")
            #expect(desk.service.sessions.all.isEmpty && desk.service.commands.runningCount == 0)
            #expect(!FileManager.default.fileExists(atPath: marker))
            // The next round logs in again.
            server.cutConnections()
            #expect(await holds { desk.service.links.open.isEmpty })
        }
        await desk.service.shutDown()
    }

    /// The same where the shell takes long to answer.
    @Test @IO func `a session that opens while the rules change is closed`() async throws {
        var options = SSHServer.Options(shell: .bash)
        let home = try TemporaryDirectory("home")
        let (begun, go) = (home.file("begun"), home.file("go"))
        try home.write(
            "touch \(begun); while [ ! -e \(go) ]; do sleep 0.05; done\n", to: ".bash_profile")
        options.home = home.path
        let server = try await SSHServer.start(options)
        let desk = try await Desk([("box", server, "")])
        let calling = IO.task { await desk.call(.openSession, ["target": "site/box"]) }
        #expect(await holds(within: .seconds(20)) { FileManager.default.fileExists(atPath: begun) })
        desk.allow { $0.deniedTargets = ["box"] }
        _ = FileManager.default.createFile(atPath: go, contents: nil)
        let result = await calling.value
        guard case .failure(let fault) = result else {
            Issue.record("it opened: \(result)")
            return
        }
        #expect(fault.code == .refusedByPolicy && desk.service.sessions.all.isEmpty)
        await desk.service.shutDown()
    }

    @Test func `what the policy refuses is not entered, whatever the way`() async throws {
        let settings = try Self.settings("DenyTarget 10.*\nSecretArguments no\nAllowLocal no\n")
        let place = Place(environment: [:], user: "me", home: "/nonexistent")
        func admit(_ target: String, _ arguments: JSON.Object = [:]) async -> String {
            await IO.task {
                let targets = Targets(settings: settings.targets, place: place)
                targets.policy = settings.policy
                let result = await outcome {
                    try await targets.admit(
                        target, TargetAccess(Fields(object: arguments)),
                        for: Caller(id: "p", reach: Caller.everywhere))
                }
                if case .failure(let fault) = result { return fault.message }
                return "admitted"
            }.value
        }
        #expect(await admit("site/10.0.0.1").contains("DenyTarget 10.*"))
        #expect(await admit("site/192.168.0.1") == "admitted")
        #expect(await admit("site/192.168.0.1", ["via": ["10.0.0.9"]]).contains("DenyTarget"))
        #expect(await admit("site/h", ["password": "x"]).contains("SecretArguments no"))
        for own in ["local", "localhost", "127.0.0.1", "me@127.1", "::1", "0"] {
            #expect(await admit("site/\(own)").contains("AllowLocal no"), "\(own)")
        }
    }
}
