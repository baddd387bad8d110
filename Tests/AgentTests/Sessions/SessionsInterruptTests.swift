// Ctrl-C between a command and the next one, in every shell: it ends what it is meant for, and
// takes nothing of what comes after.
import Foundation
import Loop
import Support
import Terminal
import Testing
import Wire

@testable import homeline_agent

@Suite(.serialized, .timeLimit(.minutes(8))) struct SessionsInterruptTests {
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
        var obstacle = try await SessionsPromptTests.obstacle(session, after: "a late ctrl-c")
        #expect(obstacle == nil, "\(shell)")
        // The prompt is that of the line before the ctrl-c.
        _ = try await session.press("ctrl-s", wait: .zero)
        _ = try await session.type("true", wait: .milliseconds(200))
        _ = try await session.press("ctrl-c", wait: .milliseconds(200))
        obstacle = try await SessionsPromptTests.obstacle(session, after: "ctrl-c behind a line")
        #expect(obstacle == nil, "\(shell)")
        for delay in 15..<35 {
            _ = try await session.run("sleep 0.02", wait: .zero)
            try await Task.sleep(for: .milliseconds(delay))
            _ = try await session.press("ctrl-c", wait: .zero)
            #expect(await holds { !session.isRunning }, "\(shell), \(delay) ms")
            let obstacle = try await SessionsPromptTests.obstacle(
                session, after: "ctrl-c after \(delay) ms")
            #expect(obstacle == nil, "\(shell)")
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

    /// The shell reads on, and must not get a line of ours for the answer.
    @Test(arguments: [TestShell.bash, .dash, .mksh].filter(\.isInstalled))
    @IO func `a question that ignores ctrl-c is not answered`(shell: TestShell) async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(shell, home: home)
        defer { session.close() }
        let asked = try await session.run("trap '' INT; printf 'Name: '; read x; echo got $x")
        #expect(asked.state == .lineInput && asked.prompt == "Name: ", "\(asked)")
        let after = try await session.press("ctrl-c", wait: .seconds(3))
        #expect(after.state == .lineInput || after.state == .running, "\(after)")
        // Longer than the shell is looked for at a prompt.
        #expect(await !holds(within: .seconds(12)) { !session.isRunning })
        let answered = try await session.type("me")
        #expect(answered.state == .done && answered.output.hasSuffix("got me\n"), "\(answered)")
    }

    /// A prompt that takes long (powerline) is built while the next line is typed: a Ctrl-C ends
    /// the building, and the terminal drops the line.
    @Test(arguments: [
        (TestShell.bash, "slow() { echo >>built; sleep 3; PS1='> '; }; PROMPT_COMMAND=slow"),
        (.zsh, "precmd() { echo >>built; sleep 3; PROMPT='> ' }"),
        (.tcsh, "alias precmd 'echo >>built; sleep 3'"),
    ])
    @IO func `ctrl-c while a prompt is built frees the session`(
        shell: TestShell, hook: String
    ) async throws {
        guard shell.isInstalled else { return }
        let home = try TemporaryDirectory()
        let session = try await openSession(shell, home: home)
        defer { session.close() }
        func built() -> Int {
            FileManager.default.contents(atPath: home.file("built"))?.count ?? 0
        }
        _ = try await session.run(hook)
        for round in 0..<2 {
            let before = built()
            _ = try await session.run("true")
            #expect(await holds { built() > before })
            _ = try await session.run("sleep 60", wait: .milliseconds(400))
            let result = try await session.press("ctrl-c", wait: .seconds(10))
            #expect(result.state == .aborted, "\(shell), \(round): \(result)")
            guard !session.isRunning else { return }
            let next = try await session.run("echo ok")
            #expect(next.output == "ok\n", "\(shell), \(round): \(next)")
        }
    }

    /// A Ctrl-C makes the terminal drop a line that the shell has not read yet.
    @Test(arguments: TestShell.installed)
    @IO func `a command whose line the shell never read is aborted`(shell: TestShell) async throws {
        let home = try TemporaryDirectory()
        let (session, transport) = try await SessionsAdoptTests.muteSession(home, shell)
        defer { session.close() }
        transport.drops = ["sleep 60"]
        _ = try await session.run("sleep 60", wait: .milliseconds(300))
        _ = try await session.press("ctrl-c", wait: .seconds(1))
        #expect(await holds { !session.isRunning })
        #expect(session.command?.outcome?.state == .aborted)
        #expect(try await session.run("echo ok").output == "ok\n")
    }

    /// The kernel's answer comes later than the caller of the ctrl-c waits for it.
    @Test(arguments: [true, false])
    @IO func `a shell at a prompt without its mark is found on a busy host`(isTimeout: Bool)
        async throws
    {
        let home = try TemporaryDirectory()
        let (session, transport) = try await SessionsAdoptTests.muteSession(home, .dash)
        defer { session.close() }
        _ = try await session.run(
            "PS1='> '; sleep 60", wait: .milliseconds(300),
            timeout: isTimeout ? .milliseconds(100) : nil, maxBytes: 1000)
        transport.delay = .seconds(2)
        if !isTimeout { _ = try await session.press("ctrl-c", wait: .zero) }
        #expect(await holds { !session.isRunning })
        transport.delay = .zero
        #expect(try await session.run("echo ok").output == "ok\n")
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
