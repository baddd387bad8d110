// The shell behind `agent/local`: a PTY of the agent's own machine as a session's transport.
import Loop
import Terminal

/// A local terminal.
@IO final class LocalShell: ShellTransport {
    var onOutput: (@IO ([UInt8]) -> Void)? {
        get { terminal.onOutput }
        set { terminal.onOutput = newValue }
    }
    var onEnd: (@IO (ShellEnd) -> Void)?
    var unsent: Int { terminal.unsent }

    private let terminal: PTY

    /// Starts a program on a new terminal; `arguments` includes the name it sees (`-bash`).
    init(
        path: String, arguments: [String], environment: [String: String],
        directory: String? = nil, columns: UInt16 = 511, rows: UInt16 = 50
    ) throws(LoopError) {
        terminal = try PTY.spawn(
            path: path, arguments: arguments, environment: environment, directory: directory,
            columns: columns, rows: rows)
        terminal.onEnd = { [weak self] end in
            let shellEnd: ShellEnd =
                switch end {
                case .exited(let code): .exited(code)
                case .signalled(let number): .signalled(Self.signalNames[number] ?? "\(number)")
                }
            self?.onEnd?(shellEnd)
        }
    }

    func write(_ bytes: [UInt8]) { terminal.write(bytes) }
    func pause() { terminal.pause() }
    func resume() { terminal.resume() }
    func resize(columns: UInt16, rows: UInt16) { terminal.resize(columns: columns, rows: rows) }
    func close() { terminal.close() }

    func ask(_ question: Probe.Question) async -> [UInt8]? {
        let script = Array((Probe.definitions + question.line).utf8)
        return try? await Child.run("/bin/sh", [], input: script, deadline: .seconds(5)).output
    }

    private static let signalNames: [Int32: String] = [
        1: "HUP", 2: "INT", 3: "QUIT", 4: "ILL", 6: "ABRT", 7: "BUS", 8: "FPE", 9: "KILL",
        11: "SEGV", 13: "PIPE", 14: "ALRM", 15: "TERM",
    ]
}
