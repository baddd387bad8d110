// Passwords and codes that agent.conf names: read from a file or a command when a login needs them.
// Invariant: a secret is held only by the login or the session input that asked for it; it is never
// cached or logged.
import Crypto
import Loop
import Wire

/// The secrets of this agent, by name.
struct Secrets: Sendable, Equatable {
    /// Where a secret comes from.
    enum Source: Sendable, Equatable {
        /// The first line of a file.
        case file(String)
        /// The first line a shell command prints.
        case command(String)
    }

    /// Sources by name.
    var sources: [String: Source] = [:]

    /// The files that secrets come from.
    var files: [String] {
        sources.values.compactMap { if case .file(let path) = $0 { path } else { nil } }
    }

    /// The secret of this name.
    @IO func value(_ name: String) async throws(Fault) -> SecretBytes {
        guard let source = sources[name] else { throw unknown(name) }
        let line: SecretBytes
        switch source {
        case .file(let path):
            let read = await Blocking.run {
                // Only the first line counts: 64 KiB bound what a wrong path may cost.
                Result { () throws(CryptoError) in
                    try SecretBytes.firstLine(ofFile: path, limit: 1 << 16)
                }
            }
            guard case .success(let found) = read else {
                throw failed(name, "its file cannot be read")
            }
            line = found
        case .command(let command):
            // A command may ask another service: 15 s leave the login its time. Only the first line
            // of the output counts.
            var result: ChildResult
            do throws(LoopError) {
                result = try await Child.run(
                    "/bin/sh", ["-c", command], outputLimit: 1 << 16, deadline: .seconds(15))
            } catch {
                throw failed(
                    name, "its command could not be run, took too long or printed too much")
            }
            // Its output, even standard error, may contain the secret: report only its exit code.
            guard result.exitCode == 0 else {
                throw failed(name, "its command ended with \(result.exitCode ?? -1)")
            }
            line = SecretBytes(result.output).firstLine
            result.output.wipe()
        }
        guard line.count > 0 else { throw failed(name, "it is empty") }
        return line
    }

    /// The fault for a name without a source; `question` asks a person for it.
    func unknown(_ name: String, asking question: Question? = nil) -> Fault {
        Fault(
            .invalidArgument,
            "this agent has no secret \"\(name.prefix(80))\": an operator adds `Secret NAME file PATH`"
                + " or `Secret NAME command COMMAND` to agent.conf",
            asking: question)
    }

    private func failed(_ name: String, _ reason: String) -> Fault {
        Fault(.authenticationFailed, "the secret \"\(name)\" is not usable: \(reason)")
    }
}
