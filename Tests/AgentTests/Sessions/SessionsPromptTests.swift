// Keys at an idle prompt, in every shell: whatever was pressed, a command runs afterwards, at most
// after one ctrl-c that the refusal asks for.
import Loop
import Support
import Terminal
import Testing
import Wire

@testable import homeline_agent

@Suite(.serialized, .timeLimit(.minutes(8))) struct SessionsPromptTests {
    /// Runs `echo ok`, after one ctrl-c where that is asked for; nil: it ran.
    @IO static func obstacle(_ session: Session, after what: String) async throws -> String? {
        for attempt in 1...2 {
            do throws(Fault) {
                let result = try await session.run(
                    "echo ok", wait: .seconds(20), timeout: nil, maxBytes: 1000)
                guard result.state == .done, result.output == "ok\n" else {
                    return "after \(what): \(result)"
                }
                return nil
            } catch {
                guard attempt == 1, error.code == .busy, error.message.contains("ctrl-c") else {
                    return "after \(what): \(error)"
                }
                _ = try await session.press("ctrl-c", wait: .seconds(2))
            }
        }
        return nil
    }

    @Test(arguments: TestShell.installed)
    @IO func `no key at an idle prompt locks a session`(shell: TestShell) async throws {
        let home = try TemporaryDirectory()
        var session = try await openSession(shell, home: home)
        defer { session.close() }
        for key in Keys.names {
            let result = try await session.press(key, wait: .zero)
            if await holds(
                within: .milliseconds(key == "ctrl-d" ? 5000 : 0), { session.end != nil })
            {
                #expect(key == "ctrl-d")
                session = try await openSession(shell, home: home)
                continue
            }
            if let obstacle = try await Self.obstacle(session, after: key) {
                Issue.record("\(shell): \(obstacle); it was \(result)")
                session.close()
                session = try await openSession(shell, home: home)
            }
        }
    }

    @Test(.needs("fish")) @IO
    func `a line that fish keeps while a key runs a program takes no part in the next command`()
        async throws
    {
        let home = try TemporaryDirectory()
        let session = try await openSession(.fish, home: home)
        defer { session.close() }
        let binding = "bind \\cg 'sleep 1; commandline -f repaint'"
        #expect(try await session.run(binding).exitCode == 0)
        #expect(try await session.run("echo again >>again; echo old").output == "old\n")
        for keys in [["ctrl-g"], ["ctrl-g", "ctrl-c"]] {
            _ = try await session.send(
                text: "echo kept", keys: [], enter: false, wait: .zero, maxBytes: 1000)
            for key in keys { _ = try await session.press(key, wait: .milliseconds(300)) }
            try await Task.sleep(for: .seconds(1))
            let result = try await session.run("cat again")
            #expect(result.output == "again\n", "\(keys): \(result)")
        }
    }
}
