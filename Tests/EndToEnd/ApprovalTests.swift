// Questions to a person, end to end: a real relay, agent and sshd whose key nobody knows, and each
// way in which a client's user can answer.
import Foundation
import JSON
import Support
import Testing

@Suite(.timeLimit(.minutes(3))) struct ApprovalTests {
    /// A relay with an agent that knows no host key.
    struct Site: Sendable {
        let home: Installation
        let server: SSHServer
        let caller: MCPCaller
        /// The caller's token.
        let token: String
        /// The file of known keys.
        let known: String

        static let call: JSON.Object = ["target": "site/web", "command": "echo in"]

        static func start(
            _ options: SSHServer.Options = .init(shell: .bash), settings: String = "",
            knows: Bool = false, relay: [String] = []
        ) async throws -> Site {
            let home = try await Installation.start()
            if !relay.isEmpty {
                _ = await home.process("relay")?.stop()
                try await home.startRelay(relay)
            }
            let server = try await SSHServer.start(options)
            let known = try home.directory.write(knows ? server.knownHosts : "", to: "known")
            let config = try home.directory.write(
                try server.configuration(alias: "web"), to: "ssh_config")
            try server.directory.write("", to: "known_hosts")
            try await home.join(
                "site", settings: "SshConfig \(config)\nKnownHosts \(known)\n\(settings)")
            let token = try await home.token()
            let caller = try MCPCaller(url: home.url, token: token)
            try await home.startAgent("site", caller: caller)
            return Site(
                home: home, server: server, caller: caller, token: token, known: known)
        }

        /// A call of the caller's token that shows its progress while it runs, by curl.
        func start(
            _ tool: String, _ arguments: JSON, _ more: JSON.Object = [:],
            _ meta: JSON.Object = [:]
        ) throws -> RunningProcess {
            var all: JSON.Object = [
                "progressToken": "t", "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": [:],
                "io.modelcontextprotocol/clientInfo": ["name": "tests", "version": "1"],
            ]
            for (name, value) in meta { all[name] = value }
            var params = more
            params["name"] = .string(tool)
            params["arguments"] = arguments
            params["_meta"] = .object(all)
            let message: JSON = [
                "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": .object(params),
            ]
            let headers = [
                "Authorization: Bearer \(token)", "Content-Type: application/json",
                "Accept: application/json, text/event-stream",
                "MCP-Protocol-Version: 2026-07-28", "Mcp-Method: tools/call", "Mcp-Name: \(tool)",
            ]
            return try RunningProcess(
                "/usr/bin/env",
                ["curl", "-sSN", "--max-time", "70", "-w", "\\n", "-d", "\(message)"]
                    + headers.flatMap { ["-H", $0] } + [home.url])
        }

        /// The result of a call that `start` has begun.
        static func result(of call: RunningProcess) async throws -> JSON {
            let line = try await call.line(containing: "\"result\"", within: .seconds(70))
            return try JSON(parsing: String(line.drop { $0 != "{" }))["result"] ?? .null
        }

        var isStored: Bool {
            (try? String(contentsOfFile: known, encoding: .utf8))?.contains("ssh-ed25519") == true
        }

        /// Runs `homeline-relay approvals …` and gives what it prints.
        @discardableResult
        func approvals(_ words: String..., input: String? = nil) async throws -> String {
            let process = try RunningProcess(
                Repository.program("homeline-relay"),
                ["approvals"] + words + ["--data", home.data("relay")])
            if let input {
                process.send(input)
                process.endInput()
            }
            let end = try await process.finished()
            return "\(end) \(process.output)\(process.errors)"
        }

        /// The questions that wait.
        func waiting() async throws -> [JSON] {
            try await home.relay("approvals", "--json")["approvals"]?.arrayValue ?? []
        }

        /// The first of them.
        func first() async throws -> JSON { try await waiting().first ?? .null }

        func run(_ caller: MCPCaller? = nil) async throws -> JSON {
            try await (caller ?? self.caller).call("ssh_execute", .object(Self.call))
        }
    }

    private func output(_ result: JSON) -> String {
        result["structuredContent"]?["results"]?[0]?["stdout"]?.stringValue ?? "\(result)"
    }

    // MARK: The call's result, and the command line

    @Test func `without forms the result says where to answer, and the same call goes on`()
        async throws
    {
        let site = try await Site.start()
        let first = try await site.run()
        #expect(first["isError"] == true)
        let told = try #require(first["structuredContent"], "\(first)")
        #expect(told["status"] == "approval_required" && told["retry"] == "same call")
        let id = try #require(told["approval_id"]?.stringValue)
        #expect(told["approval_url"]?.stringValue?.hasSuffix("/approve/\(id)") == true)
        #expect(first.text.contains("homeline-relay approvals grant \(id)"), "\(first.text)")
        #expect(first.text.contains("SHA256:"))
        let rows = try await site.waiting()
        #expect(rows.count == 1 && rows[0]["id"]?.stringValue == id, "\(rows)")
        #expect(rows[0]["client"] == "tests" && rows[0]["question"]?["kind"] == "host_key")
        let list = try await site.approvals()
        #expect(list.contains(id) && list.contains("SHA256:"), "\(list)")

        // The same call waits now, until it is answered.
        let second = try site.start("ssh_execute", .object(Site.call))
        let other = try MCPCaller(url: site.home.url, token: try await site.home.token("other"))
        _ = try await second.line(containing: "waits for approval \(id)")
        #expect(try await site.waiting().count == 1)
        #expect(try await site.approvals("grant", String(id.prefix(8))).contains("exited(0)"))
        #expect(output(try await Site.result(of: second)) == "in\n")
        #expect(!site.isStored, "once stores nothing")
        #expect(try await site.approvals("grant", id).contains("it is used"))

        // Another principal has its own question, and what it is granted stores the key.
        let foreign = try await site.run(other)
        let theirs = try #require(
            foreign["structuredContent"]?["approval_id"]?.stringValue, "\(foreign)")
        #expect(theirs != id)
        _ = try await site.approvals("grant", theirs, "--pin")
        #expect(output(try await site.run(other)) == "in\n")
        #expect(site.isStored)
    }

    @Test func `a refusal holds, and nobody is asked again`() async throws {
        let site = try await Site.start()
        let first = try await site.run()
        let id = try #require(first["structuredContent"]?["approval_id"]?.stringValue)
        #expect(try await site.approvals("deny", id).contains("denied"))
        let second = try await site.run()
        #expect(second["isError"] == true && second.text.contains("refused"), "\(second)")
        #expect(try await site.waiting().isEmpty)
        #expect(!site.isStored)
    }

    @Test func `a host that shows another key than the one granted is asked about again`()
        async throws
    {
        let site = try await Site.start()
        let first = try await site.run()
        let id = try #require(first["structuredContent"]?["approval_id"]?.stringValue)
        _ = try await site.approvals("grant", id, "--pin")
        // The key changes between the person's answer and the call.
        let path = site.server.hostKeys[0].path
        site.server.stop()
        for name in [path, path + ".pub"] { unlink(name) }
        _ = try await SSHKey.make(.ed25519, at: path)
        try await site.server.restart()
        let second = try await site.run()
        let other = try #require(
            second["structuredContent"]?["approval_id"]?.stringValue, "\(second)")
        #expect(other != id)
        #expect(!site.isStored)
    }

    @Test func `of several targets, each row says what a person has to do`() async throws {
        let site = try await Site.start()
        let report = try await site.caller.structured(
            "ssh_execute", ["targets": ["site/web", "site/local"], "command": "echo in"])
        let rows = report["results"]?.arrayValue ?? []
        let asked = rows.filter { "\($0)".contains("approvals grant") }
        #expect(asked.count == 1, "\(report)")
        #expect("\(report)".contains("in\\n"))
    }

    // MARK: Forms and pages

    private func ask(
        _ site: Site, _ capabilities: JSON, _ more: JSON.Object = [:],
        _ meta: JSON.Object = [:], by caller: MCPCaller? = nil
    ) async throws -> JSON {
        var params: JSON.Object = ["name": "ssh_execute", "arguments": .object(Site.call)]
        for (name, value) in more { params[name] = value }
        var all = meta
        all["io.modelcontextprotocol/clientCapabilities"] = capabilities
        let answer = try await (caller ?? site.caller).request(
            "tools/call", .object(params), name: "ssh_execute", meta: all)
        return try #require(answer["result"], "\(answer)")
    }

    private func answers(_ round: JSON, _ response: JSON) throws -> JSON.Object {
        let keys = (round["inputRequests"]?.objectValue ?? [:]).map(\.key)
        let key = try #require(keys.first, "\(round)")
        return [
            "inputResponses": .object([key: response]),
            "requestState": round["requestState"] ?? .null,
        ]
    }

    @Test(arguments: ["once", "pin", "reject"])
    func `a form of a modern client decides`(choice: String) async throws {
        let site = try await Site.start()
        let form: JSON = ["elicitation": [:]]
        let round = try await ask(
            site, form, [:], ["dev.homeline/reason": "to see\u{1b}[2J whether it runs"])
        #expect(round["resultType"] == "input_required", "\(round)")
        let request = round["inputRequests"]?.objectValue?.first?.value
        let message = request?["params"]?["message"]?.stringValue ?? ""
        #expect(message.contains("SHA256:") && message.contains("ssh-ed25519"), "\(message)")
        let decision = request?["params"]?["requestedSchema"]?["properties"]?["decision"]
        #expect(decision?["oneOf"]?.arrayValue?.count == 3 && decision?["default"] == nil)
        #expect(try await site.first()["reason"]?.stringValue?.contains("to see") == true)
        #expect(try await site.approvals().contains("to see[2J whether"))
        let accepted: JSON = ["action": "accept", "content": ["decision": .string(choice)]]
        let given = try answers(round, accepted)
        let done = try await ask(site, form, given)
        if choice == "reject" {
            #expect(done["isError"] == true && done.text.contains("refused"), "\(done)")
        } else {
            #expect(output(done) == "in\n")
        }
        #expect(site.isStored == (choice == "pin"))
    }

    @Test func `the answer of a form counts once`() async throws {
        let site = try await Site.start(settings: "AskForTool ssh_execute\n", knows: true)
        let form: JSON = ["elicitation": [:]]
        let round = try await ask(site, form)
        let given = try answers(
            round, ["action": "accept", "content": ["decision": "once"]])
        #expect(output(try await ask(site, form, given)) == "in\n")
        // The rule asks about each call: what was answered says nothing of the next one.
        var params: JSON.Object = ["name": "ssh_execute", "arguments": .object(Site.call)]
        for (name, value) in given { params[name] = value }
        let again = try await site.caller.request(
            "tools/call", .object(params), name: "ssh_execute",
            meta: ["io.modelcontextprotocol/clientCapabilities": form])
        #expect(output(again["result"] ?? .null) != "in\n", "\(again)")
    }

    @Test func `where forms are forbidden, a page is opened, and the call waits for its answer`()
        async throws
    {
        let site = try await Site.start(relay: ["--approval-forms=no"])
        let both: JSON = ["elicitation": ["form": [:], "url": [:]]]
        let round = try await ask(site, both)
        let request = round["inputRequests"]?.objectValue?.first?.value
        #expect(request?["params"]?["mode"] == "url", "\(round)")
        let url = request?["params"]?["url"]?.stringValue ?? ""
        let id = String(url.split(separator: "/").last ?? "")
        #expect(try await site.first()["id"]?.stringValue == id)
        let given = try answers(round, ["action": "accept"])
        let done = try site.start(
            "ssh_execute", .object(Site.call), given,
            ["io.modelcontextprotocol/clientCapabilities": both])
        _ = try await done.line(containing: "waits for approval \(id)")
        _ = try await site.approvals("grant", id)
        #expect(output(try await Site.result(of: done)) == "in\n")
        // A client that only knows forms learns the URL from the result. It has a new token, as the
        // first one's connection is open already.
        let other = try MCPCaller(url: site.home.url, token: try await site.home.token("other"))
        let told = try await ask(site, ["elicitation": [:]], by: other)
        #expect(told["resultType"] != "input_required")
        #expect(told["structuredContent"]?["status"] == "approval_required", "\(told)")
    }

    @Test(arguments: ["accept", "empty", "decline", "cancel"])
    func `a client of 2025-11-25 is asked on the call's stream`(action: String) async throws {
        let site = try await Site.start()
        let client = try RunningProcess(
            Repository.program("homeline-relay"), ["stdio", "--data", site.home.data("relay")])
        defer { client.signal(SIGKILL) }
        func say(_ message: JSON) { client.send("\(message)\n") }
        say([
            "jsonrpc": "2.0", "id": "begin", "method": "initialize",
            "params": [
                "protocolVersion": "2025-11-25", "capabilities": ["elicitation": [:]],
                "clientInfo": ["name": "old", "version": "1"],
            ],
        ])
        _ = try await client.line(containing: "\"begin\"")
        say(["jsonrpc": "2.0", "method": "notifications/initialized"])
        say([
            "jsonrpc": "2.0", "id": "work", "method": "tools/call",
            "params": ["name": "ssh_execute", "arguments": .object(Site.call)],
        ])
        let asked = try JSON(
            parsing: try await client.line(containing: "elicitation/create"))
        #expect(asked["params"]?["message"]?.stringValue?.contains("SHA256:") == true)
        var result: JSON.Object = ["action": .string(action == "empty" ? "accept" : action)]
        if action == "empty" { result["content"] = [:] }
        if action == "accept" { result["content"] = ["decision": "once"] }
        say(["jsonrpc": "2.0", "id": asked["id"] ?? .null, "result": .object(result)])
        let done = try JSON(parsing: try await client.line(containing: "\"work\""))["result"]
        switch action {
        case "accept": #expect(output(done ?? .null) == "in\n")
        // Clients without a person decline at once: that is nobody's word, and a person may still
        // answer elsewhere.
        default: #expect(done?["structuredContent"]?["status"] == "approval_required")
        }
    }

    // MARK: Rules

    @Test func `a rule has a person read the command, and each command anew`() async throws {
        let site = try await Site.start(
            settings: "AskForCommand \"*danger*\"\nAskForTool file_manage\n", knows: true)
        #expect(output(try await site.run()) == "in\n")
        let command = "echo dan'ger'; echo danger\u{202e}"
        let call: JSON = [
            "target": "site/web", "command": .string(command), "env": ["SHOWN": "too"],
        ]
        let first = try await site.caller.call("ssh_execute", call)
        let id = try #require(
            first["structuredContent"]?["approval_id"]?.stringValue, "\(first)")
        let list = try await site.approvals()
        #expect(list.contains("danger⟨U+202E⟩") && list.contains("SHOWN"), "\(list)")
        #expect(list.contains(" on site/web ") && !list.contains("site/site"), "\(list)")
        #expect(try await site.approvals("grant", id, "--pin").contains("only a host's key"))
        _ = try await site.approvals("grant", id)
        // Another command is not what was granted.
        let other = try await site.caller.call(
            "ssh_execute", ["target": "site/web", "command": "echo danger"])
        #expect(other["structuredContent"]?["approval_id"]?.stringValue != id)
        #expect(output(try await site.caller.call("ssh_execute", call)).contains("danger"))
        let again = try await site.caller.call("ssh_execute", call)
        #expect(again["isError"] == true, "granted once")
        // In a session, and for a tool.
        let opened = try await site.caller.structured(
            "ssh_session_open", ["target": "site/web"])
        for (tool, arguments) in [
            (
                "ssh_session_command",
                ["session_id": opened["session_id"] ?? .null, "command": "danger"]
            ),
            ("ssh_session_send", ["session_id": opened["session_id"] ?? .null, "text": "danger"]),
            ("file_manage", ["target": "site/web", "action": "mkdir", "path": "/tmp/x"]),
        ] as [(String, JSON.Object)] {
            let asked = try await site.caller.call(tool, .object(arguments))
            #expect(
                asked["structuredContent"]?["status"] == "approval_required", "\(tool): \(asked)")
        }
        let rules = try await RunningProcess.run(
            Repository.program("homeline-agent"),
            ["policy", "test", "web", "--data", site.home.data("site")])
        #expect(rules.contains("file_manage\tasks: AskForTool file_manage"), "\(rules)")
    }

    @Test func `an answer that a call could not use yet stays for the next one`() async throws {
        let site = try await Site.start(settings: "AskForTool ssh_execute\n")
        var ids: [String] = []
        for kind in ["policy", "host_key"] {
            let asked = try await site.run()
            let id = try #require(
                asked["structuredContent"]?["approval_id"]?.stringValue, "\(asked)")
            #expect(try await site.first()["question"]?["kind"]?.stringValue == kind)
            _ = try await site.approvals("grant", id)
            ids.append(id)
        }
        #expect(Set(ids).count == 2)
        #expect(output(try await site.run()) == "in\n")
        // Both are used now; the connection is there, and the rule asks about the next call.
        let next = try await site.run()
        #expect(next["structuredContent"]?["status"] == "approval_required", "\(next)")
        #expect(try await site.first()["question"]?["kind"] == "policy")
    }

    @Test func `a target of a rule is asked about by all its names`() async throws {
        let site = try await Site.start(settings: "AskForTarget web\n", knows: true)
        for name in ["web", "127.0.0.1:\(site.server.port)"] {
            let asked = try await site.caller.call(
                "ssh_execute", ["target": .string("site/\(name)"), "command": "true"])
            let told = asked["structuredContent"]
            #expect(told?["status"] == "approval_required", "\(name): \(asked)")
            if name == "web" {
                let id = told?["approval_id"]?.stringValue ?? ""
                _ = try await site.approvals("grant", id)
                let done = try await site.caller.call(
                    "ssh_execute", ["target": "site/web", "command": "true"])
                #expect(done["isError"] != true, "\(done)")
            }
        }
        let session = try await site.caller.call("ssh_session_open", ["target": "site/web"])
        let id = try #require(session["structuredContent"]?["approval_id"]?.stringValue)
        _ = try await site.approvals("grant", id)
        let opened = try await site.caller.structured(
            "ssh_session_open", ["target": "site/web"])
        let ran = try await site.caller.structured(
            "ssh_session_command",
            ["session_id": opened["session_id"] ?? .null, "command": "echo in"])
        #expect(ran.output == "in\n")
    }
}
