// What is typed to a program while it runs: only what the row's caller sends, and the terminal's
// answers to questions of the program. Every row of the lab is played through it.
// Invariant: bytes pass unchanged; a line of Homeline's own is strange unless the shell is at its
// prompt, was found there by the kernel, or is being adopted, cleared or set up.
import Loop
import Programs
import Terminal

@testable import homeline_agent

/// A terminal that notes what a running program is sent.
@IO final class Canary: ShellTransport {
    var onOutput: (@IO ([UInt8]) -> Void)? {
        get { inner.onOutput }
        set { inner.onOutput = newValue }
    }
    var onEnd: (@IO (ProgramEnd) -> Void)? {
        get { inner.onEnd }
        set { inner.onEnd = newValue }
    }
    var unsent: Int { inner.unsent }
    /// The session, once it is made.
    weak var session: Session?
    /// What no caller sent.
    private(set) var strange: [[UInt8]] = []

    private let inner: any ShellTransport
    /// What the caller sends, as far as it has not been written yet.
    private var owed: ArraySlice<UInt8> = []

    init(_ inner: any ShellTransport) { self.inner = inner }

    /// The caller sends this next.
    func owes(_ bytes: [UInt8]) { owed = bytes[...] }

    func write(_ bytes: [UInt8]) {
        if owed.starts(with: bytes) {
            owed.removeFirst(bytes.count)
        } else if isProgramReading, bytes.first != 0x1b {
            strange.append(bytes)
        }
        inner.write(bytes)
    }

    private var isProgramReading: Bool {
        guard let console = session?.console, console.occupation == nil else { return false }
        return console.shell.state.isRunning && !console.watch.shellWaits
    }

    func pause() { inner.pause() }
    func resume() { inner.resume() }
    func resize(columns: UInt16, rows: UInt16) { inner.resize(columns: columns, rows: rows) }
    func ask(_ question: Probe.Question) async -> [UInt8]? { await inner.ask(question) }
    func findLogin() async -> LoginShell.Answer { await inner.findLogin() }
    func close() { inner.close() }
}
