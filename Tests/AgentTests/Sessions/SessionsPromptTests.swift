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
            let long = String(repeating: "x", count: 300)
            let texts = ["echo never", "'", "é", long, "\u{1b}[200~x"]
            for text in texts {
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

    @Test(arguments: TestShell.installed)
    @IO func `ctrl-c that comes when a command ends takes nothing of the next one`(
        shell: TestShell
    ) async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(shell, home: home)
        defer { session.close() }
        // The command is over, and nobody has heard of it.
        session.console.transport.pause()
        _ = try await session.run("true", wait: .milliseconds(200))
        _ = try await session.press("ctrl-c", wait: .milliseconds(200))
        session.console.transport.resume()
        #expect(await holds { !session.isRunning })
        var obstacle = try await Self.obstacle(session, after: "a late ctrl-c")
        #expect(obstacle == nil, "\(shell)")
        // The prompt is that of the line before the ctrl-c.
        _ = try await session.press("ctrl-s", wait: .zero)
        _ = try await session.type("true", wait: .milliseconds(200))
        _ = try await session.press("ctrl-c", wait: .milliseconds(200))
        obstacle = try await Self.obstacle(session, after: "ctrl-c behind a line")
        #expect(obstacle == nil, "\(shell)")
        for delay in 15..<35 {
            _ = try await session.run("sleep 0.02", wait: .zero)
            try await Task.sleep(for: .milliseconds(delay))
            _ = try await session.press("ctrl-c", wait: .zero)
            #expect(await holds { !session.isRunning }, "\(shell), \(delay) ms")
            let obstacle = try await Self.obstacle(session, after: "ctrl-c after \(delay) ms")
            #expect(obstacle == nil, "\(shell)")
        }
    }

    @Test(arguments: TestShell.installed)
    @IO func `a line is taken whole or refused`(shell: TestShell) async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(shell, home: home)
        defer { session.close() }
        for isAtPrompt in [true, false] {
            for length in [1000, 1030, 4000, 4100, 9000] {
                let text = String(repeating: "x", count: length)
                if !isAtPrompt {
                    _ = try await session.begin("sh -c 'echo go; head -n 1 >kept'", shows: "go")
                }
                do {
                    _ = try await session.send(
                        text: isAtPrompt ? "echo \(text) >kept" : text, keys: [], enter: true,
                        wait: .seconds(5), maxBytes: 100)
                    let kept = try await session.run("cat kept; rm kept")
                    #expect(kept.output == text + "\n", "\(shell), prompt \(isAtPrompt), \(length)")
                } catch let error as Fault {
                    #expect(error.code == .invalidArgument && length > 1000, "\(shell): \(error)")
                    if !isAtPrompt { _ = try await session.press("ctrl-c", wait: .seconds(5)) }
                }
            }
        }
    }

    @Test(arguments: TestShell.installed.filter { $0 != .fish && $0 != .tcsh })
    @IO func `ctrl-c frees a shell whose prompts went away`(shell: TestShell) async throws {
        let home = try TemporaryDirectory()
        // `set -o vi` inside of eval takes bash's prompts away.
        for code in ["exec 2>&-", "set -o vi"] {
            let session = try await openSession(shell, home: home)
            defer { session.close() }
            if try await session.run(code, wait: .seconds(2)).state == .done {
                _ = try await session.run("sleep 60", wait: .milliseconds(300))
            }
            let result = try await session.press("ctrl-c", wait: .seconds(5))
            #expect(result.state != .running, "\(shell), \(code): \(result)")
            for text in ["a", "b"] {
                let result = try await session.run("echo \(text)")
                #expect(result.output == "\(text)\n", "\(shell), \(code): \(result)")
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
