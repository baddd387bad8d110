// The arguments of each call as values: all given, and the defaults.
import JSON
import Testing
import Wire

@Suite struct ArgumentTests {
    private let sessionID = "k3jq5h2m7vx4n6pa.x7qd2c5w3zl6m4ra"
    private let bare = Fields(object: ["session_id": "a.b", "command_id": "a.c", "target": "a/b"])

    @Test func `session open`() throws {
        let full = try OpenSession(Vectors.arguments(.openSession))
        #expect(
            full.target == "site/db-1" && full.name == "deploy" && full.access.username == "root")
        #expect(
            full.access.port == 2222 && full.access.key == "~/.ssh/site"
                && full.access.password == "pä\"ss\n")
        #expect(full.columns == 120 && full.rows == 40 && full.terminal == "vt100")
        #expect(full.isPersistent && full.idleTimeout == .seconds(600) && full.shell == .bash)
        #expect(full.connectTimeout == .milliseconds(2500) && full.loginTimeout == .seconds(20))
        let least = try OpenSession(bare)
        #expect(least.columns == 320 && least.rows == 50 && least.terminal == "xterm-256color")
        #expect(!least.isPersistent && least.idleTimeout == .seconds(1800))
        #expect(least.connectTimeout == .seconds(30) && least.loginTimeout == .seconds(30))
        #expect(least.name == nil && least.access.username == nil && least.access.port == nil)
        #expect(least.reopen == nil && least.shell == .auto)
        let again = try OpenSession(Fields(object: ["reopen": "a.b"]))
        #expect(again.reopen == "a.b" && again.target.isEmpty)
        #expect(throws: Fault.self) { try OpenSession(Fields(object: [:])) }
        #expect(throws: Fault.self) {
            try OpenSession(Fields(object: ["target": "a/b", "shell": "cmd"]))
        }
        #expect(throws: Fault.self) {
            try OpenSession(Fields(object: ["reopen": "a.b", "target": "a/b"]))
        }
        #expect(least.access.key == nil && least.access.password == nil)
    }

    @Test func `session command, send and read`() throws {
        let run = try RunCommand(Vectors.arguments(.runCommand))
        #expect(run.sessionID == sessionID && run.command == "cd /tmp && printf 'é😀\\n'; false")
        #expect(run.wait == .milliseconds(500) && run.timeout == .seconds(60))
        #expect(run.maxBytes == 1000 && run.until == "^é")
        let least = try RunCommand(Fields(object: ["session_id": "a.b", "command": ""]))
        #expect(least.wait == .seconds(10) && least.timeout == nil && least.maxBytes == 20_000)

        let send = try SendInput(Vectors.arguments(.sendInput))
        #expect(send.text == "yes" && send.keys == ["tab", "ctrl-c"] && !send.enter)
        #expect(send.wait == .seconds(2) && send.maxBytes == 0)
        #expect(throws: Fault.self) { try SendInput(bare) }
        #expect(throws: Fault.self) {
            try SendInput(Fields(object: ["session_id": "a.b", "text": "", "enter": false]))
        }
        #expect(throws: Fault.self) {
            try SendInput(Fields(object: ["session_id": "a.b", "adopt": true, "until": "x"]))
        }
        let key = try SendInput(Fields(object: ["session_id": "a.b", "keys": ["up"]]))
        #expect(key.text.isEmpty && !key.enter && !key.adopt && key.secret == nil)
        #expect(key.until == nil && key.wait == .seconds(1) && key.maxBytes == 20_000)
        #expect(try SendInput(Fields(object: ["session_id": "a.b", "secret": "s"])).secret == "s")
        #expect(throws: Fault.self) {
            try SendInput(Fields(object: ["session_id": "a.b", "secret": "s", "password": "p"]))
        }
        #expect(try SendInput(Fields(object: ["session_id": "a.b", "adopt": true])).adopt)
        #expect(throws: Fault.self) {
            try SendInput(Fields(object: ["session_id": "a.b", "adopt": true, "text": "x"]))
        }
        #expect(try SendInput(Fields(object: ["session_id": "a.b", "text": ""])).enter)

        let read = try ReadOutput(Vectors.arguments(.readOutput))
        #expect(read.offset == 100 && read.wait == .seconds(10) && read.view == .raw)
        #expect(read.maxBytes == 4096 && read.until == "^ready \\d+$")
        let newest = try ReadOutput(bare)
        #expect(newest.offset == nil && newest.wait == .zero && newest.view == .text)
        #expect(newest.until == nil && read.goal == .output && newest.goal == .end)
    }

    @Test func `an update changes what is given`() throws {
        let full = try UpdateSession(Vectors.arguments(.updateSession))
        #expect(full.sessionID == sessionID && full.name == "build" && full.isPersistent == true)
        #expect(full.columns == 120 && full.rows == 40 && full.idleTimeout == .seconds(60))
        let least = try UpdateSession(bare)
        #expect(least.name == nil && least.isPersistent == nil && least.columns == nil)
        #expect(least.rows == nil && least.idleTimeout == nil)
    }

    @Test func `closing takes one or all`() throws {
        #expect(try CloseSession(Vectors.arguments(.closeSession)).sessionID == nil)
        #expect(try CloseSession(bare).sessionID == "a.b")
    }

    @Test func `command execute, output and cancel`() throws {
        let full = try ExecuteCommand(Vectors.arguments(.execute))
        #expect(full.target == "site/db-1" && full.command == "uname" && full.input == "in\n")
        #expect(full.environment.map { "\($0.0)=\($0.1)" } == ["LANG=C", "B=2"])
        #expect(full.directory == "/srv" && full.hasTerminal && full.isBackground)
        #expect(full.wait == .seconds(50) && full.timeout == .milliseconds(100))
        #expect(
            full.maxBytes == 1_000_000 && full.access.username == "deploy" && full.access.port == 22
        )
        #expect(full.access.key == "/k" && full.access.password == "p")
        let least = try ExecuteCommand(Fields(object: ["target": "a/b", "command": "x"]))
        #expect(least.input.isEmpty && least.environment.isEmpty && least.directory == nil)
        #expect(!least.hasTerminal && !least.isBackground && least.maxBytes == 20_000)
        #expect(least.wait == .seconds(10) && least.timeout == .seconds(180))
        #expect(full.encoding == .base64 && full.shell == .sh && least.encoding == .text)
        let behind: JSON.Object = ["target": "a/b", "command": "x", "background": true]
        #expect(try ExecuteCommand(Fields(object: behind)).timeout == nil)
        let apart: JSON.Object = ["target": "a/b", "command": "x", "detached": true]
        #expect(try ExecuteCommand(Fields(object: apart)).isDetached && !least.isDetached)
        for (name, value) in [
            ("pty", true), ("timeout_s", 5), ("shell", "none"), ("password", "p"),
        ]
            as [(String, JSON)]
        {
            var wrong = apart
            wrong[name] = value
            #expect(throws: Fault.self) { try ExecuteCommand(Fields(object: wrong)) }
        }
        // What waits for ends takes nothing that does not end before its answer.
        for quick in [behind, apart] {
            for (name, value) in [("batch", 2), ("stop_on_failure", true)] as [(String, JSON)] {
                var wrong = quick
                #expect(throws: Never.self) { try ExecuteTargets(Fields(object: wrong)) }
                wrong[name] = value
                #expect(throws: Fault.self) { try ExecuteTargets(Fields(object: wrong)) }
            }
        }

        let output = try ReadCommand(Vectors.arguments(.readCommand))
        #expect(output.commandID == "k3jq5h2m7vx4n6pa.c3" && output.stdoutOffset == 6)
        #expect(output.stderrOffset == 1 && output.wait == .seconds(5) && output.maxBytes == 1)
        let start = try ReadCommand(bare)
        #expect(start.stdoutOffset == nil && start.stderrOffset == nil && start.wait == .zero)
        #expect(output.goal == .end && output.until == "^b$" && output.encoding == .base64)
        #expect(start.goal == .output && start.until == nil && start.encoding == .text)
        let list = try ListCommands(Vectors.arguments(.listCommands))
        #expect(list.target == "site/db-1" && list.state == .running && list.limit == 200)
        let whole = try ListCommands(Fields(object: [:]))
        #expect(whole.target == nil && whole.state == nil && whole.limit == 20)

        #expect(try CancelCommand(Vectors.arguments(.cancelCommand)).signal == "INT")
        #expect(try CancelCommand(bare).signal == "TERM")
    }

    @Test func `progress`() throws {
        #expect(try AskProgress(Vectors.arguments(.progress)).call == "p7")
        let told = CallProgress(json: try Vectors.result("call.progress").parsed())
        #expect(told == CallProgress(bytes: 2048, line: "step 2 of 9"))
        #expect(CallProgress(json: ["bytes": "x", "line": 1]) == CallProgress())
        #expect(CallProgress(json: []) == CallProgress())
    }

    @Test func `hosts`() throws {
        let read = try ReadHost(Vectors.arguments(.readHost))
        #expect(read.subject == .journal && read.name == "nginx" && read.limit == 5)
        #expect(read.query == "denied" && read.access.username == "root")
        #expect(try ReportHost(Vectors.arguments(.reportHost)).target == "site/db-1")
        for (more, words) in [
            (["what": "container_logs"], "\"name\" is missing"),
            (["what": "disk"], "must be"),
        ] as [(JSON.Object, String)] {
            var arguments: JSON.Object = ["target": "a/b"]
            for (name, value) in more { arguments[name] = value }
            let fault = #expect(throws: Fault.self) {
                try ReadHost(Fields(object: arguments))
            }
            #expect(fault?.message.contains(words) == true, "\(fault?.message ?? "")")
        }
    }

    @Test func `files`() throws {
        let list = try ListFiles(Vectors.arguments(.listFiles))
        #expect(list.path == "~/logs" && list.depth == 2 && list.glob == "*.log")
        #expect(list.place.access.username == "root" && list.place.access.via == ["gate"])
        #expect(list.order == .newest && list.limit == 50)
        let read = try ReadFile(Vectors.arguments(.readFile))
        #expect(read.encoding == .escaped)
        #expect(read.offset == 3 && read.length == 100 && read.grep == "^10\\.")
        let stream = try StreamFile(Vectors.arguments(.streamFile))
        #expect(stream.offset == 1_048_576 && stream.path == "/var/backups/db.dump")
        let write = try WriteFile(Vectors.arguments(.writeFile))
        guard case .text("hi\n") = write.content else { return #expect(Bool(false)) }
        #expect(write.mode == 0o644 && write.append && write.createDirectories)
        #expect(write.expectedSHA256?.hasPrefix("9f86d0") == true)
        let edit = try EditFile(Vectors.arguments(.editFile))
        #expect(
            edit.edits.map(\.old) == ["hi", "a"] && edit.edits.map(\.isForAll) == [false, true])
        let manage = try ManageFiles(Vectors.arguments(.manageFiles))
        #expect(manage.action == .copy && manage.destination == "/srv/b" && manage.isRecursive)
        let find = try FindFiles(Vectors.arguments(.findFiles))
        #expect(find.name == "*.log" && find.newerThan == .seconds(86400) && find.depth == 4)
        for (more, words) in [
            (["session_id": "a.b"], "both were given"),
            (["target": .null], "\"target\" is missing"),
            (["target": .null, "session_id": "a.b", "key": "/k"], "\"key\" does not go with"),
        ] as [(JSON.Object, String)] {
            var all: JSON.Object = ["target": "a/b", "path": "p"]
            for (name, value) in more { all[name] = value }
            let fault = Vectors.fault(of: .readFile, Fields(object: all))
            #expect(fault?.message.contains(words) == true, "\(words): \(fault?.message ?? "")")
        }
        for (more, words) in [
            ([:], "\"content\" is missing"), (["content": "", "base64": ""], "both were given"),
            (["content": "", "atomic": true, "append": true], "\"atomic\" does not go"),
        ] as [(JSON.Object, String)] {
            var all: JSON.Object = ["target": "a/b", "path": "p"]
            for (name, value) in more { all[name] = value }
            let fault = Vectors.fault(of: .writeFile, Fields(object: all))
            #expect(fault?.message.contains(words) == true, "\(words): \(fault?.message ?? "")")
        }
        for edits in [[], [["old": "a"]], ["a"], [["old": "a", "new": 1]]] as [JSON] {
            let fault = Vectors.fault(
                of: .editFile, Fields(object: ["target": "a/b", "path": "p", "edits": edits]))
            #expect(fault?.message.contains("\"edits") == true, "\(edits): \(fault?.message ?? "")")
        }
        let bare: JSON.Object = ["target": "a/b", "path": "p"]
        let plain = try ReadFile(Fields(object: bare))
        #expect(plain.offset == 0 && plain.length == 20_000 && plain.tail == nil)
        let short = try ListFiles(Fields(object: bare))
        #expect(short.depth == 1 && short.limit == 200 && short.order == .name)
        for wrong in [
            [:], ["content": "a", "base64": "YQ=="], ["content": "a", "mode": "0999"],
            ["content": "a", "mode": "7"], ["content": "a", "expect_sha256": "00"],
            ["content": 7],
        ] as [JSON.Object] {
            var all = bare
            for (key, value) in wrong { all[key] = value }
            #expect(throws: Fault.self) { try WriteFile(Fields(object: all)) }
        }
        for wrong in [
            ["tail": 5, "offset": 0], ["tail": 5, "grep": "x"], ["tail": 0], ["length": 0],
            ["offset": -1], ["length": 1_000_001],
        ] as [JSON.Object] {
            var all = bare
            for (key, value) in wrong { all[key] = value }
            #expect(throws: Fault.self) { try ReadFile(Fields(object: all)) }
        }
    }

    @Test func `target list`() throws {
        let call = try ListTargets(Vectors.arguments(.listTargets))
        #expect(call.query == "db" && call.probe)
        #expect(try ListTargets(Fields([:])).probe == false)
        #expect(try ListTargets(bare).query == nil)
    }

    @Test func `the largest numbers are values, not traps`() throws {
        let fields = Fields(object: [
            "session_id": "a", "command_id": "a", "offset": 9_007_199_254_740_991,
            "stdout_offset": 9_007_199_254_740_991, "retry_after_s": 3600, "reason": "x",
        ])
        #expect(try ReadOutput(fields).offset == 9_007_199_254_740_991)
        #expect(try ReadCommand(fields).stdoutOffset == 9_007_199_254_740_991)
        #expect(try Refusal(fields).retryAfter == .seconds(3600))
        for number in [9_007_199_254_740_992, 9_223_372_036_854_775_807] as [JSON] {
            let beyond = Fields(object: ["session_id": "a", "offset": number])
            #expect(throws: Fault.self) { try ReadOutput(beyond) }
        }
    }
}
