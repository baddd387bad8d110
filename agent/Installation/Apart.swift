// Runs this command a second time, apart from whoever started it. `install` and `uninstall` end the
// agent, and a session of that agent may be where they were typed: the session's end must not stop
// them half way.
// Invariant: what runs apart has no terminal, no process group and, where the user's systemd keeps
// the agent, no unit in common with the agent.
import Crypto
import Glibc
import Loop
import Programs

/// A command that outlives the session in which it was typed.
@IO enum Apart {
    /// Set for the process that runs apart.
    private static let variable = "HOMELINE_APART"

    /// Runs this process's command apart, with this process's output, and returns its exit code;
    /// nil: this process is the one that runs apart.
    static func run() async throws(InstallationError) -> Int32? {
        var environment = Process.environment
        if environment[variable] != nil {
            // What it starts, an agent too, is not meant.
            unsafe unsetenv(variable)
            return nil
        }
        guard let program = Process.programPath else { throw .noProgram("/proc is not mounted") }
        environment[variable] = "1"
        var words = [program] + CommandLine.arguments.dropFirst()
        let groups = try? SecureFile.read("/proc/self/cgroup")
        if isOfAgent(groups: String(decoding: groups ?? [], as: UTF8.self)),
            await SystemCommand.run(scope + ["true"]) == nil
        {
            words = scope + words
        }
        let end: ProgramEnd
        do throws(LoopError) {
            end = try await Child.runApart(
                words[0], Array(words.dropFirst()), environment: environment)
        } catch { throw .command("\(error)") }
        switch end {
        case .exited(let code): return code
        case .signalled, .unreported, .lost:
            throw .command("the process that did the work has ended: \(end)")
        }
    }

    /// Runs a command in a unit of its own: systemd ends all that is in the agent's with the agent.
    private static let scope = ["systemd-run", "--user", "--scope", "--quiet", "--collect"]

    /// Whether a process with these control groups (`/proc/PID/cgroup`) is in the unit of an agent.
    nonisolated static func isOfAgent(groups: String) -> Bool {
        groups.split(whereSeparator: \.isNewline).contains {
            $0.hasSuffix("/homeline-agent.service") || $0.contains("/homeline-agent.service/")
        }
    }
}
