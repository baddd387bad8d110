// Programs of the machine that the installation runs: systemctl, useradd, su and the like.
// Invariant: each ends within its time, and its failure is one line.
import Loop
import Programs

/// A program of the machine.
@IO enum SystemCommand {
    /// The time for a program: a service may take as long to start or end.
    private static let patience = Duration.seconds(40)

    /// Runs a command; returns nil, or why it failed.
    static func run(
        _ words: [String], environment: [String: String]? = nil, input: String = ""
    ) async -> String? {
        switch await result(words, environment: environment, input: input) {
        case .success: nil
        case .failure(let failure): failure.reason
        }
    }

    /// Runs a command; returns what it printed, or nil.
    static func output(_ words: [String], environment: [String: String]? = nil) async -> String? {
        try? await result(words, environment: environment).get()
    }

    /// Why a command failed.
    struct Failure: Error {
        /// In one line.
        let reason: String
        /// All that it printed; nil: it did not end by itself.
        var text: String?
        /// Whether the machine has the program.
        var hasStarted = true
    }

    /// Runs a command; returns what it printed, or why it failed.
    static func result(
        _ words: [String], environment: [String: String]? = nil, input: String = ""
    ) async -> Result<String, Failure> {
        var all = environment ?? Process.environment
        // An administrator's programs are there, whatever the user's PATH.
        all["PATH"] = (all["PATH"] ?? "/usr/bin:/bin") + ":/usr/sbin:/sbin"
        do throws(LoopError) {
            let child = try await Child.run(
                words[0], Array(words.dropFirst()), environment: all, input: Array(input.utf8),
                deadline: patience)
            if child.exitCode == 0 {
                return .success(String(decoding: child.output, as: UTF8.self))
            }
            let text = String(decoding: child.errorOutput + child.output, as: UTF8.self)
            let line = text.split(whereSeparator: \.isNewline).first.map(String.init)
            return .failure(
                Failure(reason: "\(words[0]): \(line ?? "\(child.end)")", text: text))
        } catch {
            var failure = Failure(reason: "\(words[0]): \(error)")
            if case .cannotStart = error { failure.hasStarted = false }
            return .failure(failure)
        }
    }
}
