// The results of each call, built as an agent builds them: the bytes are the written-down ones.
import JSON
import Testing
import Wire

@Suite struct ResultTests {
    private let agent = "k3jq5h2m7vx4n6pa"
    private var session: String { agent + ".x7qd2c5w3zl6m4ra" }

    private func check(_ method: Wire.Method, _ json: JSON) throws {
        let written = try Vectors.bytes("\(method.rawValue).reply.json")
        let made = Reply.result(RawJSON(json)).encoded()
        #expect(String(decoding: made, as: UTF8.self) == String(decoding: written, as: UTF8.self))
    }

    private func info(_ state: CommandState, command: String? = nil) -> SessionInfo {
        SessionInfo(
            sessionID: session, target: "site/db-1", name: "deploy", owner: "laptop",
            shell: "bash", cwd: "/root", state: state, command: command, idleSeconds: 0,
            idleTimeoutSeconds: 600, nextOffset: 412, columns: 120, rows: 40)
    }

    @Test func `sessions`() throws {
        var opened = SessionOpened(
            info: info(.done), banner: "Welcome to db-1\n",
            hostKey: "ssh-ed25519 SHA256:uNiVztksCsDhcc0u9e8BrQobQgW6ukTnWYnkH3Y3Bbw",
            durationMS: 38)
        #expect(opened.json["reopened_from"] == nil && opened.json["note"] == nil)
        var restored = Restored()
        (restored.directory, restored.variables) = ("/srv", ["STAGE"])
        opened.reopened = (agent + ".b2", restored)
        try check(.openSession, opened.json)
        let ended = SessionInfo(
            sessionID: agent + ".b2", target: "site/local", name: nil, owner: "laptop",
            shell: "sh", cwd: nil, state: .shellExited, command: nil, idleSeconds: 61,
            idleTimeoutSeconds: 0, nextOffset: 0, columns: 511, rows: 50)
        try check(.updateSession, info(.done).json)
        var running = info(.running, command: "sleep 100")
        running.depth = 2
        let list: JSON = [
            "sessions": .array([running.json, ended.json])
        ]
        try check(.listSessions, list)
    }

    @Test func `command results`() throws {
        var done = CommandResult(sessionID: session, state: .done)
        done.commandID = session + ".1"
        done.exitCode = 1
        done.cwd = "/tmp"
        done.output = "é😀\n"
        (done.offset, done.nextOffset, done.durationMS) = (412, 419, 3)
        done.evidence = [.mark]
        try check(.runCommand, done.json)

        var waiting = CommandResult(sessionID: session, state: .secret)
        waiting.commandID = session + ".2"
        waiting.cwd = "/tmp"
        (waiting.isTruncated, waiting.omittedBytes) = (true, 20)
        (waiting.offset, waiting.nextOffset, waiting.durationMS) = (440, 460, 2004)
        (waiting.foreground, waiting.prompt) = ("sudo", "[sudo] password: ")
        (waiting.depth, waiting.shell, waiting.hasLostMarks) = (1, "zsh", true)
        waiting.evidence = [.probe]
        try check(.sendInput, waiting.json)

        var lost = CommandResult(sessionID: session, state: .linkLost)
        lost.commandID = session + ".2"
        lost.signal = "KILL"
        lost.output = "\u{1b}[1mtail\u{1b}[0m\r\n"
        (lost.isTruncated, lost.lostBytes) = (true, 12)
        (lost.offset, lost.nextOffset, lost.durationMS) = (112, 126, 9000)
        lost.evidence = [.eof]
        lost.isMatched = false
        lost.note =
            "2 bytes came after the last answer and before this command (such as background output);"
            + " read them from offset 98"
        try check(.readOutput, lost.json)
    }

    @Test func `events`() throws {
        var facts = AgentFacts()
        (facts.version, facts.hostname) = ("0.1.0", "jump.site.example")
        (facts.system, facts.architecture) = ("linux", "x86_64")
        facts.capabilities = ["apt", "docker"]
        let answer = AgentEvents(
            [
                AgentEvent(42, .session(session, .opened, principal: "w5ck2q7hx3mzt4aj")),
                AgentEvent(44, .command(session + ".1", .done, principal: "w5ck2q7hx3mzt4aj")),
                AgentEvent(45, .link("db-1", .lost)), AgentEvent(46, .facts(facts)),
            ], last: 46, isMissed: true)
        try check(.events, answer.json)
        #expect(try AgentEvents(Fields(answer.json), after: 41) == answer)
    }

    @Test func `a screen`() {
        var screen = ScreenView(
            rows: ["~", " é"], cursorRow: 1, cursorColumn: 2, columns: 80, rowCount: 24)
        (screen.title, screen.isAlternate, screen.modes) = ("vi", true, ["mouse_click"])
        var result = CommandResult(sessionID: session, state: .fullscreen)
        result.screen = screen
        let expected: JSON = [
            "rows": ["~", " é"], "cursor": ["row": 1, "col": 2], "title": "vi", "cols": 80,
            "rows_count": 24, "alternate": true, "modes": ["mouse_click"],
        ]
        #expect(result.json["screen"] == expected)
    }

    @Test func `runs`() throws {
        var done = RunResult(target: "site/db-1", commandID: agent + ".c3", state: .done)
        done.exitCode = 0
        (done.stdout.text, done.stdout.nextOffset, done.durationMS) = ("TGludXgK", 6, 12)
        done.encoding = .base64
        try check(.execute, done.json)

        var running = RunResult(target: "site/db-1", commandID: agent + ".c3", state: .running)
        (running.stdout.text, running.stdout.nextOffset) = ("a", 7)
        (running.stderr.text, running.stderr.nextOffset) = ("b", 5)
        (running.stderr.omittedBytes, running.durationMS) = (3, 5000)
        (running.stderr.isUTF8, running.isMatched, running.endsInSeconds) = (false, true, 175)
        try check(.readCommand, running.json)

        var ended = RunResult(target: "site/db-1", commandID: agent + ".c3", state: .cancelled)
        ended.signal = "INT"
        (ended.stderr.text, ended.stderr.nextOffset, ended.durationMS) = ("^C\n", 3, 70)
        try check(.cancelCommand, ended.json)

        var listed = CommandInfo(
            commandID: agent + ".c3", target: "site/db-1", owner: "laptop", command: "uname",
            state: .done)
        (listed.exitCode, listed.startedSecondsAgo, listed.durationMS) = (0, 40, 12)
        listed.isDetached = true
        try check(.listCommands, ListCommands.json([listed], more: 3))
    }

    @Test func `lists of several agents become one, the newest first`() {
        func list(_ ages: [Int], more: Int = 0) -> JSON {
            ListCommands.json(
                ages.map { age in
                    var info = CommandInfo(
                        commandID: "\(age)", target: "a/b", owner: nil, command: "x", state: .done)
                    info.startedSecondsAgo = age
                    return info
                }, more: more)
        }
        let joined = ListCommands.joined([list([1, 5, 9], more: 2), list([0, 5, 6])], limit: 4)
        let ids = joined["commands"]?.arrayValue?.compactMap { $0["command_id"]?.stringValue }
        #expect(ids == ["0", "1", "5", "5"] && joined["more"] == 4)
        #expect(ListCommands.joined([list([1])], limit: 4)["more"] == nil)
    }

    @Test func `a description`() throws {
        var facts = AgentFacts()
        (facts.version, facts.hostname) = ("0.1.0", "jump.site.example")
        (facts.system, facts.architecture) = ("linux", "x86_64")
        (facts.release, facts.kernel) = ("Debian GNU/Linux 12 (bookworm)", "6.1.0-44-amd64")
        (facts.processor, facts.processors, facts.memory) = ("AMD EPYC 7763", 4, 8_325_414_912)
        (facts.packages, facts.initSystem, facts.cloud) = ("apt", "systemd", "hetzner")
        (facts.container, facts.capabilities) = (
            "lxc", ["apt", "docker", "git", "sftp", "systemd"]
        )
        var link = LinkInfo(target: "jump/db-1", host: "10.0.0.7:22", user: "root")
        (link.via, link.channels, link.cipher) = (["op@gate:22"], 2, "aes256-gcm@openssh.com")
        (link.created, link.lastUsed) = ("2026-11-21T04:05:06Z", "2026-11-21T05:00:00Z")
        (link.uses, link.bytesIn, link.bytesOut) = (41, 1_048_576, 65_536)
        (link.errors, link.rekeys, link.roundTripMS) = (1, 3, 20.25)
        var pool = PoolInfo()
        (pool.links, pool.opened, pool.failed, pool.lost) = (1, 4, 2, 3)
        var description = AgentDescription(facts: facts)
        var load = MachineLoad()
        (load.processor, load.averages) = (12.5, (0.5, 0.25, 0.75))
        (load.memory, load.memoryFree) = (8_325_414_912, 4_000_000_000)
        (load.swap, load.swapFree, load.uptime) = (1024, 512, 86400)
        load.disks = [DiskLoad(mount: "/", size: 1000, free: 250, used: 75.5)]
        (load.received, load.sent, load.processes) = (7, 5, 120)
        description.load = load
        (description.sessions, description.commands) = (2, 1)
        (description.links, description.pool) = ([link], pool)
        try check(.describe, description.json)
        let bare = LinkInfo(target: "t", host: "h", user: "u").json
        #expect(bare["via"] == nil && bare["rtt_ms"] == nil)
    }

    @Test func `files`() throws {
        var listing = FileListing(target: "site/db-1", path: "/root/logs")
        var old = FileEntry(path: "old", type: "link")
        (old.size, old.mode, old.owner, old.link) = (7, "0777", "0:0", "archive")
        old.modified = "2026-11-21T04:05:06Z"
        listing.entries = [old, FileEntry(path: "a.log", type: "file")]
        (listing.more, listing.isCut) = (3, true)
        try check(.listFiles, listing.json)

        let digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
        var content = FileContent(target: "site/db-1", path: "/etc/hosts")
        (content.size, content.sha256, content.content) = (12, digest, "10.0.0.1 é\n")
        (content.nextOffset, content.isEnd) = (12, true)
        try check(.readFile, content.json)
        #expect(content.json["truncated"] == nil)
        (content.encoding, content.invalidBytes, content.restOffset) = (.base64, 1, 0)
        #expect(content.json["encoding"] == "base64" && content.json["invalid_bytes"] == 1)
        #expect(content.json["truncated"] == true && content.json["rest_offset"] == 0)
        content.matches = [
            .init(line: 2, offset: 9, text: "x"), .init(line: nil, offset: 9, text: ""),
        ]
        #expect(content.json["content"] == nil && content.json["encoding"] == nil)
        #expect(content.json["matches"]?[0] == ["line": 2, "offset": 9, "text": "x"])
        #expect(content.json["matches"]?[1]?["line"] == nil)

        try check(
            .streamFile,
            FileStream(
                target: "site/db-1", path: "/var/backups/db.dump", size: 734_003_200,
                ticket: StreamTicket("q83vEjRWeJASNFZ4kBI0Vg")
            ).json)

        var table = HostTable(target: "site/db-1", subject: .disks)
        table.rows = [
            ["filesystem": "/dev/vda1", "type": "ext4", "used_percent": 97, "mount": "/"]
        ]
        table.total = 2
        table.notes = ["a remote file system did not answer in time: only local ones are shown"]
        try check(.readHost, table.json)
        try check(
            .reportHost,
            ReportHost.json("site/db-1", "load: 0.1 0.2 0.3 on 2 processors\n"))

        var written = FileWritten(target: "site/db-1", path: "/etc/motd")
        (written.size, written.sha256, written.isNew) = (3, digest, true)
        try check(.writeFile, written.json)

        var edited = FileEdited(target: "site/db-1", path: "/etc/motd")
        (edited.size, edited.sha256, edited.replaced) = (6, digest, 1)
        (edited.difference, edited.isInPlace) = ("@@ -1 +1 @@\n-hi\n+hello\n", true)
        try check(.editFile, edited.json)
        var managed = FilesManaged(target: "site/db-1", path: "/srv/a")
        (managed.destination, managed.entries, managed.bytes) = ("/srv/b", 3, 2048)
        try check(.manageFiles, managed.json)
        try check(.sendFiles, SendFiles.json(StreamTicket("q83vEjRWeJASNFZ4kBI0Vg")))
        var moved = TransferInfo(
            commandID: "k4f0w2.c7", target: "site/db-2", source: "site/db-1:/var/backups",
            state: .failed)
        moved.path = "/srv/backups"
        (moved.done.files, moved.done.directories, moved.done.links) = (3, 1, 1)
        (moved.done.bytes, moved.done.unchanged, moved.done.resumed) = (4096, 2, 1024)
        moved.total = (6, 8192)
        (moved.rate, moved.secondsLeft, moved.sha256) = (2048, 2, digest)
        (moved.done.failed, moved.failures) = (1, ["a: at the source: permission denied"])
        moved.durationMS = 2000
        moved.note = "1 entries could not be copied (failures); the rest was copied"
        try check(.awaitTransfer, moved.json())
        try check(.startTransfer, moved.json(StreamTicket("q83vEjRWeJASNFZ4kBI0Vg")))
        var found = FilesFound(target: "site/db-1", path: "/var/log")
        var log = FileEntry(path: "app/a.log", type: "file")
        log.size = 12
        found.entries = [.init(log, line: .init(line: 2, offset: 6, text: "error"))]
        (found.looked, found.isCut) = (40, true)
        found.unlooked = ["private: permission denied"]
        try check(.findFiles, found.json)
    }

    @Test func `progress`() throws {
        try check(.progress, CallProgress(bytes: 2048, line: "step 2 of 9").json)
        #expect(CallProgress().json == [:])
    }

    @Test func `targets`() throws {
        var database = TargetInfo(target: "site/db-1", source: "ssh_config")
        (database.hostname, database.port) = ("10.0.0.5", 2222)
        (database.user, database.via) = ("root", "gate")
        database.isReachable = false
        database.reason =
            "on the way, gate: 10.0.0.1:22 refused the connection: check the port and that the SSH"
            + " server runs"
        var local = TargetInfo(target: "site/local", source: "local")
        local.isReachable = true
        try check(.listTargets, ["targets": .array([database.json, local.json])])
    }

    @Test func `the states are the written-down ones`() {
        #expect(
            CommandState.allCases.map(\.rawValue) == [
                "done", "running", "line_input", "secret", "fullscreen", "incomplete", "aborted",
                "stopped", "shell_exited", "link_lost", "maybe_input",
            ])
        #expect(
            RunState.allCases.map(\.rawValue) == [
                "done", "running", "timed_out", "cancelled", "link_lost", "ended_without_status",
                "not_run", "failed",
                "line_input", "secret", "fullscreen", "incomplete", "aborted", "stopped",
                "shell_exited", "maybe_input",
            ])
        #expect(
            Evidence.allCases.map(\.rawValue) == ["mark", "probe", "prompt", "regex", "eof"])
    }
}
