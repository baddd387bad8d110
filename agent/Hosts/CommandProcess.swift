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
        // On a terminal the end of input is a key, which a program without input must not see.
        if !program.hasTerminal || !input.isEmpty { program.sendEOF() }
    }
}
