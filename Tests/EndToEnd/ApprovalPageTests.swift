// Questions of an agent to a person, answered on the relay's page in a real browser:
// python/approvals.py goes the way, what it reports is judged here.
import Crypto
import Foundation
import JSON
import Support
import Testing

@Suite(.needs(.browser)) struct ApprovalPageTests {
    @Test(.timeLimit(.minutes(5)))
    func `a person sees exactly what is asked, and answers it once`() async throws {
        let home = try await Installation.start()
        let server = try await SSHServer.start(.init(shell: .bash))
        let known = try home.directory.write("", to: "known")
        let config = try home.directory.write(
            try ["web", "again", "third"].map { alias in
                let own = try server.configuration(alias: alias)
                // Connections to one address are shared.
                return alias == "third"
                    ? own.replacing("HostName 127.0.0.1", with: "HostName localhost") : own
            }.joined(), to: "ssh_config")
        try server.directory.write("", to: "known_hosts")
        try await home.join(
            "site",
            settings: "SshConfig \(config)\nKnownHosts \(known)\nAskForCommand \"*danger*\"\n")
        try await home.startAgent("site", caller: try await home.caller())
        let canary = "canary-\(UInt64.random(in: 0 ... .max))"
        let facts = try await PeopleTests.report(
            "approvals.py", home, ["--token", try await home.token("client"), "--canary", canary])
        func text(_ name: String) -> String {
            facts[name]?.stringValue ?? "\(facts[name] ?? .null)"
        }

        // A host's key.
        #expect(text("sent to log in").hasPrefix("/login?to=approve%2F"))
        #expect(text("another person") == "No such question")
        #expect(facts["another person's list"] == 0 && facts["list"] == ["Is this the right host?"])
        let shown = text("host key")
        let key = try #require(server.hostKeys.first)
        let print = try await RunningProcess.run(
            "/usr/bin/env", ["ssh-keygen", "-lf", key.path + ".pub"])
        let fingerprint = try #require(print.split(separator: " ").dropFirst().first)
        #expect(shown.contains(fingerprint), "\(shown)")
        #expect(shown.contains("site/web") && shown.contains("127.0.0.1, port \(server.port)"))
        #expect(shown.contains("client, through <i>tests</i>"))
        #expect(facts["markup of others"] == 0)
        #expect(text("once").hasPrefix("allowed by boss") && text("after once") == "in\n")
        #expect(text("used").hasPrefix("allowed by boss") && facts["buttons of the used"] == 0)
        #expect(text("without scripts").contains("Expires in 4 min"))
        #expect(text("denied") == "denied by boss")
        #expect(text("after denied").contains("boss has refused"), "\(text("after denied"))")
        #expect(facts["known"] == "stored\n")
        #expect(try String(contentsOfFile: known, encoding: .utf8).contains("ssh-"))

        // A command.
        #expect(facts["boxes"] == ["ESC", "U+202E"], "\(facts["boxes"] ?? .null)")
        #expect(text("policy").contains("echo danger ESC[8m; echo 'zweiU+202E'"))
        #expect(text("reason").contains("I <b>must</b> see"))
        #expect(facts["buttons"] == ["Do it anyway", "Deny"])
        #expect(facts["unfit"] == [409, 409, 409])
        #expect(facts["after policy"] == "danger\n" && facts["asked again"] == true)

        // A secret.
        #expect(text("secret").contains("Word:") && text("secret").contains("door"))
        #expect(text("given").contains("the secret was passed on"))
        #expect(facts["canary shown"] == false)
        let outcome = text("secret's outcome")
        #expect(outcome.contains(sum(of: canary)) && !outcome.contains(canary), "\(outcome)")
        #expect(facts["decided"]?.intValue ?? 0 >= 5)

        // It is nowhere.
        await home.stop()
        for name in ["relay", "site"] {
            let process = try #require(home.process(name))
            #expect(!(process.output + process.errors).contains(canary), "\(name)'s log")
        }
        var files = 0
        let folder = home.directory.path
        for file in FileManager.default.enumerator(atPath: folder) ?? .init() {
            guard let bytes = FileManager.default.contents(atPath: "\(folder)/\(file)") else {
                continue
            }
            files += 1
            #expect(bytes.range(of: Data(canary.utf8)) == nil, "\(file)")
        }
        #expect(files > 5, "nothing was looked at")
    }

    /// The sum that `sha256sum` prints.
    private func sum(of text: String) -> String { Hex.encode(SHA256.hash(Array(text.utf8))) }
}
