// A child process that is run to its end with its input given and its output collected
// (uv_spawn): `ssh -G`, secret commands. Invariant: it ends within its deadline or is killed.
internal import CUV
import Glibc

/// How a child ended.
public enum ChildEnd: Sendable, Equatable {
    /// It exited with a code.
    case exited(Int32)
    /// A signal ended it.
    case signalled(Int32)
}

/// What a child left behind.
public struct ChildResult: Sendable, Equatable {
    /// How it ended.
    public let end: ChildEnd
    /// Its standard output.
    public let output: [UInt8]
    /// Its standard error.
    public let errorOutput: [UInt8]
    /// The exit code, unless a signal ended it.
    public var exitCode: Int32? { if case .exited(let code) = end { code } else { nil } }
}

/// Runs programs to their end.
@IO public final class Child {
    private let program: String
    private let process = UnsafeMutablePointer<uv_process_t>.allocate(capacity: 1)
    private let pipes = (0..<3).map { _ in UnsafeMutablePointer<uv_pipe_t>.allocate(capacity: 1) }
    private var collected: [[UInt8]] = [[], []]
    private var open = 2
    private var end: ChildEnd?
    private var failure: LoopError?
    private let limit: Int
    private var timer: LoopTimer?
    private var done: ((Result<ChildResult, LoopError>) -> Void)?

    private init(program: String, limit: Int) {
        self.program = program
        self.limit = limit
    }

    /// Runs the program at `path` (searched in PATH when it has no slash) to its end.
    ///
    /// `environment` replaces the whole environment; nil inherits it.
    public static func run(
        _ path: String, _ arguments: [String], environment: [String: String]? = nil,
        input: [UInt8] = [], outputLimit: Int = 1 << 20, deadline: Duration
    ) async throws(LoopError) -> ChildResult {
        let child = Child(program: path, limit: outputLimit)
        let result = await withUnsafeContinuation { continuation in
            child.done = { continuation.resume(returning: $0) }
            child.start(arguments, environment, input, deadline)
        }
        return try result.get()
    }

    private func start(
        _ arguments: [String], _ environment: [String: String]?, _ input: [UInt8],
        _ deadline: Duration
    ) {
        for pipe in pipes { uv_pipe_init(IO.loop.raw, pipe, 0) }
        var stdio = pipes.enumerated().map { index, pipe in
            var container = uv_stdio_container_t()
            let way = index == 0 ? UV_READABLE_PIPE : UV_WRITABLE_PIPE
            container.flags = uv_stdio_flags(rawValue: UV_CREATE_PIPE.rawValue | way.rawValue)
            container.data.stream = UnsafeMutableRawPointer(pipe).assumingMemoryBound(
                to: uv_stream_t.self)
            return container
        }
        process.pointee.data = Unmanaged.passRetained(self).toOpaque()
        let code = withCStrings([program] + arguments) { argv in
            withCStrings(environment?.map { "\($0)=\($1)" } ?? []) { envp in
                stdio.withUnsafeMutableBufferPointer { stdio in
                    var options = uv_process_options_t()
                    options.file = UnsafePointer(argv[0])
                    options.args = argv
                    options.env = environment == nil ? nil : envp
                    options.stdio_count = 3
                    options.stdio = stdio.baseAddress
                    options.exit_cb = { process, status, signal in
                        guard let data = process?.pointee.data else { return }
                        let me = Unmanaged<Child>.fromOpaque(data).takeRetainedValue()
                        IO.assume {
                            me.exited(signal == 0 ? .exited(Int32(status)) : .signalled(signal))
                        }
                    }
                    return uv_spawn(IO.loop.raw, process, &options)
                }
            }
        }
        guard code == 0 else {
            Unmanaged.passUnretained(self).release()
            for pipe in pipes { closeHandle(pipe) }
            closeHandle(process)
            finish(.failure(.cannotStart(program: program, reason: LoopError.reason(code))))
            return
        }
        send(input)
        for index in 0..<2 { collect(index) }
        timer = LoopTimer(after: deadline) { [weak self] in
            guard let self else { return }
            self.kill(.timedOut(program: self.program))
        }
    }

    private func send(_ input: [UInt8]) {
        let stdin = pipes[0]
        guard !input.isEmpty else { return closeHandle(stdin) }
        let copy = UnsafeMutableBufferPointer<CChar>.allocate(capacity: input.count)
        input.withUnsafeBytes { UnsafeMutableRawBufferPointer(copy).copyBytes(from: $0) }
        let request = UnsafeMutablePointer<uv_write_t>.allocate(capacity: 1)
        request.pointee.data = UnsafeMutableRawPointer(copy.baseAddress)
        var buffer = uv_buf_init(copy.baseAddress, UInt32(input.count))
        let stream = UnsafeMutableRawPointer(stdin).assumingMemoryBound(to: uv_stream_t.self)
        uv_write(request, stream, &buffer, 1) { request, _ in
            guard let request else { return }
            request.pointee.data?.deallocate()
            IO.assume(request.pointee.handle) { if let pipe = $0 { closeHandle(pipe) } }
            request.deallocate()
        }
    }

    private func collect(_ index: Int) {
        let pipe = pipes[index + 1]
        pipe.pointee.data = Unmanaged.passRetained(self).toOpaque()
        let stream = UnsafeMutableRawPointer(pipe).assumingMemoryBound(to: uv_stream_t.self)
        uv_read_start(
            stream,
            { _, _, buffer in
                let bytes = UnsafeMutableRawPointer.allocate(byteCount: 16384, alignment: 16)
                buffer?.pointee = uv_buf_init(bytes.assumingMemoryBound(to: CChar.self), 16384)
            },
            { stream, count, buffer in
                defer { buffer?.pointee.base?.deallocate() }
                guard let stream, let data = stream.pointee.data else { return }
                let me = Unmanaged<Child>.fromOpaque(data).takeUnretainedValue()
                if count > 0 {
                    IO.assume(UnsafeRawBufferPointer(start: buffer?.pointee.base, count: count)) {
                        me.received(stream, $0)
                    }
                } else if count < 0 {
                    stream.pointee.data = nil
                    IO.assume(stream) {
                        closeHandle($0)
                        me.open -= 1
                        me.finishIfOver()
                    }
                    Unmanaged.passUnretained(me).release()
                }
            })
    }

    private func received(
        _ stream: UnsafeMutablePointer<uv_stream_t>, _ bytes: UnsafeRawBufferPointer
    ) {
        let isOutput = pipes[1].isSame(as: stream)
        collected[isOutput ? 0 : 1].append(contentsOf: bytes)
        if collected[0].count + collected[1].count > limit {
            kill(.tooMuchOutput(program: program, limit: limit))
        }
    }

    /// Ends the wait at once: a grandchild may hold the pipes open for ever.
    private func kill(_ reason: LoopError) {
        guard failure == nil else { return }
        failure = reason
        if end == nil { uv_process_kill(process, SIGKILL) }
        for pipe in pipes[1...] {
            guard let data = pipe.pointee.data else { continue }
            pipe.pointee.data = nil
            closeHandle(pipe)
            Unmanaged<Child>.fromOpaque(data).release()
            open -= 1
        }
        finishIfOver()
    }

    private func exited(_ end: ChildEnd) {
        self.end = end
        closeHandle(process)
        finishIfOver()
    }

    private func finishIfOver() {
        guard let end, open == 0 else { return }
        if let failure { return finish(.failure(failure)) }
        finish(.success(ChildResult(end: end, output: collected[0], errorOutput: collected[1])))
    }

    private func finish(_ result: Result<ChildResult, LoopError>) {
        timer?.cancel()
        timer = nil
        done?(result)
        done = nil
    }
}

extension UnsafeMutablePointer {
    /// Whether another handle pointer is this one; libuv's handles share their first fields.
    fileprivate func isSame<Other>(as other: UnsafeMutablePointer<Other>) -> Bool {
        UInt(bitPattern: self) == UInt(bitPattern: other)
    }
}

/// Lends strings as a C array ended by NULL.
func withCStrings<T>(
    _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> T
) -> T {
    let array = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(
        capacity: strings.count + 1)
    for (index, string) in strings.enumerated() { array[index] = strdup(string) }
    array[strings.count] = nil
    defer {
        for index in strings.indices { free(array[index]) }
        array.deallocate()
    }
    return body(array)
}
