// Secrets put in every place that takes one, through good logins and failing ones; then everything
// that the two programs wrote, answered, keep or show of themselves is searched for them.
import Foundation
import JSON
import Support
import Testing

@Suite struct CanaryTests {
    /// The secrets of one run, by the place they were put in.
    private struct Canaries {
        private(set) var all: [String: [UInt8]] = [:]

        /// A new one.
        mutating func make(_ place: String) -> String {
            let text = "canary-\(place)-\(UInt64.random(in: 0 ... .max))"
            all[place] = Array(text.utf8)
            return text
        }

        mutating func add(_ place: String, _ bytes: [UInt8]) { all[place] = bytes }

        /// The places whose secrets occur.
        func found(in bytes: Data) -> [String] {
            all.filter { bytes.range(of: Data($0.value)) != nil }.map(\.key).sorted()
        }
    }

    /// What processes show of themselves, gathered while others work.
    private final class Listing: Sendable {
        private let seen = Box<[String: Data]>([:])
        private let isOver = Box(false)
        private let thread = Box(0)

        init() {
            Thread.detachNewThread { [self] in
                thread.withLock { $0 = 1 }
                while !isOver.withLock({ $0 }) {
                    look()
                    usleep(3000)
                }
                thread.withLock { $0 = 2 }
            }
        }

        func stop() async -> [String: Data] {
            isOver.withLock { $0 = true }
            _ = await holds { thread.withLock { $0 } == 2 }
            return seen.withLock { $0 }
        }

        private func look() {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
            for id in names.compactMap(Int32.init) where id != getpid() {
                for kind in ["cmdline", "environ"] {
                    guard let bytes = FileManager.default.contents(atPath: "/proc/\(id)/\(kind)"),
                        !bytes.isEmpty
                    else { continue }
                    seen.withLock { $0["\(kind) of \(id) \(bytes.count)"] = bytes }
                }
            }
        }
    }

    @Test(
        .needs(.pamService),
        .timeLimit(.minutes(4)))
    func `no secret is found where it does not belong`() async throws {
        var canaries = Canaries()
        let folder = try TemporaryDirectory("canary")
        let (password, code) = (canaries.make("password"), canaries.make("code"))
        let passphrase = canaries.make("passphrase")
        // A server that asks for password and code, one for a key that is encrypted.
        let pam = try await PAMService([("Password: ", password), ("Verification code? ", code)])
        var options = SSHServer.Options(shell: .dash)
        options.pam = pam
        options.settings["AuthenticationMethods"] = "keyboard-interactive:pam"
        let asking = try await SSHServer.start(options)
        var keyed = SSHServer.Options(shell: .bash)
        keyed.passphrase = passphrase
        let locked = try await SSHServer.start(keyed)
        let key = try String(contentsOfFile: locked.key.path, encoding: .utf8)
        let lines = key.split(separator: "\n").dropFirst().dropLast()
        for (index, line) in lines.enumerated() {
            canaries.add("key line \(index)", Array(line.utf8))
        }

        let home = try await Installation.start()
        let names = ["asking", "asking-wrong", "asking-argument"]
        let blocks =
            try names.map { try asking.configuration(alias: $0) }
            + ["locked", "locked-wrong"].map { try locked.configuration(alias: $0) }
        let config = try folder.write(blocks.joined(), to: "ssh_config")
        let known = try folder.write(asking.knownHosts + locked.knownHosts, to: "known_hosts")
        let typed = canaries.make("typed")
        for (name, text) in [
            ("pw", password), ("otp", code), ("phrase", passphrase), ("sudo", typed),
            ("wrong", canaries.make("wrong")), ("wrong-too", canaries.make("wrong-too")),
        ] {
            try folder.write(text + "\n", to: name)
        }
        let settings = """
            SshConfig \(config)
            KnownHosts \(known)
            Secret pw file \(folder.path)/pw
            Secret otp command "cat \(folder.path)/otp"
            Secret phrase file \(folder.path)/phrase
            Secret sudo command "cat \(folder.path)/sudo"
            Secret wrong file \(folder.path)/wrong
            Secret wrong-too command "cat \(folder.path)/wrong-too; cat \(folder.path)/wrong-too >&2"
            Secret broken command "cat \(folder.path)/wrong-too; cat \(folder.path)/wrong >&2; exit 3"
            Target asking
                SecretInput sudo:dash
                Password pw
                Code otp
            Target asking-argument
                Password broken
                Code otp
            Target asking-wrong
                Password wrong
                Code wrong-too
            Target locked
                SecretInput sudo:bash
                Passphrase phrase
            Target locked-wrong
                Passphrase wrong

            """
        // The invitation and the token are printed to whom they are for: a person.
        let relay = Repository.program("homeline-relay")
        let line = try await RunningProcess.run(
            relay, ["invite", "--name", "site", "--data", home.data("relay")])
        let invitation = try #require(
            line.split(whereSeparator: \.isWhitespace).first { $0.hasPrefix("hl1.") })
        canaries.add("invitation", Array(invitation.utf8.suffix(60)))
        let encoded = invitation.dropFirst(4).replacing("-", with: "+").replacing("_", with: "/")
        let padded = String(encoded) + String(repeating: "=", count: (4 - encoded.count % 4) % 4)
        let whole = try #require(Data(base64Encoded: padded))
        canaries.add(
            "invitation's secret", Array(whole.dropFirst(whole[0] == 1 ? 33 : 1).prefix(16)))
        let joining = try RunningProcess(
            Repository.program("homeline-agent"),
            ["join", String(invitation), "--data", home.data("site")])
        #expect(try await joining.finished() == .exited(0))
        try home.directory.write(settings, to: "site/agent.conf")
        let token = try await home.token("canary")
        canaries.add("token", Array(token.utf8))
        let caller = try MCPCaller(url: home.url, token: token)

        // From here on nothing may show itself.
        let listing = Listing()
        try await home.startAgent("site", caller: caller)
        var seen: [String: Data] = ["output of join": Data((joining.output + joining.errors).utf8)]
        func call(_ tool: String, _ arguments: JSON.Object, fails: Bool = false) async throws
            -> JSON
        {
            let result = try await caller.call(tool, .object(arguments))
            #expect((result["isError"] == true) == fails, "\(result)")
            seen["result \(seen.count) of \(tool)"] = Data(result.encoded())
            return result["structuredContent"] ?? .null
        }
        func open(_ host: String, _ more: JSON.Object = [:], fails: Bool = false) async throws
            -> String
        {
            var arguments = more
            arguments["target"] = .string("site/\(host)")
            return try await call("ssh_session_open", arguments, fails: fails)["session_id"]?
                .stringValue ?? ""
        }

        let first = try await open("asking")
        let second = try await open("locked")
        _ = try await open("asking-argument", ["password": .string(password)])
        _ = try await open("asking-wrong", fails: true)
        _ = try await open("locked-wrong", fails: true)
        _ = try await open(
            "asking-argument", ["password": .string(canaries.make("argument"))], fails: true)
        _ = try await open("asking-argument", ["secret": "broken"], fails: true)
        _ = try await open("locked-wrong", ["key": .string(key)], fails: true)
        _ = try await open(
            "root@127.0.0.1:\(try Ports.free())", ["password": .string(canaries.make("nobody"))],
            fails: true)
        for target in ["asking-argument", "asking-wrong"] {
            _ = try await call(
                "ssh_execute",
                [
                    "target": .string("site/\(target)"), "command": "true",
                    "password": .string(
                        target == "asking-wrong" ? canaries.make("one-shot") : password),
                ], fails: target == "asking-wrong")
        }
        for session in [first, second] {
            for answer in [
                ["secret": "sudo"], ["password": .string(canaries.make("\(seen.count)"))],
            ] as [JSON.Object] {
                let asked = try await call(
                    "ssh_session_command",
                    [
                        "session_id": .string(session), "wait_s": 20,
                        "command":
                            "printf 'Password: '; stty -echo; read x; stty echo; echo; echo in",
                    ])
                #expect(asked.state == "secret", "\(asked)")
                var arguments = answer
                (arguments["session_id"], arguments["wait_s"]) = (.string(session), 20)
                let done = try await call("ssh_session_send", arguments)
                #expect(done.state == "done", "\(done)")
            }
            // A program that the configuration does not name gets nothing, whatever it is called.
            let imitation = try await call(
                "ssh_session_command",
                [
                    "session_id": .string(session), "wait_s": 20,
                    "command": "python3 -c 'import getpass; getpass.getpass(\"in: \")'",
                ])
            #expect(imitation.state == "secret", "\(imitation)")
            let refused = try await caller.call(
                "ssh_session_send", ["session_id": .string(session), "secret": "sudo"])
            #expect(refused.text.contains("(SecretInput)"), "\(refused)")
            _ = try await call(
                "ssh_session_send",
                ["session_id": .string(session), "keys": ["ctrl-c"], "wait_s": 20])
            for (secret, other) in [("pw", "locked"), ("phrase", "asking"), ("wrong", "asking")] {
                _ = try await open(other, ["secret": .string(secret)], fails: true)
            }
            // Where nobody asks, nothing is typed.
            _ = try await call(
                "ssh_session_send",
                [
                    "session_id": .string(session),
                    "password": .string(canaries.make("early\(session)")),
                ],
                fails: true)
            for view in ["text", "raw", "screen"] {
                _ = try await call(
                    "ssh_session_read",
                    [
                        "session_id": .string(session), "offset": 0, "view": .string(view),
                        "max_bytes": 1_000_000,
                    ])
            }
        }
        for (tool, arguments) in [
            ("agent_describe", ["agent": "site"]), ("agent_list", [:]), ("target_list", [:]),
            ("ssh_session_list", [:]), ("ssh_command_list", [:]),
        ] as [(String, JSON.Object)] {
            _ = try await call(tool, arguments)
        }
        let stranger = try MCPCaller(url: home.url, token: canaries.make("bad-token"))
        let refused = try await stranger.post(Array("{}".utf8), headers: [])
        seen["answer to a bad token"] = Data(refused.text.utf8)
        for words in [["status"], ["agents"], ["tokens"]] {
            let shown = try await RunningProcess.run(
                relay, words + ["--json", "--data", home.data("relay")])
            seen["relay \(words)"] = Data(shown.utf8)
        }
        await home.stop()
        for name in ["relay", "site"] {
            let process = try #require(home.process(name))
            seen["output of \(name)"] = Data((process.output + process.errors).utf8)
            for file in FileManager.default.enumerator(atPath: home.data(name)) ?? .init() {
                let path = "\(home.data(name))/\(file)"
                if let bytes = FileManager.default.contents(atPath: path) { seen[path] = bytes }
            }
        }
        let listed = await listing.stop()
        #expect(listed.values.contains { $0.range(of: Data("homeline-agent".utf8)) != nil })
        #expect(canaries.found(in: Data("<\(password)>".utf8)) == ["password"])
        seen.merge(listed) { _, new in new }
        for (place, bytes) in seen {
            let found = canaries.found(in: bytes)
            #expect(found.isEmpty, "\(place) holds \(found)")
        }
    }
}
