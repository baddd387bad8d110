// A shell that runs on a host, as a session's transport: a program on a terminal, and a way to
// probe the host's kernel.
import Loop
import Programs
import Terminal

/// A running shell.
@IO final class HostShell: ShellTransport {
    var onOutput: (@IO ([UInt8]) -> Void)? {
        get { program.onOutput }
        set { program.onOutput = newValue }
    }
    var onEnd: (@IO (ProgramEnd) -> Void)? {
        get { program.onEnd }
        set { program.onEnd = newValue }
    }
    var unsent: Int { program.unsent }
    /// The key that its host showed, for people; nil for this machine.
    let hostKey: String?

    private let program: any RunningProgram
    private let asks: @IO (Probe.Question) async -> [UInt8]?
    private let findsLogin: @IO () async -> LoginShell.Answer

    /// Takes over a program that has just been started; `asks` probes its kernel, and `findsLogin`
    /// finds its process there.
    init(
        _ program: any RunningProgram, hostKey: String? = nil,
        asks: @escaping @IO (Probe.Question) async -> [UInt8]?,
        findsLogin: @escaping @IO () async -> LoginShell.Answer
    ) {
        self.program = program
        self.hostKey = hostKey
        self.asks = asks
        self.findsLogin = findsLogin
    }

    func write(_ bytes: [UInt8]) { program.write(bytes) }
    func pause() { program.pause() }
    func resume() { program.resume() }
    func resize(columns: UInt16, rows: UInt16) { program.resize(columns: columns, rows: rows) }
    func close() { program.close() }
    func ask(_ question: Probe.Question) async -> [UInt8]? { await asks(question) }
    func findLogin() async -> LoginShell.Answer { await findsLogin() }
}
