// Keys, text and unfinished lines at an idle prompt, in every shell: whatever was typed, a command
// runs afterwards, at most after one ctrl-c that the refusal asks for.
import Loop
import Support
import Terminal
import Testing
import Wire

@testable import homeline_agent

@Suite(.serialized, .timeLimit(.minutes(10))) struct SessionsPromptTests {
    /// Lines that no shell takes for complete, or that take its prompt's mark away.
    static let unfinished = ["echo 'abc", "echo \"abc", "echo $(", "cat <<E", "echo a \\"]
    static func unfinished(_ shell: TestShell) -> [String] {
        switch shell {
        case .fish:
            [
                "if true", "if true\necho <<E\nend", "for i in 1 2", "begin",
                "function fish_prompt; echo; end",
            ]
        case .tcsh: ["foreach i (1 2)", "while (1)", "set prompt='> '"]
        case .bash, .dash, .ash, .zsh, .mksh:
            ["if true; then", "for i in 1 2", "while :; do", "{", "f() {", "PS1='$ '; PS2="]
        }
    }

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

    @Test(arguments: TestShell.installed)
    @IO func `no text and no unfinished line at an idle prompt locks a session`(
        shell: TestShell
    ) async throws {
        let home = try TemporaryDirectory()
        for isAsked in [true, false] {
            let (session, transport) = try await SessionsAdoptTests.muteSession(home, shell)
            defer { session.close() }
            if !isAsked { transport.answers = 0 }
            for text in ["echo never", "'", "é", String(repeating: "x", count: 300)] {
                _ = try await session.send(
                    text: text, keys: [], enter: false, wait: .zero, maxBytes: 1000)
                let obstacle = try await Self.obstacle(session, after: text)
                #expect(obstacle == nil, "\(shell), kernel asked \(isAsked)")
            }
            for keys in [["ctrl-v"], ["ctrl-s"], ["ctrl-c", "ctrl-c"], ["a", "ctrl-c", "b"]] {
                _ = try await session.send(
                    text: "x", keys: keys, enter: false, wait: .zero, maxBytes: 1000)
                let obstacle = try await Self.obstacle(session, after: "\(keys)")
                #expect(obstacle == nil, "\(shell), kernel asked \(isAsked)")
            }
            for line in Self.unfinished + Self.unfinished(shell) {
                let typed = try await session.type(line, wait: .milliseconds(300))
                let obstacle = try await Self.obstacle(session, after: line)
                #expect(
                    obstacle == nil, "\(shell), kernel asked \(isAsked); it was \(typed)")
            }
        }
    }

    @Test(arguments: TestShell.installed)
    @IO func `ctrl-c at an idle prompt is over at once`(shell: TestShell) async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(shell, home: home)
        defer { session.close() }
        for keys in [["ctrl-c"], ["a", "b", "ctrl-c"]] {
            let result = try await session.send(
                text: "", keys: keys, enter: false, wait: .seconds(10), maxBytes: 1000)
            #expect(result.state == .done, "\(result)")
            #expect(result.evidence == [.mark])
            #expect(result.durationMS < 5000)
        }
    }

    @Test(arguments: TestShell.installed)
    @IO func `what a typed line started is not interrupted for a command`(shell: TestShell)
        async throws
    {
        let home = try TemporaryDirectory()
        let session = try await openSession(shell, home: home)
        defer { session.close() }
        let typed = try await session.type(
            "sh -c 'echo go; sleep 60; echo never'", wait: .seconds(1))
        #expect(typed.state == .running)
        do {
            let result = try await session.run("echo ok", wait: .seconds(5))
            Issue.record("\(result)")
        } catch let error as Fault {
            #expect(error.code == .busy && error.message.contains("ctrl-c"), "\(error)")
        }
        let over = try await session.press("ctrl-c", wait: .seconds(10))
        #expect(over.state == .done, "\(over)")
        #expect(try await session.run("echo ok").output == "ok\n")
        let shown = String(decoding: session.log.bytes(0..<session.log.end), as: UTF8.self)
        #expect(!shown.contains("\nnever"), "\(shown)")
    }
}
