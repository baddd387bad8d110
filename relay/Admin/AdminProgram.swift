// Runs one admin command and returns what it prints: through the running relay, or on the store.

import Configuration
import Crypto
import Glibc
import JSON
import Loop
import Net

/// A command's output and exit code.
struct Outcome: Sendable, Equatable {
    var output = ""
    var errors = ""
    var exit = ExitCode.ok
}

/// Runs admin commands.
@IO enum AdminProgram {
    /// Runs `command`; nil if it is not an admin command.
    static func run(
        _ command: String, _ options: Options, environment: [String: String]
    ) async -> Outcome? {
        guard let request = AdminCommands.request(command, options) else { return nil }
        let folder = DataFolder(options.string(.data), environment: environment)
        do {
            let result = try await ask(folder, request)
            let text =
                options.bool(.json)
                ? result.description + "\n"
                : AdminText.text(
                    request, result, isTerminal: isatty(STDOUT_FILENO) == 1)
            // "Not running" is an answer for people and a failure for scripts.
            let isDown = result["running"] == false
            let warnings = options.bool(.json) ? "" : AdminText.warnings(request, result)
            return Outcome(
                output: text, errors: warnings, exit: isDown ? ExitCode.unavailable : ExitCode.ok)
        } catch {
            return Outcome(errors: "homeline-relay: \(error.message)\n", exit: error.exit)
        }
    }

    /// The running relay's answer, or the store's if none runs.
    static func ask(_ folder: DataFolder, _ request: JSON) async throws(AdminFault) -> JSON {
        if let stream = try await AdminClient.connect(folder) {
            return try await AdminClient.ask(stream, request)
        }
        do {
            try folder.make()
            let store = try await Store.open(folder: folder.path)
            let reply = await Administration(folder: folder, store: store).reply(to: request)
            await store.close()
            return try AdminClient.result(of: reply)
        } catch let fault as AdminFault {
            throw fault
        } catch {
            throw AdminFault(error)
        }
    }
}
