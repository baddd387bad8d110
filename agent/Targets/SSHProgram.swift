// The installed ssh, asked with `-G` what its configuration says of a name. Between Targets and the
// process. Invariant: a caller that makes up names has `share` processes at once, and as many for
// its lists; all callers have `limit`, and each process ends in `time`.
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
    private let runs = JointWork<[String], Result<ChildResult, LoopError>>(
        Shares(SSHProgram.limit, share: SSHProgram.share))

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
        let answer: Result<ChildResult, LoopError>
        do throws(Lack) {
            answer = try await runs.value(
                arguments, for: Sharer.current, until: IO.now + Self.patience
            ) { [arguments, environment] in await Self.run(path, arguments, environment) }
        } catch {
            throw Fault(error, "places for reading ssh_config", "try again in a few seconds")
        }
        let result: ChildResult
        do throws(LoopError) {
            result = try answer.get()
        } catch {
            if case .cannotStart = error { return nil }
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

    private static func run(
        _ path: String, _ arguments: [String], _ environment: [String: String]
    ) async -> Result<ChildResult, LoopError> {
        do throws(LoopError) {
            return .success(
                try await Child.run(path, arguments, environment: environment, deadline: time))
        } catch {
            return .failure(error)
        }
    }
}
