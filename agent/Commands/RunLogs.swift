// Both outputs of a one-shot command by offset.
// Invariant: an ended command holds at most two chunks of memory; the rest is in spool files.
import Loop

/// The outputs of a command.
@IO struct RunLogs {
    /// Its standard output; 1 MiB in memory and 64 MiB on disk at most, as there may be hundreds of
    /// running commands.
    let output: OutputLog
    /// Its standard error, within the same limits.
    let errors: OutputLog

    /// Bytes of each output on disk.
    nonisolated static let spool = 64 << 20

    /// The outputs of a principal's command; `isTerminal`: all of it is a terminal's output.
    init(of holder: String, isTerminal: Bool) {
        func log(_ isTerminal: Bool) -> OutputLog {
            OutputLog(
                memoryLimit: 1 << 20, spoolLimit: Self.spool, of: holder, isTerminal: isTerminal)
        }
        output = log(isTerminal)
        errors = log(false)
    }

    /// Bytes of both.
    var count: Int { output.end + errors.end }

    /// The last line, of the standard output if that has any.
    var lastLine: String? { output.lastLine(from: 0) ?? errors.lastLine(from: 0) }

    /// The last lines of both.
    var lastLines: [String] { [errors, output].compactMap { $0.lastLine(from: 0) } }

    /// How both begin.
    var beginnings: (output: String, errors: String) {
        func beginning(_ log: OutputLog) -> String {
            Excerpt(
                log, from: 0, to: min(log.end, 4096), maxBytes: 4096, raw: false, isOver: true
            ).text
        }
        return (beginning(output), beginning(errors))
    }

    /// Frees memory once nothing more comes.
    func settle() {
        output.settle()
        errors.settle()
    }
}
