// A line that a client types at the prompt and does not finish: the state says so, the next
// command's refusal names the calls that lead on, and both of them work.
import Foundation
import JSON
import Loop
import Support
import Terminal
import Testing
import Wire

@testable import homeline_agent

@Suite(.serialized, .timeLimit(.minutes(3))) struct SessionsIncompleteTests {
    /// Opened, so that the shell wants more; what ends it, and what that prints.
    static func unfinished(_ shell: TestShell) -> [(open: String, rest: String, output: String)] {
        switch shell {
        case .tcsh: [("foreach x (1 2)", "echo $x\nend", "1\n2\n")]
        case .fish:
            [("echo 'abc", "def'", "abc\ndef\n"), ("for x in 1 2", "echo $x\nend", "1\n2\n")]
        case .bash, .dash, .ash, .zsh, .mksh:
            [
                ("echo 'abc", "def'", "abc\ndef\n"),
                ("for x in 1 2; do", "echo $x; done", "1\n2\n"),
                ("cat <<END", "text\nEND", "text\n"),
            ]
        }
    }

    /// The calls that a refusal names.
    private static func calls(_ message: String) -> [String] {
        message.matches(of: /\{[^}]*\}/).map { String($0.output) }
    }

    @Test(arguments: TestShell.installed)
    @IO func `a refusal after an unfinished line names the calls that lead on`(shell: TestShell)
        async throws
    {
        let home = try TemporaryDirectory()
        let session = try await openSession(shell, home: home)
        defer { session.close() }
        for line in Self.unfinished(shell) {
            for isGivenUp in [true, false] {
                let open = try await session.type(line.open, wait: .seconds(2))
                // fish and tcsh print no mark where they want more.
                let marks = shell != .fish && shell != .tcsh
                #expect(open.state == (marks ? .incomplete : .running), "\(line): \(open)")
                var message = ""
                do {
                    _ = try await session.run("echo no")
                    Issue.record("\(line): it ran")
                } catch { message = (error as? Fault)?.message ?? "" }
                #expect(
                    Self.calls(message) == [#"{"text": …}"#, #"{"keys": ["ctrl-c"]}"#],
                    "\(line): \(message)")
                if isGivenUp {
                    _ = try await session.type("", keys: ["ctrl-c"], wait: .seconds(5))
                } else {
                    let over = try await session.type(line.rest, wait: .seconds(10))
                    #expect(over.state == .done, "\(line): \(over)")
                    #expect(over.output.hasSuffix(line.output), "\(line): \(over)")
                }
                let result = try await session.run("echo ok")
                #expect(result.output == "ok\n", "\(line) \(isGivenUp): \(result)")
            }
        }
    }
}
