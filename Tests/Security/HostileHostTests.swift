// SSH servers that are hostile, before and after the login, against a real agent: its memory stays
// bounded, every call ends, and commands on another host go on beside it.
import Foundation
import JSON
import Support
import Testing

@Suite(.serialized) struct HostileHostTests {
    @Test(.needs(.pythonClients), .timeLimit(.minutes(30)))
    func `a hostile host costs neither memory nor others' calls`() async throws {
        let good = try await SSHServer.start(.init(shell: .dash))
        let hostKey = try await SSHKey.make(.ed25519, at: good.directory.file("evil-host"))
        let python = try #require(Repository.python)
        let server = try RunningProcess(
            python,
            ["\(Repository.root)/Tests/Security/python/ssh_server.py", hostKey.path])
        _ = try await server.line(containing: "ready")
        let kinds = server.output.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ").map(String.init)
            return words.count == 2 ? (name: words[0], port: words[1]) : nil
        }
        #expect(kinds.count > 20)
        // The measured calls are more a second than one token may make.
        let home = try await Installation.start(["--requests-per-second", "0"])
        var config = try good.configuration(alias: "good")
        for kind in kinds {
            config += """
                Host evil-\(kind.name)
                    HostName 127.0.0.1
                    Port \(kind.port)
                    User x
                    IdentityFile \(good.key.path)
                    IdentitiesOnly yes

                """
        }
        let file = try home.directory.write(config, to: "ssh_config")
        let known = home.directory.file("known_hosts")
        let secret = try home.directory.write("answer\n", to: "answer")
        try await home.join(
            "site",
            settings: """
                SshConfig \(file)
                KnownHosts \(known)
                AcceptNew yes
                Secret answer file \(secret)
                Target evil-prompts
                    Password answer
                    Code answer

                """)
        let caller = try await home.caller()
        try await home.startAgent("site", caller: caller)
        let agent = try #require(home.process("site"))
        func cost() -> Cost {
            Cost(of: agent) {
                let run = try await caller.structured(
                    "ssh_execute", ["target": "site/good", "command": "true"])
                guard run["succeeded"] == 1 else { throw Unavailable("\(run)") }
            }
        }
        let calm = cost()
        try await Task.sleep(for: Trial.time)
        let usual = await calm.end()
        print("hostile host: none: \(usual)")
        for kind in kinds {
            let target = JSON.string("site/evil-\(kind.name)")
            let cost = cost()
            // A login takes its time on a busy machine; a hostile host is given up soon.
            let isHonest = kind.name == "honest"
            let seconds = isHonest ? 20 : max(1, Trial.time / .seconds(1))
            let calls: [(String, JSON.Object)] = [
                (
                    "ssh_execute",
                    [
                        "command": "true", "wait_s": .double(seconds),
                        "timeout_s": .double(isHonest ? 20 : 1),
                    ]
                ),
                (
                    "ssh_session_open",
                    ["retries": 0, "login_timeout_s": 1, "connect_timeout_s": 1]
                ),
                ("file_read", ["path": "/x"]),
            ]
            let answers = try await concurrently(calls) { tool, more -> String in
                var arguments = more
                arguments["target"] = target
                let answer = try? await caller.answer(
                    tool, .object(arguments), within: .seconds(seconds + 1))
                return answer?.text ?? "no answer"
            }
            let result = await cost.end()
            print("hostile host: \(kind.name): \(result)")
            #expect(result.grown < Trial.memory, "\(kind.name): \(result)")
            #expect(result.median < usual.median + Trial.delay, "\(kind.name): \(result)")
            #expect(result.failures.isEmpty, "\(kind.name): \(result.failures.first ?? "")")
            for text in answers {
                #expect(!text.contains("unknown argument"), "\(kind.name): \(text.prefix(500))")
                #expect(text.utf8.count < 2 << 20 && !text.contains("\\u001b"), "\(kind.name)")
            }
            // An attack took place, and what a server says after the login is seen.
            let isReached = await holds { server.output.contains("connected \(kind.name)\n") }
            #expect(isReached, "\(kind.name)")
            #expect(
                answers[0].contains("an honest answer") == isHonest,
                "\(kind.name): \(answers[0].prefix(500))")
        }
        #expect(agent.end == nil)
        #expect(server.end == nil, "\(server.errors)")
        await home.stop()
        await server.stop()
    }
}
