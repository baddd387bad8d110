// The whole output of a short program at a host.
// Invariant: at most 64 KiB are kept; what a lost connection cut is not taken for an answer.
import Loop
import Programs

/// Runs short programs to their end.
@IO enum ProgramOutput {
    private static let limit = 64 << 10

    /// The output of a program that was just started; nil if the connection was lost.
    static func collect(_ program: any RunningProgram, input: [UInt8] = []) async -> [UInt8]? {
        let over = Once<[UInt8]?>()
        var output: [UInt8] = []
        program.onOutput = { output += $0.prefix(max(0, limit - output.count)) }
        program.onEnd = { end in
            if case .lost = end { return over.set(nil) }
            over.set(output)
        }
        program.write(input)
        program.sendEOF()
        program.resume()
        return await over.wait()
    }
}
