// A running program, independent of what runs it: a child with pipes (ChildStream), a child on a
// terminal (PTY), a channel of an SSH link. Sessions and commands depend only on this.
// Invariant: nothing is read before the first `resume`; `onEnd` comes once, after the last output.
public import Programs

/// A program with its input, its outputs and its end.
@IO public protocol RunningProgram: AnyObject {
    /// Output as it comes.
    var onOutput: (@IO ([UInt8]) -> Void)? { get set }
    /// Standard error as it comes; on a terminal it is part of the output.
    var onErrorOutput: (@IO ([UInt8]) -> Void)? { get set }
    /// Everything written has been taken.
    var onDrain: (@IO () -> Void)? { get set }
    /// The end, after all output.
    var onEnd: (@IO (ProgramEnd) -> Void)? { get set }
    /// Whether it has a terminal.
    var hasTerminal: Bool { get }
    /// Whether another process, one that it has left behind, still had its output when it ended:
    /// what that process writes later is dropped.
    var isOutputHeld: Bool { get }
    /// Bytes written that have not been taken.
    var unsent: Int { get }
    /// Queues input; never waits.
    func write(_ bytes: [UInt8])
    /// Ends the input after what is queued; on a terminal that is the key Ctrl-D.
    func sendEOF()
    /// Stops reading: the program blocks once the buffers in between are full.
    func pause()
    /// Resumes reading.
    func resume()
    /// Gives the terminal, if it has one, another size.
    func resize(columns: UInt16, rows: UInt16)
    /// Sends a signal by its name without `SIG`.
    func signal(_ name: String)
    /// Ends the program (by a hang-up if it has a terminal) and releases it.
    func close()
}

extension RunningProgram {
    /// False: the output of a program on a terminal ends with the program.
    public var isOutputHeld: Bool { false }
}
