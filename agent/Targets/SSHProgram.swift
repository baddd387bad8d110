// The installed ssh, asked with `-G` what its configuration says of a name. Between Targets and the
// process. Invariant: a caller that makes up names has `share` processes at once, as many for its
// lists, and as many again that are slow; all callers have twice `limit`, and each process ends in
// `time`.
import Loop
import Wire

/// The ssh client as the parser of ssh_config.
@IO final class SSHProgram {
    /// The most runs at once: each is a process of some 5 ms.
    nonisolated static let limit = 8
    /// The most of them for one principal.
    nonisolated static let share = 2
    /// The limit of one run: some milliseconds, and what the programs take that the configuration
    /// runs (`Match exec`), such as one that asks a slow network.
    private static let time = Duration.seconds(20)
    /// How long a name waits for its run: a rule may be compared with 100 names, of which none may
    /// be left out because the machine is slow.
    private static let patience = Duration.seconds(30)

    /// Its path; nil if there is none, when targets are taken as they are written.
    private let path: String?
    private let runs = JointWork<[String], Run>(Shares(SSHProgram.limit, share: SSHProgram.share))
    /// The runs that are slow: they have places of their own, so that names which take long hold up
    /// no others.
    private let slowRuns = JointWork<[String], Run>(
        Shares(SSHProgram.limit, share: SSHProgram.share))
    /// The time after which a run is slow.
    private static let usualTime = Duration.seconds(1)
    /// The slow runs that have begun in a usual place.
    private var moved: [[String]: Task<Answer, Never>] = [:]
    /// What was slow, and when: it begins in a slow place.
    private var slow: [[String]: ContinuousClock.Instant] = [:]
    /// How long it does.
    private static let memory = Duration.seconds(60)

    private typealias Answer = Result<ChildResult, LoopError>

    /// What came of a run in its place.
    private enum Run {
        case ended(Answer)
        /// It goes on in a slow place.
        case moved(Task<Answer, Never>)
    }

    /// The principal of the run without any configuration; no token has an id with spaces.
    private static let principal = "the agent's own"
    /// What it prints without any configuration, and since when that is known.
    private var own: (lines: [Substring: String], since: ContinuousClock.Instant)?
    /// How long that stays valid: ssh is seldom replaced by another version.
    private static let freshness = Duration.seconds(60)

    /// What its configuration may name as `${NAME}`.
    private let environment: [String: String]

    init(_ path: String?, _ place: Place) {
        self.path = path
        environment = Process.environment.merging(place.environment) { _, own in own }
    }

    /// What it prints of a name, with the configuration in `file`; nil if it is not installed.
    func configuration(
        of name: TargetName, in file: String?, _ options: [String] = []
    ) async throws(Fault) -> String? {
        guard let path else { return nil }
        var arguments = ["-G"] + options
        if let file { arguments += ["-F", file] }
        if let user = name.user { arguments += ["-l", user] }
        if let port = name.port { arguments += ["-p", String(port)] }
        arguments += ["--", TargetName.sshName(name.host)]
        let answer: Answer
        do throws(Lack) {
            answer = try await self.answer(path, arguments, until: IO.now + Self.patience)
        } catch {
            throw Fault(error, "places for reading ssh_config", "try again in a few seconds")
        }
        let result: ChildResult
        do throws(LoopError) {
            result = try answer.get()
        } catch {
            if case .cannotStart = error { return nil }
            if case .timedOut = error {
                throw Fault(
                    .timedOut,
                    "ssh did not say within \(Self.time) where \(name.host) leads: a program that its"
                        + " configuration runs (Match exec) hangs")
            }
            throw Fault(.unavailable, "cannot read the SSH configuration: \(error)")
        }
        guard result.exitCode == 0 else {
            let words = String(decoding: result.errorOutput.prefix(500), as: UTF8.self)
            throw Fault(
                .unavailable,
                "the agent's SSH configuration is not usable; correct it and try again: \(words)")
        }
        return String(decoding: result.output, as: UTF8.self)
    }

    private func answer(
        _ path: String, _ arguments: [String], until deadline: ContinuousClock.Instant
    ) async throws(Lack) -> Answer {
        if let task = moved[arguments] { return await task.value }
        let principal = Sharer.current
        let isSlow = slow[arguments].map { IO.now - $0 < Self.memory } ?? false
        let run = try await (isSlow ? slowRuns : runs).value(
            arguments, for: principal, until: deadline
        ) { [environment] in
            let task = IO.task { await Self.run(path, arguments, environment) }
            if let answer = await IO.within(Self.usualTime, { await task.value }) {
                self.slow[arguments] = nil
                return .ended(answer)
            }
            return await self.goOn(task, arguments, isSlow ? nil : principal)
        }
        switch run {
        case .ended(let answer): return answer
        case .moved(let task): return await task.value
        }
    }

    /// Waits for a slow run, in a slow place if `principal` can have one.
    private func goOn(
        _ task: Task<Answer, Never>, _ arguments: [String], _ principal: String?
    ) async -> Run {
        if slow.count >= Targets.namesKept { slow = [:] }
        slow[arguments] = IO.now
        guard let principal, let place = try? slowRuns.shares.take(for: principal) else {
            return .ended(await task.value)
        }
        let moving = IO.task {
            let answer = await task.value
            place.giveBack()
            self.moved[arguments] = nil
            return answer
        }
        moved[arguments] = moving
        return .moved(moving)
    }

    /// What it prints without any configuration, by keyword.
    func usual() async throws(Fault) -> [Substring: String] {
        if let own, IO.now - own.since < Self.freshness { return own.lines }
        // All callers share this run, so that none of them waits for it in a queue of its own.
        let text: String
        do throws(Fault) {
            text = try await Sharer.serving(Self.principal) { () async throws(Fault) in
                try await self.configuration(of: TargetName(place: "localhost"), in: "/dev/null")
                    ?? ""
            }
        } catch {
            // What it printed before serves a machine that has no time for it now.
            if let own { return own.lines }
            throw error
        }
        let lines = Dictionary(Self.lines(text)) { first, _ in first }
        own = (lines, IO.now)
        return lines
    }

    /// The keywords and values of what it prints.
    nonisolated static func lines(_ text: String) -> [(Substring, String)] {
        text.split(separator: "\n").compactMap { line in
            guard let space = line.firstIndex(of: " ") else { return nil }
            return (line[..<space], String(line[line.index(after: space)...]))
        }
    }

    private static func run(
        _ path: String, _ arguments: [String], _ environment: [String: String]
    ) async -> Answer {
        do throws(LoopError) {
            return .success(
                try await Child.run(path, arguments, environment: environment, deadline: time))
        } catch {
            return .failure(error)
        }
    }
}
