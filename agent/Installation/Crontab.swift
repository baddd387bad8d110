// The user's crontab, in which one line starts the agent at boot where no service manager does.
// Invariant: no other line is changed, and a crontab that cannot be read is not written.
import Loop

/// The crontab of the user that the agent runs as.
@IO enum Crontab {
    /// Adds a line; returns why that failed.
    static func add(_ line: String, _ layout: Layout) async -> String? {
        switch await lines(layout) {
        case .failure(let failure): return failure.reason
        case .success(let lines):
            guard !lines.contains(line) else { return nil }
            return await write(lines + [line], layout)
        }
    }

    /// What has come of removing a line.
    enum Removal: Equatable {
        case removed, absent
        case failed(String)
    }

    /// Removes a line.
    static func remove(_ line: String, _ layout: Layout) async -> Removal {
        switch await lines(layout) {
        case .failure(let failure):
            // A machine without the program `crontab` has no crontabs.
            return failure.hasStarted ? .failed(failure.reason) : .absent
        case .success(let lines):
            guard lines.contains(line) else { return .absent }
            let reason = await write(lines.filter { $0 != line }, layout)
            return reason.map(Removal.failed) ?? .removed
        }
    }

    private static func command(_ last: String, _ layout: Layout) -> [String] {
        layout.isSystem ? ["crontab", "-u", layout.user, last] : ["crontab", last]
    }

    private static func lines(
        _ layout: Layout
    ) async -> Result<[String], SystemCommand.Failure> {
        // Its messages are not translated then.
        let environment = Process.environment.merging(["LC_ALL": "C"]) { $1 }
        switch await SystemCommand.result(command("-l", layout), environment: environment) {
        case .success(let text):
            var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            // What follows the last line's end is not a line.
            if lines.last == "" { lines.removeLast() }
            return .success(lines.map(String.init))
        case .failure(let failure):
            let isNone = noCrontab.contains { failure.text?.contains($0) == true }
            return isNone ? .success([]) : .failure(failure)
        }
    }

    /// What `crontab -l` says of a user without one: Vixie's cron and cronie, and BusyBox.
    private static let noCrontab = ["no crontab for", "No such file or directory"]

    private static func write(_ lines: [String], _ layout: Layout) async -> String? {
        await SystemCommand.run(
            command("-", layout), input: lines.map { $0 + "\n" }.joined())
    }
}
