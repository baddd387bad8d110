// What a one-shot command needs of whatever runs it: an SSH channel, a local child or terminal.
// Invariant: `onEnd` comes once, after the last output; `end` ends the command with all it started.
import Loop
import SSH

/// How a command ended.
enum CommandEnd: Equatable, Sendable {
    /// With a code.
    case exited(Int32)
    /// By a signal, named without `SIG`.
    case signalled(String)
    /// Not known: the connection was lost.
    case lost(String)
}

/// A running command.
@IO protocol CommandProcess: AnyObject {
    /// Begins to report.
    func start(
        output: @escaping @IO ([UInt8]) -> Void, errors: @escaping @IO ([UInt8]) -> Void,
        ended: @escaping @IO (CommandEnd) -> Void)
    /// Queues input, then ends it.
    func send(_ input: [UInt8])
    /// Signals everything it started; what is left after two seconds is killed.
    func end(_ signal: String)
    /// Lets go of it at once.
    func close()
}

/// A command on an SSH channel.
@IO final class SSHCommand: CommandProcess {
    private let channel: Channel
    /// Runs the script that ends it, on a channel of its own.
    private let sweep: (@IO (_ signal: String) -> Void)?

    init(_ channel: Channel, sweep: (@IO (_ signal: String) -> Void)?) {
        self.channel = channel
        self.sweep = sweep
    }

    func start(
        output: @escaping @IO ([UInt8]) -> Void, errors: @escaping @IO ([UInt8]) -> Void,
        ended: @escaping @IO (CommandEnd) -> Void
    ) {
        channel.onOutput = output
        channel.onErrorOutput = errors
        channel.onEnd = { end in
            switch end {
            case .exited(let code): ended(.exited(code))
            case .signalled(let name): ended(.signalled(name))
            case .lost(let reason): ended(.lost(reason))
            }
        }
        channel.resume()
    }

    func send(_ input: [UInt8]) {
        channel.write(input)
        // On a terminal the end of input is a key.
        if !channel.hasTerminal { channel.sendEOF() } else if !input.isEmpty { channel.write([4]) }
    }

    func end(_ signal: String) {
        channel.signal(signal)
        sweep?(signal)
    }

    func close() { channel.close() }
}

/// A command on the agent's own machine, with pipes.
@IO final class LocalCommand: CommandProcess {
    private let child: ChildStream
    private let mark: String

    init(_ child: ChildStream, mark: String) {
        self.child = child
        self.mark = mark
    }

    func start(
        output: @escaping @IO ([UInt8]) -> Void, errors: @escaping @IO ([UInt8]) -> Void,
        ended: @escaping @IO (CommandEnd) -> Void
    ) {
        child.onOutput = output
        child.onErrorOutput = errors
        child.onEnd = { ended(CommandEnd($0)) }
        child.resume()
    }

    func send(_ input: [UInt8]) {
        child.write(input)
        child.sendEOF()
    }

    func end(_ signal: String) { LocalSweep.run(mark: mark, signal: signal) }

    func close() { child.signal(9) }
}

/// A command on the agent's own machine, with a terminal.
@IO final class LocalTerminalCommand: CommandProcess {
    private let terminal: PTY
    private let mark: String

    init(_ terminal: PTY, mark: String) {
        self.terminal = terminal
        self.mark = mark
        terminal.pause()
    }

    func start(
        output: @escaping @IO ([UInt8]) -> Void, errors: @escaping @IO ([UInt8]) -> Void,
        ended: @escaping @IO (CommandEnd) -> Void
    ) {
        terminal.onOutput = output
        terminal.onEnd = { ended(CommandEnd($0)) }
        terminal.resume()
    }

    func send(_ input: [UInt8]) {
        if !input.isEmpty { terminal.write(input + [4]) }
    }

    func end(_ signal: String) { LocalSweep.run(mark: mark, signal: signal) }

    func close() { terminal.close() }
}

/// The script that ends a command, run here.
@IO private enum LocalSweep {
    static func run(mark: String, signal: String) {
        IO.task {
            _ = try? await Child.run(
                "/bin/sh", ["-c", CommandText.end(mark: mark, signal: signal)],
                deadline: .seconds(30))
        }
    }
}

extension CommandEnd {
    fileprivate init(_ end: ChildEnd) {
        switch end {
        case .exited(let code): self = .exited(code)
        case .signalled(let number): self = .signalled(Self.names[number] ?? String(number))
        }
    }

    private static let names: [Int32: String] = [
        1: "HUP", 2: "INT", 3: "QUIT", 4: "ILL", 6: "ABRT", 8: "FPE", 9: "KILL", 11: "SEGV",
        13: "PIPE", 14: "ALRM", 15: "TERM",
    ]
}
