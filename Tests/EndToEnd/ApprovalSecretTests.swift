// Secrets that a person gives, end to end: to what asks for them, once, and nowhere else.
import Foundation
import JSON
import Support
import Testing

@Suite(.timeLimit(.minutes(3))) struct ApprovalSecretTests {
    private typealias Site = ApprovalTests.Site

    private func id(_ result: JSON) throws -> String {
        #expect(result["isError"] == true, "\(result)")
        return try #require(result["structuredContent"]?["approval_id"]?.stringValue, "\(result)")
    }

    /// Fails if a secret is in a file of the installation, or in what its programs have said.
    private func check(_ secret: String, isNowhereIn site: Site, _ seen: [JSON]) async throws {
        let needle = Data(secret.utf8)
        for result in seen { #expect(Data(result.encoded()).range(of: needle) == nil) }
        await site.home.stop()
        for name in ["relay", "site"] {
            let process = try #require(site.home.process(name))
            #expect(!(process.output + process.errors).contains(secret), "\(name)'s log")
        }
        var files = 0
        let folder = site.home.directory.path
        for file in FileManager.default.enumerator(atPath: folder) ?? .init() {
            guard let bytes = FileManager.default.contents(atPath: "\(folder)/\(file)") else {
                continue
            }
            files += 1
            #expect(bytes.range(of: needle) == nil, "\(file)")
        }
        #expect(files > 5, "nothing was looked at")
    }

    @Test func `a secret is typed into the program that asks, by the person's answer itself`()
        async throws
    {
        let site = try await Site.start(.init(shell: .bash), knows: true)
        let secret = "canary-\(UInt64.random(in: 0 ... .max))"
        let opened = try await site.caller.structured(
            "ssh_session_open", ["target": "site/web"])
        let session = opened["session_id"] ?? .null
        let call: JSON = ["session_id": session, "secret": "door", "wait_s": 20]
        // Where nothing asks, nobody is asked.
        let early = try await site.caller.call("ssh_session_send", call)
        #expect(early.text.contains("not typed"), "\(early)")
        #expect(try await site.waiting().isEmpty)
        let code =
            "printf 'Word: '; stty -echo; read x; stty echo; echo; echo \"said $x\" | wc -c; "
            + "printf %s \"$x\" | sha256sum"
        let asked = try await site.caller.structured(
            "ssh_session_command", ["session_id": session, "command": .string(code), "wait_s": 20])
        #expect(asked.state == "secret", "\(asked)")
        let first = try await site.caller.call("ssh_session_send", call)
        let id = try id(first)
        let row = try await site.first()
        #expect(row["question"]?["prompt"] == "Word: " && row["question"]?["secret"] == "door")
        #expect(try await site.approvals("grant", id).contains("--secret-stdin"))
        // A form is never used for it, whatever the client can do.
        let formed = try await site.caller.request(
            "tools/call", ["name": "ssh_session_send", "arguments": call], name: "ssh_session_send",
            meta: ["io.modelcontextprotocol/clientCapabilities": ["elicitation": [:]]])
        #expect(formed["result"] != nil && formed["result"]?["resultType"] != "input_required")
        let granted = try await site.approvals("grant", id, "--secret-stdin", input: secret + "\n")
        #expect(granted.contains("passed on"), "\(granted)")
        // It is typed without a further call.
        #expect(
            try await holds(within: .seconds(15)) {
                let now = try await site.caller.structured(
                    "ssh_session_read", ["session_id": session, "offset": 0])
                return now.output.contains("said")
                    || now.output.contains("\(secret.utf8.count + 6)")
            })
        let done = try await site.caller.call("ssh_session_send", call)
        #expect(done["structuredContent"]?.state == "done", "\(done)")
        // The outcome is given once: the next call finds nothing that asks.
        let late = try await site.caller.call("ssh_session_send", call)
        #expect(late["isError"] == true && late.text.contains("not typed"), "\(late)")
        let all = try await site.caller.call(
            "ssh_session_read", ["session_id": session, "offset": 0, "view": "raw"])
        try await check(secret, isNowhereIn: site, [first, done, late, all, formed])
    }

    @Test(.needs(.account)) func `sudo's password comes from a person`() async throws {
        let account = try await Account(usesOwnTerminal: false)
        var options = SSHServer.Options(shell: .bash)
        options.account = account
        do {
            let site = try await Site.start(options, knows: true)
            let opened = try await site.caller.structured(
                "ssh_session_open", ["target": "site/web"])
            let session = opened["session_id"] ?? .null
            let asked = try await site.caller.structured(
                "ssh_session_command",
                ["session_id": session, "command": "sudo -k; sudo id -un", "wait_s": 20])
            #expect(asked.state == "secret", "\(asked)")
            let call: JSON = ["session_id": session, "secret": "sudo", "wait_s": 20]
            let first = try await site.caller.call("ssh_session_send", call)
            let id = try id(first)
            #expect(first.text.contains("sudo on site/"), "\(first)")
            // The call waits for the person, and is answered by what the secret brought.
            let second = try site.start("ssh_session_send", call)
            _ = try await second.line(containing: "waits for approval \(id)")
            _ = try await site.approvals(
                "grant", id, "--secret-stdin", input: account.password + "\n")
            let done = try await Site.result(of: second)
            #expect(done["structuredContent"]?.output.contains("root\n") == true, "\(done)")
            try await check(account.password, isNowhereIn: site, [first, done])
        } catch {
            await account.remove()
            throw error
        }
        await account.remove()
    }

    @Test(.needs(.pythonClients))
    func `a login's password comes from a person, for its principal alone`() async throws {
        let server = try await PasswordServer()
        let site = try await Site.start(knows: true)
        try site.home.directory.write(server.knownHosts, to: "known")
        let target = "site/\(server.user)@127.0.0.1:\(server.port)"
        let call: JSON = [
            "target": .string(target), "command": "echo in >>\(site.known).ran; echo in",
        ]
        let first = try await site.caller.call("ssh_execute", call)
        let id = try id(first)
        #expect(first.text.contains("login on"), "\(first)")
        let row = try await site.first()["question"]
        #expect(row?["program"] == "login" && row?["user"]?.stringValue == server.user)
        // A wrong one is the login's failure, and asked for again by the next call.
        _ = try await site.approvals("grant", id, "--secret-stdin", input: "wrong\n")
        let wrong = try await site.caller.call("ssh_execute", call)
        #expect(wrong.text.contains("login as"), "\(wrong)")
        let again = try self.id(try await site.caller.call("ssh_execute", call))
        _ = try await site.approvals(
            "grant", again, "--secret-stdin", input: server.password + "\n")
        let done = try await site.caller.call("ssh_execute", call)
        #expect(
            done["structuredContent"]?["results"]?[0]?["stdout"] == "in\n", "\(done)")
        // The person's answer has run the command, and the client's call has not run it again.
        let ran = try String(contentsOfFile: site.known + ".ran", encoding: .utf8)
        #expect(ran == "in\n")
        // The login is this principal's.
        let token = try await site.home.token("other")
        let other = try MCPCaller(url: site.home.url, token: token)
        _ = try self.id(try await other.call("ssh_execute", call))
        let next = try await site.caller.structured(
            "ssh_execute", ["target": .string(target), "command": "echo again"])
        #expect(next["results"]?[0]?["stdout"] == "again\n")
        try await check(server.password, isNowhereIn: site, [first, wrong, done])
    }

    @Test func `an encrypted key's passphrase comes from a person`() async throws {
        var options = SSHServer.Options(
            shell: .bash, settings: ["AuthenticationMethods": "publickey"])
        options.passphrase = "canary-\(UInt64.random(in: 0 ... .max))"
        let site = try await Site.start(options, knows: true)
        let first = try await site.run()
        let id = try id(first)
        #expect(first.text.contains("passphrase"), "\(first)")
        _ = try await site.approvals(
            "grant", id, "--secret-stdin", input: options.passphrase + "\n")
        let done = try await site.run()
        #expect(done["structuredContent"]?["results"]?[0]?["stdout"] == "in\n", "\(done)")
        try await check(options.passphrase, isNowhereIn: site, [first, done])
    }
}
