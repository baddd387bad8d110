// Runs a child process to its end, with all its input given and its output collected: `ssh -G`,
// secret commands. Invariant: it ends within its deadline, or is killed together with its whole
// process group.
import Glibc
public import Programs

/// The result of a child: its end and its outputs.
public struct ChildResult: Sendable, Equatable {
    /// How the child ended.
    public let end: ProgramEnd
    /// Its standard output.
    public var output: [UInt8]
    /// Its standard error.
    public let errorOutput: [UInt8]
    /// The exit code, unless a signal ended it.
    public var exitCode: Int32? { if case .exited(let code) = end { code } else { nil } }
}

/// Runs programs to their end.
@IO public final class Child {
    private let stream: ChildStream
    private let outcome = Once<Result<ChildResult, LoopError>>()
    private var output: [UInt8] = []
    private var errorOutput: [UInt8] = []

    /// Runs the program at `path` (searched in PATH when it has no slash) to its end.
    ///
    /// `environment` replaces the whole environment; nil inherits it.
    public static func run(
        _ path: String, _ arguments: [String], environment: [String: String]? = nil,
        input: [UInt8] = [], outputLimit: Int = 1 << 20, deadline: Duration
    ) async throws(LoopError) -> ChildResult {
        let stream = try ChildStream(
            path: path, arguments: arguments, environment: environment ?? Process.environment)
        let child = Child(stream)
        let timer = LoopTimer(after: deadline) { child.give(up: .timedOut(program: path)) }
        child.collect(limit: outputLimit, .tooMuchOutput(program: path, limit: outputLimit))
        stream.write(input)
        stream.sendEOF()
        let result = await child.outcome.wait()
        timer.cancel()
        return try result.get()
    }

    /// Runs a program with this process's own standard descriptors, in a session of its own.
    ///
    /// The end of this process, of its process group or of its terminal does not reach it.
    public static func runApart(
        _ path: String, _ arguments: [String], environment: [String: String]
    ) async throws(LoopError) -> ProgramEnd {
        let end = Once<ProgramEnd>()
        _ = try Spawn.start(
            path: path, arguments: arguments, environment: environment,
            stdio: (STDIN_FILENO...STDERR_FILENO).map(Spawn.inherited)
        ) { end.set($0) }
        return await end.wait()
    }

    private init(_ stream: ChildStream) { self.stream = stream }

    private func collect(limit: Int, _ overflow: LoopError) {
        func check() {
            if output.count + errorOutput.count > limit { give(up: overflow) }
        }
        stream.onOutput = {
            self.output.append(contentsOf: $0)
            check()
        }
        stream.onErrorOutput = {
            self.errorOutput.append(contentsOf: $0)
            check()
        }
        stream.onEnd = { end in
            let (output, errors) = (self.output, self.errorOutput)
            self.outcome.set(
                .success(ChildResult(end: end, output: output, errorOutput: errors)))
        }
        stream.resume()
    }

    /// Ends the wait at once, and kills the child with its whole process group.
    private func give(up reason: LoopError) {
        outcome.set(.failure(reason))
        stream.onOutput = nil
        stream.onErrorOutput = nil
        stream.onEnd = nil
        stream.signal("KILL")
    }
}
