// What a session needs from a terminal, whatever carries it: a PTY here or an SSH channel.
// Invariant: `onEnd` comes once, after the last output; `write` never blocks.
import Loop
import Programs
import Terminal

/// A terminal with a shell on it.
@IO protocol ShellTransport: AnyObject {
    /// Output as it arrives.
    var onOutput: (@IO ([UInt8]) -> Void)? { get set }
    /// The end, after all output.
    var onEnd: (@IO (ProgramEnd) -> Void)? { get set }
    /// Bytes written that the terminal has not taken.
    var unsent: Int { get }
    /// Queues bytes as if typed.
    func write(_ bytes: [UInt8])
    /// Stops reading.
    func pause()
    /// Reads on; the first output comes after the first call.
    func resume()
    /// Tells the terminal its size.
    func resize(columns: UInt16, rows: UInt16)
    /// Probes the kernel of the shell's host, without the shell; nil if that is not possible.
    func ask(_ question: Probe.Question) async -> [UInt8]?
    /// Asks the kernel which process the shell is, before the shell is asked anything.
    func findLogin() async -> LoginShell.Answer
    /// Hangs up.
    func close()
}
