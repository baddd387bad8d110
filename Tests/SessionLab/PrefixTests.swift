// Scripts that were cut short: where the shell's own parser takes the prefix, a session answers as
// the shell itself does; where it does not, nothing of it has run, or the answer says what has.
// Prints its seed (HOMELINE_LAB_SEED repeats a run) and the counts.
import Foundation
import Loop
import Support
import Terminal
import Testing
import Wire

@testable import homeline_agent

/// Plays prefixes in one shell.
@IO private final class Prefixes {
    private let shell: Shell
    private let lane: Lane
    private let folder: TemporaryDirectory
    private let whole: Set<String>
    private var session: Session?
    private(set) var played = 0
    private(set) var wrong: [String] = []

    init(_ scripts: Scripts) throws {
        shell = scripts.shell
        whole = Set(scripts.all)
        folder = try TemporaryDirectory()
        lane = Lane(shell, line: Line(), accounts: [])
    }

    /// What the shell itself makes of a prefix; `output` nil: its parser refuses it.
    private struct Reference: Sendable {
        var output: String?
        var exit: Int32?
    }

    func play(_ prefixes: [String]) async throws {
        for prefix in prefixes {
            played += 1
            if let reason = try await obstacle(prefix) {
                wrong.append("\(shell), \(prefix.debugDescription): \(reason)")
                session?.close()
                session = nil
            }
        }
        session?.close()
        await lane.close()
    }

    private func obstacle(_ prefix: String) async throws -> String? {
        if session == nil { session = try await lane.session(.plain).0 }
        guard let session else { return "no session" }
        let expected = try await reference(prefix)
        let result: CommandResult
        do {
            result = try await session.run(
                prefix, wait: .seconds(20), timeout: nil, maxBytes: 100_000)
        } catch { return "\(error)" }
        if let reason = judge(result, expected, isWhole: whole.contains(prefix)) {
            return "\(reason): \(result)"
        }
        do {
            let next = try await session.run(
                "echo ok", wait: .seconds(20), timeout: nil, maxBytes: 1000)
            // A job that has ended is reported beside it.
            return next.output.split(separator: "\n").contains("ok") && next.state == .done
                ? nil : "then: \(next)"
        } catch { return "then: \(error)" }
    }

    private func judge(
        _ result: CommandResult, _ expected: Reference, isWhole: Bool
    ) -> String? {
        // tcsh has no parser of its own: it finds what is missing when it comes to it.
        if shell == .tcsh, !isWhole {
            return [.done, .incomplete, .aborted].contains(result.state) ? nil : "not over"
        }
        let output = Self.own(result.output)
        let admits = result.note?.contains("before the error") == true
        guard let wanted = expected.output else {
            // fish reports an expansion that it cannot parse as status 121; bash reports a command
            // substitution, and goes on behind it; zsh takes our line into `if true { (`, which it
            // gives up.
            let isRefused =
                switch shell {
                case .fish: result.exitCode == 121
                case .bash: result.exitCode == 1 && result.output.hasPrefix("bash: ")
                case .zsh: result.exitCode == 1 && result.note?.contains("gave up") == true
                case .dash, .ash, .mksh, .tcsh: false
                }
            guard isRefused || [.incomplete, .aborted].contains(result.state) else {
                return "parsed"
            }
            return output.isEmpty || admits ? nil : "a part has run"
        }
        // zsh takes a loop without a body, and an operator without an operand, for complete.
        if shell == .zsh, result.state == .aborted, output.isEmpty, wanted.isEmpty { return nil }
        // A here-document without its end takes in our sentinel: what ran before it is reported.
        if result.state == .aborted, output == wanted, admits { return nil }
        guard result.state == .done else { return "not done" }
        if output != wanted { return "the output is not \(wanted.debugDescription)" }
        guard let exit = expected.exit, result.exitCode != Int(exit) else { return nil }
        return "the exit code is not \(exit)"
    }

    /// What the script itself printed: messages of a shell name it in its own way.
    private static func own(_ output: String) -> String {
        output.split(separator: "\n").filter { $0.hasPrefix("out") }.joined(separator: "\n")
    }

    private func reference(_ prefix: String) async throws -> Reference {
        let words = (shell.command ?? "").split(separator: " ").map(String.init)
        // A session ends code with a line feed.
        let text = prefix + "\n"
        let file = try folder.write(text, to: "script")
        func run(_ options: [String]) async throws -> RunningProcess {
            let process = try RunningProcess(
                words[0], Array(words.dropFirst()) + options,
                environment: ["HOME": folder.path, "PATH": "/usr/local/bin:/usr/bin:/bin"],
                directory: folder.path)
            // zsh runs `while true` without a body for ever.
            _ = try? await process.finished(within: .seconds(3))
            await process.stop()
            return process
        }
        let parsed: [String] =
            switch shell {
            case .fish: ["--no-execute", file]
            case .zsh: ["-f", "-n", "-c", text]
            // It parses while it runs.
            case .tcsh: ["-f", "-c", "true"]
            case .bash, .dash, .ash, .mksh: ["-n", "-c", text]
            }
        let parser = try await run(parsed)
        // bash's parser accepts `[[ a ]` after its message, and zsh's inverts its status for `!`.
        let isRefused =
            shell == .zsh ? !parser.errors.isEmpty : parser.errors.contains("syntax error")
        if isRefused || shell != .zsh && parser.end != .exited(0) { return Reference() }
        let process = try await run(
            shell == .tcsh ? ["-f", file] : (shell == .zsh ? ["-f"] : []) + ["-c", text])
        guard case .exited(let code) = process.end else { return Reference() }
        return Reference(output: Self.own(process.output), exit: code)
    }
}

@Suite struct PrefixTests {
    static let environment = ProcessInfo.processInfo.environment
    /// Prefixes per shell.
    static let count = SessionLabTests.isLong ? 1700 : 72
    /// The short run plays the same prefixes each time; `make lab` plays others.
    static let seed =
        environment["HOMELINE_LAB_SEED"].flatMap(UInt64.init)
        ?? (SessionLabTests.isLong ? UInt64.random(in: 0..<1_000_000) : 10)

    @Test(.timeLimit(.minutes(15)), arguments: SessionLabTests.shells)
    @IO func `a script that was cut short is judged as its shell does`(shell: Shell) async throws {
        let scripts = Scripts(shell: shell)
        #expect(Set(scripts.all).count >= 300 || shell == .tcsh)
        var random = Seeded(state: Self.seed)
        let chosen = scripts.prefixes.shuffled(using: &random).prefix(Self.count)
        let prefixes = try Prefixes(scripts)
        try await prefixes.play(Array(chosen))
        print(
            "prefixes in \(shell): \(prefixes.played), wrong \(prefixes.wrong.count); seed \(Self.seed)"
        )
        for wrong in prefixes.wrong { Issue.record("\(wrong)") }
    }
}
