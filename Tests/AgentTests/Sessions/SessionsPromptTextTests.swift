// Text and unfinished lines at an idle prompt, in every shell: whatever was typed, a command runs
// afterwards, at most after one ctrl-c that the refusal asks for.
import Loop
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite(.timeLimit(.minutes(8))) struct SessionsPromptTextTests {
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
                let obstacle = try await SessionsPromptTests.obstacle(session, after: text)
                #expect(obstacle == nil, "\(shell), kernel asked \(isAsked)")
            }
            for keys in [["ctrl-v"], ["ctrl-s"], ["ctrl-c", "ctrl-c"], ["a", "ctrl-c", "b"]] {
                _ = try await session.send(
                    text: "x", keys: keys, enter: false, wait: .zero, maxBytes: 1000)
                let obstacle = try await SessionsPromptTests.obstacle(session, after: "\(keys)")
                #expect(obstacle == nil, "\(shell), kernel asked \(isAsked)")
            }
            for line in Self.unfinished + Self.unfinished(shell) {
                let typed = try await session.type(line, wait: .milliseconds(300))
                let obstacle = try await SessionsPromptTests.obstacle(session, after: line)
                #expect(
                    obstacle == nil, "\(shell), kernel asked \(isAsked); it was \(typed)")
            }
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
}
