// A one-shot command that runs on a host: its program, and the way to end it with everything it
// started.
// Invariant: a program without a terminal sees the end of its input.
import Loop

/// A running command.
@IO struct CommandProcess {
    /// The program; it is paused until its callbacks are set.
    let program: any RunningProgram
    /// Signals everything it started, kills what is left after the grace, and says what is left
    /// then.
    let end: @IO (_ signal: String, _ grace: Duration) async -> Sweep

    init(
        _ program: any RunningProgram,
        end: @escaping @IO (_ signal: String, _ grace: Duration) async -> Sweep
    ) {
        self.program = program
        self.end = end
    }

    /// Queues input, then ends it.
    func send(_ input: [UInt8]) {
        program.write(input)
        guard program.hasTerminal else { return program.sendEOF() }
        // On a terminal the end of input is a key, which a program without input must not see. In
        // a line that has begun, the key only ends the line: it takes another one.
        if let last = input.last {
            if last != UInt8(ascii: "\n") { program.sendEOF() }
            program.sendEOF()
        }
    }
}
