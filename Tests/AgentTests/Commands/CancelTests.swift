// What cancelling ends: all that a command started, whatever that did to stay; and what is said
// where that is not certain.
import Foundation
import JSON
import Loop
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite(.timeLimit(.minutes(2))) struct CancelTests {
    /// Starts processes that stay, each in its own way; each writes its id into a file.
    private static func tree(_ file: String) -> String {
        """
        nohup sh -c 'echo $$ >>\(file); exec sleep 71' >/dev/null 2>&1 &
        (sh -c 'echo $$ >>\(file); exec sleep 72' &)
        sh -c 'trap "" TERM HUP; echo $$ >>\(file); while :; do sleep 0.2; done' &
        env -i /bin/sh -c 'echo $$ >>\(file); exec /bin/sleep 73' &
        setsid sh -c 'echo $$ >>\(file); exec sleep 74' &
        echo $$ >>\(file); wait; sleep 75
        """
    }

    private static func processes(_ file: String) -> [Int32] {
        let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").compactMap { Int32($0) }
    }

    /// Whether a process runs; one that has ended may wait for its parent.
    static func runs(_ process: Int32) -> Bool {
        let path = "/proc/\(process)/stat"
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return false }
        let state = text.split(separator: ")").last?.dropFirst().first
        return state != "Z" && state != "X"
    }

    @Test(arguments: ["box", "local"])
    func `cancelling ends all of the tree, and says so when it is gone`(host: String) async throws {
        try await withCommands(host) { setup in
            let file = setup.directory.file("pids")
            let begun = try await setup.run(Self.tree(file), on: host) { $0.isBackground = true }
            #expect(await holds { Self.processes(file).count == 6 })
            let start = IO.now
            let over = try await setup.commands.cancel(
                CancelCommand(Fields(["command_id": .string(begun.commandID)])), maxBytes: 1000)
            #expect(over.state == .cancelled && over.note == nil, "\(over)")
            #expect(IO.now - start > .seconds(4), "what ignores TERM has its time")
            let left = Self.processes(file).filter(Self.runs)
            #expect(left.isEmpty)
            for process in left { kill(process, SIGKILL) }
            #expect(setup.commands.places.taken == 0)
        }
    }

    @Test(arguments: ["sleep 78; touch FILE", "while :; do sleep 0.1; done"])
    func `the shell of a command over SSH ends with it`(command: String) async throws {
        try await withCommands("box") { setup in
            let file = setup.directory.file("second")
            let begun = try await setup.run(
                "echo $$; " + command.replacing("FILE", with: file)
            ) { $0.isBackground = true }
            let first = try await setup.output(begun.commandID, wait: .seconds(20))
            let shell = try #require(Int32(first.stdout.text.dropLast()))
            let over = try await setup.commands.cancel(
                CancelCommand(Fields(["command_id": .string(begun.commandID)])), maxBytes: 1000)
            #expect(over.state == .cancelled && over.note == nil, "\(over)")
            #expect(!Self.runs(shell))
            #expect(!FileManager.default.fileExists(atPath: file))
            if Self.runs(shell) { kill(shell, SIGKILL) }
        }
    }

    @Test func `a first process without the mark ends here too`() async throws {
        try await withCommands("local") { setup in
            let begun = try await setup.run("exec env -i /bin/sleep 76", on: "local") {
                $0.isBackground = true
            }
            let over = try await setup.commands.cancel(
                CancelCommand(Fields(["command_id": .string(begun.commandID)])), maxBytes: 1000)
            #expect(over.state == .cancelled && over.note == nil, "\(over)")
            #expect(over.signal == "TERM")
        }
    }

    @Test func `an end that nothing confirms is called so`() async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        let result = await IO.task { () async -> Result<Void, any Error> in
            do {
                let setup = try CommandSetup(server)
                defer { setup.links.shutDown() }
                let begun = try await setup.run("echo $$; trap '' TERM; sleep 77") {
                    $0.isBackground = true
                }
                let first = try await setup.output(begun.commandID, wait: .seconds(10))
                let process = Int32(first.stdout.text.dropLast()) ?? 0
                defer { kill(process, SIGKILL) }
                let cancelling = IO.task {
                    try? await setup.commands.cancel(
                        CancelCommand(Fields(["command_id": .string(begun.commandID)])),
                        maxBytes: 1000)
                }
                let run = try setup.commands.find(begun.commandID)
                #expect(await holds { run.ending != nil })
                server.cutConnections()
                let over = try #require(await cancelling.value)
                #expect(over.state == .cancelled && over.exitCode == nil, "\(over)")
                #expect(over.note?.hasPrefix("its end is not confirmed: ") == true, "\(over)")
                return .success(())
            } catch {
                return .failure(error)
            }
        }.value
        try result.get()
    }

    @Test func `the host's answer is read as it is meant`() {
        func sweep(_ text: String) -> Sweep { Sweep(answer: Array(text.utf8)) }
        #expect(sweep("homeline:gone\n") == .gone)
        #expect(sweep("Welcome!\nhomeline:left 12 34\n") == .left(["12", "34"]))
        #expect(sweep("homeline:blind\n") == .unknown("its host shows no processes"))
        for text in ["", "sh: not found\n"] {
            #expect(sweep(text) == .unknown("its host ran nothing that could look"))
        }
        #expect(Sweep(answer: nil) != .gone)
    }
}
