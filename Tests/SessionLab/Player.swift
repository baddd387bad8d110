// Plays one row in one shell: does each step, judges its answer, asks again where the answer was
// late, and writes down what was wrong. Invariant: returns within its rows' waits, whatever
// happens; a row stops at its first wrong answer.
import Loop
import Support
import Terminal
import Wire

@testable import homeline_agent

/// What came of a row in one shell.
struct Verdict: Sendable {
    var topic: Case
    var shell: Shell
    /// Answers whose state could be known.
    var answers = 0
    /// Of these, those that said `running` at first.
    var late: [String] = []
    /// What was wrong; empty: nothing.
    var wrong: [String] = []
    var took = Duration.zero
}

/// One row, played once.
@IO final class Player {
    private let row: Row
    private let lane: Lane
    private var verdict: Verdict
    private var secrets: [String] = []
    private var last: CommandResult?

    /// A late answer is asked again for so long.
    private static let patience = Duration.seconds(40)

    init(_ row: Row, _ lane: Lane) {
        (self.row, self.lane) = (row, lane)
        verdict = Verdict(topic: row.topic, shell: lane.shell)
    }

    func play() async -> Verdict {
        let begin = IO.now
        do {
            let (session, place) = try await lane.session(row.kind)
            for step in row.steps where verdict.wrong.isEmpty {
                try await perform(step, session, place)
            }
            if verdict.wrong.isEmpty { try await leave(session) }
            for bytes in (session.console.transport as? Canary)?.strange ?? [] {
                let text = String(decoding: bytes, as: UTF8.self).debugDescription
                verdict.wrong.append("nobody sent what a program was typed: \(text)")
            }
            session.close()
            if row.kind.isAlone { place.close() }
        } catch {
            verdict.wrong.append("\(error)")
        }
        verdict.took = IO.now - begin
        return verdict
    }

    /// Adopts as a client would: a host that was too slow is asked again, as its answer says.
    private func adopt(_ session: Session, _ wait: Duration) async throws -> CommandResult {
        var left = 3
        while true {
            do throws(Fault) {
                return try await session.adopt(wait: wait, maxBytes: 200_000)
            } catch {
                guard left > 0, error.code == .busy, error.message.contains("try again") else {
                    throw error
                }
                left -= 1
            }
        }
    }

    /// What was secret is nowhere, and the session is still in step.
    private func leave(_ session: Session) async throws {
        for secret in secrets
        where session.log.bytes(session.log.start..<session.log.end).contains(Array(secret.utf8)) {
            verdict.wrong.append("a secret is in the output")
        }
        guard session.end == nil, !session.isRunning, !(session.console.shell.state.typed != nil)
        else { return }
        let over = try await session.run(
            "echo over", wait: .seconds(30) + (row.kind.line ?? lane.line).lateness, timeout: nil,
            maxBytes: 1000)
        if over.state != .done || over.output != "over\n" {
            verdict.wrong.append("the session is out of step: \(over)")
        }
    }

    private func perform(_ step: Step, _ session: Session, _ place: Lane.Place) async throws {
        let begin = session.log.end
        let line = row.kind.line ?? lane.line
        // What is to be seen in a glance must have come through.
        let glance = Step.glance + line.lateness
        let wait =
            step.wait ?? (step.states == [.running] ? glance : Step.usualWait + line.lateness)
        switch step.action {
        case .cut: place.slow?.cut()
        case .hold: place.slow?.stall()
        case .release: place.slow?.resume()
        case .stall(let time):
            place.slow?.stall()
            try await IO.sleep(for: time)
            place.slow?.resume()
        case .check(let name, let holds):
            let isSo = try await Support.holds { try await holds(session, place) }
            if !isSo { verdict.wrong.append("not so: \(name)") }
        case .second(let code):
            if let answer = try await refused(code, session) {
                verdict.wrong.append("a second command was taken: \(answer)")
            }
        case .run(let code):
            let answer = try await session.run(
                filled(code, place), wait: wait, timeout: nil, maxBytes: 200_000)
            try await judge(answer, step, session, from: nil)
        case .type(let text):
            let text = filled(text, place)
            if last?.state == .secret { secrets.append(text) }
            try owe(session, text: text, keys: [], enter: true)
            let answer = try await session.send(
                text: text, keys: [], enter: true, wait: wait, maxBytes: 200_000)
            try await judge(answer, step, session, from: begin)
        case .press(let keys):
            let answer = try await press(keys, session, wait: wait)
            try await judge(answer, step, session, from: begin)
        case .adopt:
            let answer = try await adopt(session, wait)
            try await judge(answer, step, session, from: nil)
        case .read:
            let answer = try await session.read(
                offset: session.command?.begin, wait: wait, raw: false, maxBytes: 200_000)
            try await judge(answer, step, session, from: nil)
        }
    }

    /// nil: the command was refused, as another runs.
    private func refused(_ code: String, _ session: Session) async throws -> CommandResult? {
        do {
            return try await session.run(code, wait: .zero, timeout: nil, maxBytes: 1000)
        } catch {
            if error.code == .busy { return nil }
            throw error
        }
    }

    private func press(_ keys: [String], _ session: Session, wait: Duration) async throws
        -> CommandResult
    {
        let named = keys.filter { $0.utf8.count > 1 }
        let text = keys.filter { $0.utf8.count == 1 }.joined()
        try owe(session, text: text, keys: named, enter: false)
        return try await session.send(
            text: text, keys: named, enter: false, wait: wait, maxBytes: 200_000)
    }

    private func owe(_ session: Session, text: String, keys: [String], enter: Bool) throws {
        let canary = session.console.transport as? Canary
        canary?.owes(try session.keyboard.bytes(text, keys, enter))
    }

    /// `{port}` is the server's, `{password}` and `{user}` are the account's.
    private func filled(_ text: String, _ place: Lane.Place) -> String {
        text.replacing("{port}", with: "\(place.server.port)")
            .replacing("{password}", with: place.account?.password ?? "")
            .replacing("{user}", with: place.server.user)
    }

    // MARK: Judging

    private func judge(
        _ first: CommandResult, _ step: Step, _ session: Session, from begin: Int?
    ) async throws {
        var answer = first
        let end = IO.now + Self.patience
        let isKnowable = !step.states.contains(.running)
        if isKnowable { verdict.answers += 1 }
        var (isRead, isLate) = (false, false)
        while true {
            if let reason = answer.dishonesty { return note(reason, step, answer) }
            if step.states.contains(answer.state) { break }
            // A guess that is reported as one is late evidence, as `running` is.
            let isOpen = answer.state == .running || answer.evidence == [.regex]
            guard isOpen, isKnowable else {
                return note("\(answer.state)", step, answer)
            }
            // A read ends with the first output; the next one must tell.
            if case .read = step.action, !isRead, !answer.output.isEmpty {
                isRead = true
            } else if !isLate {
                verdict.late.append("\(step.action)")
                isLate = true
            }
            guard IO.now < end else {
                let inside =
                    "\(session.console.shell.state.phase), asking \(session.console.asker.isAsking)"
                return note("\(answer.state) for ever (\(inside))", step, answer)
            }
            answer = try await session.read(
                offset: session.log.end, wait: Step.usualWait, raw: false, maxBytes: 200_000)
        }
        if isLate || isRead {
            let all = try await session.read(
                offset: begin ?? session.command?.begin ?? 0, wait: .zero, raw: false,
                maxBytes: 200_000)
            (answer.output, answer.offset) = (all.output, all.offset)
            answer.nextOffset = session.command?.end ?? all.nextOffset
        }
        last = answer
        if let foreground = step.foreground {
            // What merely runs is named when the kernel was asked.
            let isNamed = try await holds {
                if foreground.matches(answer.foreground ?? "") { return true }
                answer.foreground = try await session.read(
                    offset: session.command?.begin, wait: .zero, raw: false, maxBytes: 1000
                ).foreground
                return false
            }
            if !isNamed { note("foreground is not \(foreground)", step, answer) }
        }
        if let prompt = step.prompt, answer.state != .fullscreen {
            // Over a slow line the question comes after the kernel's answer.
            _ = try await holds(within: .seconds(10)) {
                if prompt.matches(answer.prompt ?? "") { return true }
                let now = try await session.read(
                    offset: session.command?.begin, wait: .zero, raw: false, maxBytes: 1000)
                guard now.state == answer.state else { return true }
                answer.prompt = now.prompt
                return false
            }
        }
        if step.hasLostMarks {
            // A shell that is starting runs programs of its own at first.
            let isTold = try await holds {
                try await session.read(
                    offset: session.command?.begin, wait: .zero, raw: false, maxBytes: 1000
                )
                .hasLostMarks
            }
            if !isTold { note("marks are not lost", step, answer) }
        }
        compare(answer, step, session)
    }

    private func compare(_ answer: CommandResult, _ step: Step, _ session: Session) {
        if let exit = step.exit, answer.exitCode != exit {
            note("exit is not \(exit)", step, answer)
        }
        if let signal = step.signal, answer.signal != signal {
            note("signal is not \(signal)", step, answer)
        }
        if let output = step.output, !output.matches(answer.output) {
            note("output is not \(output)", step, answer)
        }
        if let prompt = step.prompt, !prompt.matches(answer.prompt ?? "") {
            note("prompt is not \(prompt)", step, answer)
        }
        if let note = step.note, !note.matches(answer.note ?? "") {
            self.note("note is not \(note)", step, answer)
        }
        if let evidence = step.evidence, answer.evidence != evidence {
            note("evidence is not \(evidence)", step, answer)
        }
        let range = answer.offset..<max(answer.offset, answer.nextOffset)
        if let bytes = step.bytes, range.count != bytes {
            note("\(range.count) bytes, not \(bytes)", step, answer)
        }
        if let raw = step.raw, session.log.bytes(range) != raw {
            note("the bytes are \(session.log.bytes(range))", step, answer)
        }
    }

    private func note(_ what: String, _ step: Step, _ answer: CommandResult) {
        var answer = answer
        answer.output = String(answer.output.suffix(300))
        let action = String("\(step.action)".prefix(120))
        let wanted = step.states.map(\.rawValue).joined(separator: "/")
        verdict.wrong.append("\(what) [\(action) → \(wanted)]: \(answer)")
    }
}
