// The user's crontab, in which one line starts the agent at boot where no service manager does.
// Invariant: no other line is changed.
import Loop

/// The crontab of the user that the agent runs as.
@IO enum Crontab {
    /// Adds a line; returns why that failed.
    static func add(_ line: String, _ layout: Layout) async -> String? {
        let lines = await lines(layout).filter { $0 != line } + [line]
        return await write(lines, layout)
    }

    /// Removes a line; returns whether it was there.
    static func remove(_ line: String, _ layout: Layout) async -> Bool {
        let lines = await lines(layout)
        guard lines.contains(line) else { return false }
        return await write(lines.filter { $0 != line }, layout) == nil
    }

    private static func command(_ last: String, _ layout: Layout) -> [String] {
        layout.isSystem ? ["crontab", "-u", layout.user, last] : ["crontab", last]
    }

    private static func lines(_ layout: Layout) async -> [String] {
        // It fails where the user has none.
        let text = await SystemCommand.output(command("-l", layout)) ?? ""
        return text.split(whereSeparator: \.isNewline).map(String.init)
    }

    private static func write(_ lines: [String], _ layout: Layout) async -> String? {
        await SystemCommand.run(
            command("-", layout), input: lines.map { $0 + "\n" }.joined())
    }
}
