// A child process with its pipes as streams, in its own process group: it runs a command on the
// agent's machine. Invariant: `onEnd` comes once, after both outputs have ended or, if another
// process holds them open, shortly after the child; no child is left a zombie.
internal import CUV
import Glibc
public import Programs

/// A running child whose output comes as it is written.
@IO public final class ChildStream: RunningProgram, Worker {
    /// Standard output as it comes.
    public var onOutput: (@IO ([UInt8]) -> Void)?
    /// Standard error as it comes.
    public var onErrorOutput: (@IO ([UInt8]) -> Void)?
    /// Everything written is in the child's pipe.
    public var onDrain: (@IO () -> Void)?
    /// The end of the child.
    public var onEnd: (@IO (ProgramEnd) -> Void)?
    /// The process id, which is also the id of its process group and its session.
    public private(set) var pid: Int32 = 0

    private let pipes = (0..<3).map { _ in UnsafeMutablePointer<uv_pipe_t>.allocate(capacity: 1) }
    private var outputs = [Output(), Output()]
    private var isInputOpen = true
    private var end: ProgramEnd?
    private var ended = false
    private var heardSinceTick = false
    private var grace: LoopTimer?
    private var paused = true

    /// The state of one of the two outputs.
    private struct Output {
        var isReading = false
        var isClosed = false
    }

    /// Starts the program at `path` (searched in PATH when it has no slash).
    ///
    /// `environment` replaces the whole environment. With `socket`, the child's standard input and
    /// output are that descriptor, which the caller still owns. It starts paused: set the
    /// callbacks, then `resume`.
    public init(
        path: String, arguments: [String], environment: [String: String], directory: String? = nil,
        socket: Int32? = nil
    ) throws(LoopError) {
        for pipe in pipes { uv_pipe_init(IO.loop.raw, pipe, 0) }
        let stdio = pipes.enumerated().map { index, pipe in
            if index < 2, let socket { return Spawn.inherited(socket) }
            var container = uv_stdio_container_t()
            let way = index == 0 ? UV_READABLE_PIPE : UV_WRITABLE_PIPE
            container.flags = uv_stdio_flags(rawValue: UV_CREATE_PIPE.rawValue | way.rawValue)
            container.data.stream = streamHandle(pipe)
            return container
        }
        // The pipes of a program that does not start are closed by deinit.
        pid = try Spawn.start(
            path: path, arguments: arguments, environment: environment, directory: directory,
            stdio: stdio
        ) { self.exited($0) }
        pipes[0].pointee.data = Unmanaged.passUnretained(self).toOpaque()
        if socket != nil {
            closeInput()
            closeOutput(0)
        }
    }

    isolated deinit {
        for index in 0..<2 where !outputs[index].isClosed { closeHandle(pipes[index + 1]) }
        closeInput()
    }

    /// As in `RunningProgram`.
    public private(set) var isOutputHeld = false

    /// Always false: its outputs are pipes.
    public var hasTerminal: Bool { false }

    /// Bytes of input that are not in the child's pipe yet.
    public var unsent: Int {
        isInputOpen ? uv_stream_get_write_queue_size(streamHandle(pipes[0])) : 0
    }

    /// Queues input.
    public func write(_ bytes: [UInt8]) {
        guard isInputOpen, !bytes.isEmpty else { return }
        let copy = UnsafeMutableBufferPointer<CChar>.allocate(capacity: bytes.count)
        bytes.withUnsafeBytes { UnsafeMutableRawBufferPointer(copy).copyBytes(from: $0) }
        let request = UnsafeMutablePointer<uv_write_t>.allocate(capacity: 1)
        request.pointee.data = UnsafeMutableRawPointer(copy.baseAddress)
        var buffer = uv_buf_init(copy.baseAddress, UInt32(bytes.count))
        let code = uv_write(request, streamHandle(pipes[0]), &buffer, 1) { request, _ in
            guard let request else { return }
            request.pointee.data?.deallocate()
            let owner = request.pointee.handle?.pointee.data
            request.deallocate()
            guard let owner else { return }
            let me = Unmanaged<ChildStream>.fromOpaque(owner).takeUnretainedValue()
            IO.assume { if me.unsent == 0 { me.onDrain?() } }
        }
        guard code != 0 else { return }
        copy.deallocate()
        request.deallocate()
    }

    /// Ends the input after what is queued.
    public func sendEOF() {
        guard isInputOpen else { return }
        isInputOpen = false
        pipes[0].pointee.data = nil
        let request = UnsafeMutablePointer<uv_shutdown_t>.allocate(capacity: 1)
        request.pointee.data = UnsafeMutableRawPointer(pipes[0])
        let code = uv_shutdown(request, streamHandle(pipes[0])) { request, _ in
            guard let request else { return }
            IO.assume(request.pointee.data) {
                if let pipe = $0 { closeHandle(pipe.assumingMemoryBound(to: uv_pipe_t.self)) }
            }
            request.deallocate()
        }
        guard code != 0 else { return }
        request.deallocate()
        closeHandle(pipes[0])
    }

    /// Stops reading, so that the child blocks once its pipes are full.
    public func pause() {
        paused = true
        for index in 0..<2 where outputs[index].isReading && !outputs[index].isClosed {
            uv_read_stop(streamHandle(pipes[index + 1]))
        }
    }

    /// Reads on.
    public func resume() {
        paused = false
        for index in 0..<2 where !ended { read(index) }
    }

    /// Sends a signal to the child's whole group.
    public func signal(_ name: String) {
        if end == nil, let number = Signal.number(name) { kill(-pid, number) }
    }

    /// Does nothing: a child on pipes has no terminal.
    public func resize(columns: UInt16, rows: UInt16) {}

    /// Kills the child with its whole group.
    public func close() { signal("KILL") }

    /// The most bytes passed on in one piece: scanning them takes less than a millisecond.
    private nonisolated static let pieceSize = 16 << 10

    private func read(_ index: Int) {
        guard !outputs[index].isClosed else { return }
        let pipe = pipes[index + 1]
        if !outputs[index].isReading {
            outputs[index].isReading = true
            pipe.pointee.data = Unmanaged.passRetained(self).toOpaque()
        }
        uv_read_start(
            streamHandle(pipe),
            { _, _, buffer in
                let size = ChildStream.pieceSize
                let bytes = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
                buffer?.pointee = uv_buf_init(
                    bytes.assumingMemoryBound(to: CChar.self), UInt32(size))
            },
            { stream, count, buffer in
                defer { buffer?.pointee.base?.deallocate() }
                guard count != 0, let stream, let data = stream.pointee.data else { return }
                let me = Unmanaged<ChildStream>.fromOpaque(data).takeUnretainedValue()
                IO.assume(stream) { stream in
                    let isOutput = streamHandle(me.pipes[1]) == stream
                    guard count > 0 else { return me.closeOutput(isOutput ? 0 : 1) }
                    let bytes = Array(
                        UnsafeRawBufferPointer(start: buffer?.pointee.base, count: count))
                    me.heardSinceTick = true
                    if Burst.isOver(me, adding: count), !me.paused {
                        uv_read_stop(stream)
                        IO.loop.workLater(me)
                    }
                    (isOutput ? me.onOutput : me.onErrorOutput)?(bytes)
                }
            })
    }

    /// Reads on after a slice.
    public func work() {
        if !paused { resume() }
    }

    private func closeOutput(_ index: Int) {
        guard !outputs[index].isClosed else { return }
        outputs[index].isClosed = true
        let pipe = pipes[index + 1]
        let data = pipe.pointee.data
        pipe.pointee.data = nil
        closeHandle(pipe)
        finishIfOver()
        // The reading pipe held a reference to this object.
        if outputs[index].isReading, let data { Unmanaged<ChildStream>.fromOpaque(data).release() }
    }

    private func exited(_ end: ProgramEnd) {
        self.end = end
        closeInput()
        finishIfOver()
        guard !ended else { return }
        heardSinceTick = true
        grace = LoopTimer(after: .seconds(1)) { [weak self] in self?.letGo() }
    }

    private func closeInput() {
        guard isInputOpen else { return }
        isInputOpen = false
        pipes[0].pointee.data = nil
        closeHandle(pipes[0])
    }

    private func finishIfOver() {
        guard let end, outputs.allSatisfy(\.isClosed), !ended else { return }
        ended = true
        grace?.cancel()
        let report = onEnd
        onEnd = nil
        onOutput = nil
        onErrorOutput = nil
        onDrain = nil
        report?(end)
    }

    /// Closes outputs that a grandchild may hold open forever: what it writes later is dropped.
    ///
    /// They are closed at the earliest 1.1 s after the child has ended, and only after 100 ms
    /// without output: a loop that was held up runs its timers before it reads what is already in
    /// the pipes.
    private func letGo() {
        guard !ended else { return }
        guard !paused, !heardSinceTick else {
            heardSinceTick = false
            grace = LoopTimer(after: .milliseconds(100)) { [weak self] in self?.letGo() }
            return
        }
        isOutputHeld = true
        for index in 0..<2 { closeOutput(index) }
    }
}

/// The pipe as a `uv_stream_t`.
private func streamHandle(
    _ pipe: UnsafeMutablePointer<uv_pipe_t>
) -> UnsafeMutablePointer<uv_stream_t> {
    UnsafeMutableRawPointer(pipe).assumingMemoryBound(to: uv_stream_t.self)
}
