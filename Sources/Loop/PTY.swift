// A program on its own terminal: the shell behind `agent/local`. libuv has no PTYs, so the C shim
// forks and this file reads and writes the master side. Invariant: `onEnd` comes once, after the
// last output.
internal import CPTY
import Glibc
public import Programs

/// A child process on a pseudo-terminal.
///
/// It starts paused: set the callbacks, then `resume`.
@IO public final class PTY: RunningProgram {
    /// Output as it comes.
    public var onOutput: (@IO ([UInt8]) -> Void)?
    /// The end of the child, after its output.
    public var onEnd: (@IO (ProgramEnd) -> Void)?
    /// Everything written has been taken by the terminal.
    public var onDrain: (@IO () -> Void)?
    /// Never called: on a terminal, standard error is part of the output.
    public var onErrorOutput: (@IO ([UInt8]) -> Void)? {
        get { nil }
        set {}
    }
    /// The child's process id, its session and first process group.
    public let pid: Int32

    private var master: Int32
    private let readiness: Readiness
    private var pending: ArraySlice<UInt8> = []
    private var paused = true
    private var reaper: SignalWatch?
    private var ended: ProgramEnd?
    private var hangUp: LoopTimer?
    private var firstLook: LoopTimer?
    private var buffer = [UInt8](repeating: 0, count: 65536)

    /// Always true.
    public var hasTerminal: Bool { true }

    /// Bytes written but not yet taken by the terminal.
    public var unsent: Int { pending.count }

    /// The device of the child's terminal, as `/dev/pts/3`; nil: it is closed.
    public var terminal: String? {
        let number = master < 0 ? -1 : hl_pty_number(master)
        return number < 0 ? nil : "/dev/pts/\(number)"
    }

    /// Starts the program at `path` (absolute) as the session leader on a new terminal.
    ///
    /// `arguments` includes the name the program sees (`-bash` for a login shell).
    public static func spawn(
        path: String, arguments: [String], environment: [String: String], directory: String? = nil,
        columns: UInt16 = 80, rows: UInt16 = 24
    ) throws(LoopError) -> PTY {
        var master: Int32 = -1
        let pid = withCStrings(arguments) { argv in
            withCStrings(environment.map { "\($0)=\($1)" }) { envp in
                hl_pty_spawn(path, argv, envp, directory, columns, rows, &master)
            }
        }
        guard pid > 0 else { throw .cannotStart(program: path, reason: LoopError.reason(pid)) }
        return try PTY(pid: pid, master: master)
    }

    private init(pid: Int32, master: Int32) throws(LoopError) {
        self.pid = pid
        self.master = master
        readiness = try Readiness(descriptor: master)
        readiness.watch([]) { [weak self] in self?.ready($0) }
        reaper = SignalWatch(SIGCHLD) { [weak self] in self?.reap() }
    }

    isolated deinit { tearDown() }

    /// Queues bytes as if typed.
    public func write(_ bytes: [UInt8]) {
        guard master >= 0 else { return }
        pending.append(contentsOf: bytes)
        flush()
    }

    /// Types Ctrl-D.
    public func sendEOF() { write([4]) }

    /// Sends a signal to the child's group.
    public func signal(_ name: String) {
        if ended == nil, let number = Signal.number(name) { kill(-pid, number) }
    }

    /// Stops reading, so that the program blocks once the terminal is full.
    public func pause() {
        paused = true
        watch()
    }

    /// Reads on.
    public func resume() {
        paused = false
        watch()
        // It may have ended before there was a handler.
        if ended == nil { firstLook = LoopTimer(after: .zero) { [weak self] in self?.reap() } }
    }

    /// Tells the terminal its size (the child gets SIGWINCH).
    public func resize(columns: UInt16, rows: UInt16) {
        if master >= 0 { _ = hl_pty_resize(master, columns, rows) }
    }

    /// Hangs up (SIGHUP to the terminal's processes); a child that stays is killed after 2 s.
    public func close() {
        guard ended == nil, hangUp == nil else { return tearDown() }
        paused = false
        // A child that was just forked may not lead a process group yet.
        if kill(-pid, SIGHUP) != 0 { kill(pid, SIGHUP) }
        kill(-pid, SIGCONT)
        closeMaster()
        // Keeps this object until the child is gone, so that no zombie is left.
        hangUp = LoopTimer(after: .seconds(2)) { kill(-self.pid, SIGKILL) }
        reap()
    }

    private func ready(_ found: Readiness.Interest) {
        if found.contains(.write) { flush() }
        if found.contains(.read) { readAvailable(pieces: 16) }
    }

    /// Reads up to `pieces` buffers, for at most a slice: while there is more, the descriptor stays
    /// ready.
    private func readAvailable(pieces: Int) {
        let slice = Slice()
        for number in 0..<pieces where master >= 0 && (!paused || ended != nil) {
            // Everything that a child wrote before it ended is read.
            if number > 0, ended == nil, slice.isOver() { return }
            let count = buffer.withUnsafeMutableBytes { read(master, $0.baseAddress, $0.count) }
            guard count > 0 else {
                if count == 0 || (errno != EAGAIN && errno != EINTR) { closeMaster() }
                return
            }
            onOutput?(Array(buffer[0..<count]))
        }
    }

    private func flush() {
        while !pending.isEmpty, master >= 0 {
            let count = pending.withUnsafeBytes { Glibc.write(master, $0.baseAddress, $0.count) }
            guard count > 0 else {
                if count < 0 && errno != EAGAIN && errno != EINTR { closeMaster() }
                break
            }
            pending = pending.dropFirst(count)
        }
        if pending.isEmpty {
            pending = []
            onDrain?()
        }
        watch()
    }

    private func watch() {
        guard master >= 0 else { return }
        var interest: Readiness.Interest = paused ? [] : .read
        if !pending.isEmpty { interest.insert(.write) }
        readiness.watch(interest)
    }

    private func reap() {
        var code: Int32 = 0
        // While reading is paused, the end waits too, as the output comes before it.
        guard ended == nil, !paused, hl_pty_reap(pid, &code) != 0 else { return }
        let end: ProgramEnd = code >= 0 ? .exited(code) : .signalled(Signal.name(-code))
        ended = end
        reaper?.cancel()
        hangUp?.cancel()
        hangUp = nil
        // Reads what the child wrote before it ended; bounded, as other processes may keep writing.
        paused = false
        readAvailable(pieces: 256)
        closeMaster()
        onEnd?(end)
        onEnd = nil
        onOutput = nil
        onDrain = nil
    }

    private func closeMaster() {
        guard master >= 0 else { return }
        readiness.close()
        Glibc.close(master)
        master = -1
        pending = []
    }

    private func tearDown() {
        reaper?.cancel()
        hangUp?.cancel()
        hangUp = nil
        closeMaster()
        if ended == nil {
            kill(-pid, SIGKILL)
            var code: Int32 = 0
            _ = hl_pty_reap(pid, &code)
        }
    }
}
