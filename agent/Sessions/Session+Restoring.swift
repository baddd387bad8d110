// What a session opened again is given of the one that is gone: its directory and its exported
// variables. Invariant: nothing of it counts as a command of the client.
import Loop
import Terminal
import Wire

extension Session {
    /// How long a new shell may take for each line that restores the state of one that is gone.
    private static let takeOverTime = Duration.seconds(10)

    /// Gives a new shell the directory and the variables of one that is gone.
    func takeOver(from old: Session) async -> Restored {
        var restored = Restored()
        guard console.shell.hasMarks, old.console.shells[0].hasMarks else { return restored }
        let profile = console.shell.profile
        let missing = await console.exports.missing(from: old.console.exports)
        let code = missing.map { profile.exporting($0.name, $0.value) }.joined(separator: "\n")
        if !missing.isEmpty, await succeeds(code) { restored.variables = missing.map(\.name) }
        if let place = old.console.directory(of: old.console.shells[0]),
            await succeeds(profile.entering(place))
        {
            restored.directory = place
        }
        // None of these lines was a command of the client.
        console.exports.takeOver(from: old.console.exports)
        console.shell.command = nil
        console.history = CommandHistory()
        console.shell.rest = log.end
        return restored
    }

    private func succeeds(_ code: String) async -> Bool {
        let result = try? await run(code, wait: Self.takeOverTime, maxBytes: 0)
        return result?.state == .done && result?.exitCode == 0
    }
}
