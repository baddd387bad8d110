// Every make of SSH server by everything that the agent does with a host: one table, walked for
// each server. What a server cannot do is refused with words that say so.
import Foundation
import JSON
import Loop
import SSH
import Support
import Testing
import Wire

@testable import homeline_agent

/// A running server of some make, with what it can do.
struct Party: Sendable {
    enum Kind: Sendable, CaseIterable, CustomTestStringConvertible {
        case openSSH(OpenSSH)
        case other(OtherServer.Make)

        static var allCases: [Kind] {
            OpenSSH.allCases.map { .openSSH($0) } + OtherServer.Make.allCases.map { .other($0) }
        }

        var testDescription: String {
            switch self {
            case .openSSH(let release): "OpenSSH, \(release)"
            case .other(let make): make.rawValue
            }
        }

        /// Whether it is here; says so in the list of what was left out if not.
        var isHere: Bool {
            switch self {
            case .openSSH(let release): return release.isHere(for: "server makes")
            case .other(let make):
                guard let obstacle = make.obstacle else { return true }
                leaveOut("server makes, \(make)", because: obstacle)
                return false
            }
        }
    }

    let server: any ConfiguredServer
    /// The user's password, if the server takes one.
    var password: String?
    var runsCommands = true
    /// Whether a connection carries more than one channel.
    var hasManyChannels = true
    /// Ends every connection.
    let cut: @Sendable () -> Void
    let stop: @Sendable () async -> Void

    init(_ kind: Kind) async throws {
        switch kind {
        case .openSSH(let release):
            // A rekey every megabyte, so that the rows meet some.
            let own = try await SSHServer.start(
                SSHServer.Options(
                    shell: .dash, settings: ["RekeyLimit": "1M"], release: release))
            server = own
            cut = { own.cutConnections() }
            stop = { own.stop() }
        case .other(let make):
            let own = try await OtherServer(make)
            server = own
            password = make.takesPassword ? own.password : nil
            (runsCommands, hasManyChannels) = (make.runsCommands, make.hasManyChannels)
            cut = { own.cut() }
            stop = { await own.stop() }
        }
    }
}

@Suite(.timeLimit(.minutes(2))) struct ServerMakesTests {
    /// What is done with a host, in this order; the last row ends the server's connections.
    private static let rows:
        [(name: String, run: @IO @Sendable (Party, Desk) async throws -> Void)] = [
            ("command", command), ("password", password), ("session", session), ("files", files),
            ("channels at once", channels), ("much data", much),
            ("life signs", lifeSigns), ("probe", probe), ("other host key", otherKey),
            ("disconnect", disconnect),
        ]

    @Test(.needs("ssh"), arguments: Party.Kind.allCases)
    func `all that the agent does with a host is done at every make of server`(
        kind: Party.Kind
    ) async throws {
        guard kind.isHere else { return }
        let party = try await Party(kind)
        let result = await IO.task { () async -> Result<Void, any Error> in
            do {
                let desk = try await Desk([("box", party.server, "")])
                var times: [String] = []
                for row in Self.rows {
                    let begin = IO.now
                    do {
                        try await row.run(party, desk)
                    } catch { Issue.record("\(kind.testDescription), \(row.name): \(error)") }
                    times.append("\(row.name) \(Int((IO.now - begin) / .milliseconds(1))) ms")
                }
                print("\(kind.testDescription): \(times.joined(separator: ", "))")
                await desk.service.shutDown()
                return .success(())
            } catch { return .failure(error) }
        }.value
        await party.stop()
        try result.get()
    }

    // MARK: The rows

    @IO private static func command(_ party: Party, _ desk: Desk) async throws {
        let answer = await desk.call(
            .execute, ["target": "site/box", "command": "cat; echo err >&2; exit 7", "stdin": "in"])
        guard party.runsCommands else { return expectFilesAlone(answer) }
        let done = try answer.get()
        #expect(done["stdout"] == "in" && done["stderr"] == "err\n", "\(done)")
        #expect(done["exit_code"] == 7, "\(done)")
        let terminal = try await desk.call(
            .execute,
            ["target": "site/box", "command": "test -t 0 && echo tty; exit 3", "pty": true]
        ).get()
        #expect(terminal["stdout"] == "tty\n" && terminal["exit_code"] == 3, "\(terminal)")
    }

    @IO private static func password(_ party: Party, _ desk: Desk) async throws {
        guard let password = party.password else { return }
        let block = try party.server.configuration(alias: "box")
        let config = try desk.folder.write(
            "Host box\n PubkeyAuthentication no\n IdentityAgent none\n\(block)", to: "by-password")
        let other = try await Desk([])
        other.configure { $0.targets.sshConfig = config }
        for (word, isRight) in [("wrong", false), (password, true)] {
            let answer = await other.call(
                .listFiles, ["target": "site/box", "path": "/", "password": .string(word)])
            switch answer {
            case .success: #expect(isRight)
            case .failure(let fault):
                #expect(!isRight && fault.code == .authenticationFailed, "\(fault)")
                #expect(!fault.message.contains(password))
            }
        }
        await other.service.shutDown()
    }

    @IO private static func session(_ party: Party, _ desk: Desk) async throws {
        let answer = await desk.call(
            .openSession, ["target": "site/box", "term": ["cols": 91, "rows": 33]])
        guard party.runsCommands else { return expectFilesAlone(answer) }
        let id = try #require(answer.get()["session_id"])
        func run(_ code: String) async throws -> JSON {
            try await desk.call(
                .runCommand, ["session_id": id, "command": .string(code), "wait_s": 20]
            ).get()
        }
        _ = try await run("cd /usr && kept=here")
        let state = try await run("pwd; echo $kept; (exit 5)")
        #expect(state["output"] == "/usr\nhere\n" && state["exit_code"] == 5, "\(state)")
        #expect(try await run("stty size")["output"] == "33 91\n")
        _ = try await desk.call(
            .updateSession, ["session_id": id, "cols": 120, "rows": 40]
        ).get()
        // The server tells its terminal when it likes.
        var size: JSON?
        _ = try await holds {
            size = try await run("stty size")["output"]
            return size == "40 120\n"
        }
        #expect(size == "40 120\n")
        // Where the connection has no room for the question who reads, it is seen to run.
        let asking = try await desk.call(
            .runCommand,
            [
                "session_id": id, "command": "read -r name; echo \"<$name>\"",
                "wait_s": party.hasManyChannels ? 20 : 0.5,
            ]
        ).get()
        #expect(
            asking["state"] == (party.hasManyChannels ? "line_input" : "running"), "\(asking)")
        _ = try await desk.call(.sendInput, ["session_id": id, "text": "Ann"]).get()
        let typed = try await desk.call(
            .readOutput, ["session_id": id, "wait_s": 20, "offset": asking["next_offset"] ?? 0]
        ).get()
        #expect(typed["output"] == "Ann\n<Ann>\n" && typed["state"] == "done", "\(typed)")
        let slow = try await desk.call(
            .runCommand,
            ["session_id": id, "command": "sleep 60", "timeout_s": 0.3, "wait_s": 20]
        ).get()
        #expect(slow["state"] == "aborted" && slow["exit_code"] == 130, "\(slow)")
        _ = try await desk.call(.closeSession, ["session_id": id]).get()
    }

    @IO private static func files(_ party: Party, _ desk: Desk) async throws {
        let folder = try TemporaryDirectory("files")
        chmod(folder.path, 0o777)
        let at: JSON.Object = ["target": "site/box", "path": .string(folder.file("a/notes"))]
        let text = String(repeating: "een \u{e9}\n", count: 20_000)
        let wrote = try await desk.call(
            .writeFile, at.with(["content": .string(text), "create_dirs": true, "mode": "0640"])
        ).get()
        #expect(wrote["size"]?.intValue == Int64(text.utf8.count), "\(wrote)")
        #expect(try String(contentsOfFile: folder.file("a/notes"), encoding: .utf8) == text)
        let mode = try FileManager.default.attributesOfItem(atPath: folder.file("a/notes"))[
            .posixPermissions]
        #expect(mode as? Int == 0o640)
        let read = try await desk.call(.readFile, at.with(["length": 1_000_000])).get()
        #expect(read["content"]?.stringValue == text && read["sha256"] == wrote["sha256"])
        let added = try await desk.call(
            .writeFile, at.with(["content": "end\n", "append": true])
        ).get()
        #expect(added["size"]?.intValue == Int64(text.utf8.count) + 4, "\(added)")
        let shorter = try await desk.call(.writeFile, at.with(["content": "short"])).get()
        #expect(shorter["size"] == 5, "\(shorter)")
        let list = try await desk.call(
            .listFiles, ["target": "site/box", "path": .string(folder.path), "depth": 2]
        ).get()
        let names = list["entries"]?.arrayValue?.compactMap { $0["path"]?.stringValue }
        #expect(names?.sorted() == ["a", "a/notes"], "\(list)")
        let missing = await desk.fault(
            .readFile, ["target": "site/box", "path": .string(folder.file("none"))])
        #expect(missing?.code == .fileNotFound, "\(String(describing: missing))")
    }

    /// Several commands, a session and files at once, on one link.
    @IO private static func channels(_ party: Party, _ desk: Desk) async throws {
        guard party.runsCommands else { return }
        let tasks = (0..<5).map { number in
            IO.task {
                await desk.call(
                    .execute,
                    [
                        "target": "site/box", "wait_s": 30,
                        "command": .string("sleep 0.1; echo \(number); exit \(number)"),
                    ])
            }
        }
        let list = await desk.fault(.listFiles, ["target": "site/box", "path": "/"])
        #expect(list == nil, "\(String(describing: list))")
        for (number, task) in tasks.enumerated() {
            let done = try await task.value.get()
            #expect(done["stdout"]?.stringValue == "\(number)\n", "\(done)")
            #expect(done["exit_code"]?.intValue == Int64(number))
        }
        #expect((desk.service.links.open.count == 1) == party.hasManyChannels)
    }

    /// More than a window in each direction, over new keys where the server asks for them.
    @IO private static func much(_ party: Party, _ desk: Desk) async throws {
        guard party.runsCommands else { return }
        let input = String(repeating: "0123456789abcdef", count: 1 << 14)
        let done = try await desk.call(
            .execute,
            [
                "target": "site/box", "wait_s": 30, "stdin": .string(input),
                "command": "wc -c; head -c 5000000 /dev/zero | tr '\\0' x",
            ]
        ).get()
        #expect(done["exit_code"] == 0, "\(done["state"] as Any) \(done["note"] as Any)")
        #expect(done["stdout"]?.stringValue?.hasPrefix("\(input.utf8.count)\n") == true)
        #expect(
            done["stdout_next_offset"]?.intValue == 5_000_007,
            "\(done["stdout_next_offset"] as Any)")
    }

    /// A silent server is asked for a sign of life, by a request that it need not know.
    @IO private static func lifeSigns(_ party: Party, _ desk: Desk) async throws {
        let known = try desk.folder.write(party.server.knownHosts, to: "known")
        var configuration = LinkConfiguration(
            host: "127.0.0.1", port: party.server.port, user: party.server.user,
            knownHosts: [known],
            authentication: [.keyFile(path: party.server.key.path, passphrase: nil)])
        configuration.limits.alive = .milliseconds(200)
        let link = try await Link.connect(configuration)
        defer { link.close() }
        // Five questions: the link would end after three without an answer.
        try await IO.sleep(for: .milliseconds(1200))
        #expect(link.isOpen)
        let files = try await link.openSFTP()
        files.close()
    }

    /// Whether a target is reachable is read from its greeting.
    @IO private static func probe(_ party: Party, _ desk: Desk) async throws {
        let other = try await Desk([("box", party.server, "")])
        let list = try await other.call(.listTargets, ["probe": true, "query": "box"]).get()
        #expect(list["targets"]?.arrayValue?.first?["reachable"] == true, "\(list)")
        await other.service.shutDown()
    }

    @IO private static func otherKey(_ party: Party, _ desk: Desk) async throws {
        let stranger = try await SSHKey.make(.ed25519, at: desk.folder.file("stranger"))
        let line = stranger.publicLine.split(separator: " ").prefix(2).joined(separator: " ")
        let block = try party.server.configuration(alias: "box")
        let name = "[127.0.0.1]:\(party.server.port)"
        for (text, code) in [
            ("\(name) \(line)\n", Fault.Code.hostKeyChanged), ("", .hostKeyUnknown),
        ] {
            let known = try desk.folder.write(text, to: "known")
            let config = try desk.folder.write(
                "Host box\n UserKnownHostsFile \(known)\n\(block)", to: "other-key")
            let other = try await Desk([])
            other.configure {
                $0.targets.sshConfig = config
                $0.targets.knownHosts = known
            }
            let fault = await other.fault(.listFiles, ["target": "site/box", "path": "/"])
            #expect(fault?.code == code, "\(String(describing: fault))")
            await other.service.shutDown()
        }
    }

    @IO private static func disconnect(_ party: Party, _ desk: Desk) async throws {
        guard party.runsCommands else { return party.cut() }
        let opened = try await desk.call(.openSession, ["target": "site/box"]).get()
        let id = try #require(opened["session_id"])
        let waiting = IO.task {
            await desk.call(
                .runCommand, ["session_id": id, "command": "echo on; sleep 61", "wait_s": 50])
        }
        #expect(
            await holds {
                let read = await desk.call(.readOutput, ["session_id": id])
                return (try? read.get())?["output"]?.stringValue?.contains("on") == true
            })
        party.cut()
        let lost = try await waiting.value.get()
        #expect(lost["state"] == "link_lost" && lost["exit_code"]?.intValue == nil, "\(lost)")
        #expect(await holds { desk.service.links.open.isEmpty })
    }

    private static func expectFilesAlone(_ answer: Result<JSON, Fault>) {
        guard case .failure(let fault) = answer else {
            Issue.record("a server of files alone ran a command: \(answer)")
            return
        }
        #expect(fault.code == .channelRefused, "\(fault)")
        #expect(fault.message.contains("files alone (SFTP)"), "\(fault)")
    }
}
