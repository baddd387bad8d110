// A step of a row: what is done to the session, and what its answer must say.
// Invariant: what a step does not name is not checked, but for what holds of every answer
// (Honesty).
import Foundation
import Loop
import Support
import Terminal
import Wire

@testable import homeline_agent

/// One action and its answer.
struct Step: Sendable {
    /// What is done.
    enum Action: Sendable {
        case run(String)
        case type(String)
        case press([String])
        case read
        case adopt
        /// A second command while the first runs.
        case second(String)
        case cut
        case stall(Duration)
        /// Nothing passes until it is released.
        case hold, release
        case check(String, @IO @Sendable (Session, Lane.Place) async throws -> Bool)
    }

    var action: Action
    /// The states that are right.
    var states: [CommandState] = []
    var exit: Int?
    var signal: String?
    var output: Text?
    var prompt: Text?
    var foreground: Text?
    var evidence: [Evidence]?
    /// The shell in the foreground is one whose marks are not seen.
    var hasLostMarks = false
    /// What the answer's note says.
    var note: Text?
    /// How many bytes the output has.
    var bytes: Int?
    /// The bytes of the output as the program wrote them.
    var raw: [UInt8]?
    /// How long the answer is waited for; nil: as long as a command's default.
    var wait: Duration?

    /// The default of `wait_s`.
    static let usualWait = Duration.seconds(10)
    /// To see that something runs.
    static let glance = Duration.milliseconds(600)

    private init(
        _ action: Action, _ states: [CommandState], _ exit: Int?, _ output: Text?, _ prompt: Text?,
        _ foreground: Text?, _ evidence: [Evidence]?, _ wait: Duration?
    ) {
        self.action = action
        self.states = states
        self.exit = exit ?? (states == [.done] ? 0 : nil)
        (self.output, self.prompt, self.foreground) = (output, prompt, foreground)
        (self.evidence, self.wait) = (evidence, wait)
    }

    /// Runs code.
    static func run(
        _ code: String, _ states: CommandState..., exit: Int? = nil, out: Text? = nil,
        prompt: Text? = nil, by foreground: Text? = nil, evidence: [Evidence]? = nil,
        wait: Duration? = nil
    ) -> Step {
        Step(
            .run(code), states.isEmpty ? [.done] : states, exit, out, prompt, foreground, evidence,
            wait)
    }

    /// Types a line.
    static func type(
        _ text: String, _ states: CommandState..., exit: Int? = nil, out: Text? = nil,
        prompt: Text? = nil, by foreground: Text? = nil, wait: Duration? = nil
    ) -> Step {
        Step(
            .type(text), states.isEmpty ? [.done] : states, exit, out, prompt, foreground, nil, wait
        )
    }

    /// Presses keys, one after the other: names, or single characters.
    static func press(
        _ keys: [String], _ states: CommandState..., exit: Int? = nil, out: Text? = nil,
        prompt: Text? = nil, by foreground: Text? = nil, wait: Duration? = nil
    ) -> Step {
        Step(
            .press(keys), states.isEmpty ? [.done] : states, exit, out, prompt, foreground, nil,
            wait)
    }

    /// Reads what the newest command wrote.
    static func read(_ states: CommandState..., out: Text? = nil, wait: Duration? = nil) -> Step {
        Step(.read, states.isEmpty ? [.done] : states, nil, out, nil, nil, nil, wait)
    }

    /// Takes over the shell that a command brought.
    static let adopt: Step = {
        var step = Step(.adopt, [.done], nil, nil, nil, nil, [.mark], .seconds(20))
        step.exit = nil
        return step
    }()
    /// Runs a second command, which must be refused.
    static func second(_ code: String) -> Step { Step(.second(code)) }
    /// Cuts the link.
    static let cut = Step(.cut)
    /// Nothing passes any more.
    static let hold = Step(.hold)
    /// What was held passes on.
    static let release = Step(.release)
    /// Nothing passes for a time.
    static func stall(_ time: Duration) -> Step { Step(.stall(time)) }
    /// Something that must hold of the session before long.
    static func check(
        _ name: String, _ holds: @escaping @IO @Sendable (Session) async throws -> Bool
    ) -> Step {
        Step(.check(name) { session, _ in try await holds(session) })
    }
    /// A program has said something: it is as far as that.
    static func said(_ text: String) -> Step {
        .check(text) { $0.log.bytes(0..<$0.log.end).contains(Array(text.utf8)) }
    }
    /// A program runs, and is no copy of its shell any more.
    ///
    /// dash, on its way to start one, loses an interrupt.
    static func runs(_ program: String) -> Step {
        .check("\(program) runs") { session in
            await session.console.asker.ask()?.processes.contains { $0.name == program } ?? false
        }
    }
    /// Makes a file in the home of the row's server.
    static func file(_ name: String) -> Step {
        Step(
            .check("\(name) is there") { _, place in
                try place.server.directory.write("", to: "home/" + name)
                return true
            })
    }
    /// Lines that commands have added to a file in the home of the row's server.
    static func lines(_ count: Int, in name: String) -> Step {
        Step(
            .check("\(count) lines in \(name)") { _, place in
                let path = place.server.directory.file("home/" + name)
                let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
                return text.split(separator: "\n").count == count
            })
    }

    private init(_ action: Action) { self.action = action }

    /// The same where another shell has come.
    var withoutMarks: Step {
        var step = self
        step.hasLostMarks = true
        return step
    }
    /// The same with a word on it.
    func noting(_ note: Text) -> Step {
        var step = self
        step.note = note
        return step
    }
    /// The same with the output's size.
    func of(bytes: Int) -> Step {
        var step = self
        step.bytes = bytes
        return step
    }
    /// The same with the output's very bytes.
    func of(raw: String) -> Step {
        var step = self
        step.raw = Array(raw.utf8)
        return step
    }
    /// The same with the output's very bytes.
    func of(raw: [UInt8]) -> Step {
        var step = self
        step.raw = raw
        return step
    }
    /// The same with the signal that ended it.
    func by(signal: String) -> Step {
        var step = self
        step.signal = signal
        return step
    }
}
