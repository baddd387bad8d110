// Sessions with the start-up files that people have, read at login and in mid-session: every state
// is right, the next command runs, and nothing of our own is seen.
import Loop
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite(.timeLimit(.minutes(8))) struct DotfileKitTests {
    @Test(arguments: Dotfile.all)
    @IO func `a start-up file changes no answer`(file: Dotfile) async throws {
        for isAtLogin in [true, false] {
            let home = try TemporaryDirectory()
            _ = try home.folder(".config/fish")
            try home.write(file.text + "\n", to: isAtLogin ? file.path : "rc")
            let session = try await openSession(
                file.shell, home: home,
                environment: isAtLogin ? ["ENV": home.path + "/" + file.path] : [:])
            defer { session.close() }
            if !isAtLogin {
                // A file with an error may end its reading early: its status is not looked at.
                if file.leadsTo != nil { continue }
                _ = try await session.run(file.shell == .tcsh ? "source rc" : ". ./rc")
                #expect(await holds { !session.isRunning })
                // Else the next answer says that there is output which none has shown.
                _ = try await session.read(
                    offset: nil, wait: .zero, raw: false, maxBytes: 10_000)
            }
            let problems = try await problems(session, file, isAtLogin: isAtLogin)
            let when = isAtLogin ? "at login" : "later"
            #expect(problems.isEmpty, "\(file.testDescription), \(when): \(problems)")
        }
    }

    /// What is not as it is in a shell without the file.
    @IO private func problems(
        _ session: Session, _ file: Dotfile, isAtLogin: Bool
    ) async throws -> [String] {
        var problems: [String] = []
        func expect(
            _ code: String, _ state: CommandState = .done, exit: Int = 0, output: String? = nil
        ) async throws {
            let result = try await session.run(code)
            if result.state != state || state == .done && result.exitCode != exit
                || output.map({ result.output != $0 }) == true || result.note != nil
                || result.output.contains("133;") || result.output.contains("__")
            {
                problems.append(
                    "\(code): \(result.state) \(result.exitCode ?? -1), "
                        + "\(result.output.debugDescription), \(result.note ?? "")")
            }
        }
        try await expect("echo ok", output: "ok\n")
        try await expect("sh -c 'exit 3'", exit: 3)
        // A prompt function that a command of fish defines is replaced before it runs.
        if let effect = file.effect, isAtLogin || file.shell != .fish {
            try await expect(effect.command, output: effect.output)
        }
        try await expect("cd /", output: file.text.contains("; ls") ? nil : "")
        try await expect("echo ok", output: "ok\n")
        // Longer than the time in which a prompt is waited for.
        let begin = IO.now
        for _ in 0..<3 { try await expect("echo ok", output: "ok\n") }
        if IO.now - begin > .seconds(5) { problems.append("slow: \(IO.now - begin)") }
        for isTimeout in [false, true] {
            let waiting = try await session.run(
                "sleep 60", wait: isTimeout ? .seconds(20) : .milliseconds(300),
                timeout: isTimeout ? .milliseconds(500) : nil, maxBytes: 1000)
            let ended = isTimeout ? waiting : try await session.press("ctrl-c", wait: .seconds(20))
            if ended.state != .aborted {
                problems.append("interrupted: \(ended)")
                return problems
            }
            try await expect("echo ok", output: "ok\n")
        }
        return problems
    }
}
