// Where a command's input and output end: processes that are left behind with the output, and input
// without a newline on a terminal. Against a real sshd, and at the agent.
import Glibc
import Loop
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite(.timeLimit(.minutes(2))) struct HeldOutputTests {
    @Test(arguments: ["box", "local"])
    func `a process that is left behind with the output does not keep a command running`(
        host: String
    ) async throws {
        try await withCommands(host) { setup in
            let result = try await setup.run("sleep 300 & echo $!; exit 3", on: host)
            let left = try #require(
                pid_t(result.stdout.text.trimmingPrefix { $0 == "\n" }.prefix { $0.isNumber }))
            defer { kill(left, SIGKILL) }
            #expect(result.state == .done && result.exitCode == 3, "\(result)")
            #expect(result.note?.contains(">FILE 2>&1 &") == true, "\(result)")
            #expect(kill(left, 0) == 0)
            #expect(result.durationMS < 30_000)
        }
    }

    @Test func `output that comes after the exit status is awaited`() async throws {
        try await withCommands("box") { setup in
            // Each pause is shorter than the silence that counts as the end.
            let result = try await setup.run(
                "(for i in 1 2 3 4; do sleep 0.9; echo $i; done) & exit 0")
            #expect(result.stdout.text == "1\n2\n3\n4\n" && result.note == nil, "\(result)")
        }
    }

    @Test(arguments: ["box", "local"], ["abc", "abc\n"])
    func `input ends on a terminal, also within a line`(host: String, input: String) async throws {
        try await withCommands(host) { setup in
            let result = try await setup.run("cat; echo end", on: host) {
                $0.hasTerminal = true
                $0.input = input
                $0.timeout = .seconds(20)
            }
            #expect(result.state == .done && result.exitCode == 0, "\(result)")
            #expect(result.stdout.text.contains("end") && result.stdout.text.contains("abc"))
        }
    }
}
