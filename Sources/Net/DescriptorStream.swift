// A pair of descriptors, such as standard input and output, as a ByteStream: by readiness for
// pipes, sockets and terminals, on a worker thread for files, which have no readiness. Invariant:
// other processes may go on using the descriptors as they were, and nothing blocks the loop.
import Glibc
public import Loop

/// Bytes from one descriptor, bytes to another.
@IO public final class DescriptorStream: ByteStream {
    /// As in `ByteStream`.
    public var onData: (@IO (UnsafeRawBufferPointer) -> Void)?
    /// As in `ByteStream`.
    public var onDrain: (@IO () -> Void)?
    /// As in `ByteStream`.
    public var onEnd: (@IO () -> Void)?
    /// As in `ByteStream`.
    public var onClose: (@IO (NetError?) -> Void)?
    /// As in `ByteStream`.
    public var peer: String { "stdio" }
    /// As in `ByteStream`.
    public private(set) var isClosed = false

    private var input: End
    private var output: End
    private var queue: [UInt8] = []
    private var isPaused = true
    private var isReadingOnWorker = false
    private var isFinishing = false
    private var hasEnded = false
    private var finishDeadline: LoopTimer?

    /// One of the two descriptors.
    @IO private struct End {
        let descriptor: Int32
        /// The flags as they were found; nil if the descriptor was opened here and is closed again.
        private let flags: Int32?
        /// nil if the kernel offers no readiness, or this end is closed.
        var readiness: Readiness?

        init(_ given: Int32, _ access: Int32) {
            let own = Self.reopened(given, access)
            descriptor = own ?? given
            flags = own == nil ? fcntl(given, F_GETFL) : nil
            readiness = try? Readiness(descriptor: descriptor)
        }

        /// The same pipe or terminal once more, because non-blocking mode holds for all processes
        /// that share a descriptor; nil for a file or a socket, or when the kernel refuses.
        private static func reopened(_ given: Int32, _ access: Int32) -> Int32? {
            var status = stat()
            guard fstat(given, &status) == 0,
                status.st_mode & S_IFMT == S_IFIFO || isatty(given) == 1
            else { return nil }
            let own = open("/proc/self/fd/\(given)", access | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
            return own < 0 ? nil : own
        }

        /// Ends the watch, and leaves the descriptor as it was found.
        mutating func letGo() {
            readiness?.close()
            readiness = nil
            if let flags {
                _ = fcntl(descriptor, F_SETFL, flags)
            } else {
                _ = Glibc.close(descriptor)
            }
        }
    }

    /// A stream over two descriptors, which stay the caller's; call `resumeReading` to begin.
    public init(input: Int32, output: Int32) {
        self.input = End(input, O_RDONLY)
        self.output = End(output, O_WRONLY)
    }

    // MARK: Reading

    /// As in `ByteStream`.
    public func pauseReading() {
        isPaused = true
        input.readiness?.stop()
    }

    /// As in `ByteStream`.
    public func resumeReading() {
        guard !isClosed, !hasEnded, isPaused else { return }
        isPaused = false
        if let readiness = input.readiness {
            readiness.watch(.read) { [weak self] _ in self?.readReady() }
        } else if !isReadingOnWorker {
            isReadingOnWorker = true
            IO.task { await self.readOnWorker() }
        }
    }

    private func readReady() {
        for _ in 0..<4 where !isPaused && !isClosed {
            guard take(Self.read(input.descriptor)) else { return }
        }
    }

    private func readOnWorker() async {
        while !isPaused, !isClosed {
            let input = input.descriptor
            guard take(await Blocking.run { Self.read(input) }) else { break }
        }
        isReadingOnWorker = false
    }

    /// nil: would block; empty: the end.
    private func take(_ bytes: [UInt8]?) -> Bool {
        guard let bytes, !isClosed else { return false }
        guard !bytes.isEmpty else {
            input.readiness?.close()
            input.readiness = nil
            isPaused = true
            hasEnded = true
            if let onEnd { onEnd() } else { close(nil) }
            return false
        }
        bytes.withUnsafeBytes { onData?($0) }
        return true
    }

    private nonisolated static func read(_ descriptor: Int32) -> [UInt8]? {
        var code = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: 65536) { space, count in
            repeat {
                code = Glibc.read(descriptor, space.baseAddress, space.count)
            } while code < 0
                && errno == EINTR
            count = max(0, code)
        }
        return code < 0 && errno == EAGAIN ? nil : bytes
    }

    // MARK: Writing

    /// As in `ByteStream`.
    public var unsent: Int { queue.count }

    /// As in `ByteStream`.
    public func write(_ bytes: UnsafeRawBufferPointer) {
        guard !isClosed, !isFinishing else { return }
        let wasEmpty = queue.isEmpty
        queue.append(contentsOf: bytes)
        if wasEmpty { flush() }
    }

    /// As in `ByteStream`.
    public func flush() {
        var sent = 0
        while sent < queue.count {
            let count = queue.withUnsafeBytes {
                Glibc.write(output.descriptor, $0.baseAddress.map { $0 + sent }, queue.count - sent)
            }
            if count >= 0 {
                sent += count
            } else if errno == EAGAIN, let writing = output.readiness {
                queue.removeFirst(sent)
                return writing.watch(.write) { [weak self] _ in self?.flush() }
            } else if errno != EINTR {
                return close(.closed(reason: "the output is gone"))
            }
        }
        queue.removeAll(keepingCapacity: queue.capacity <= 65536)
        output.readiness?.stop()
        if isFinishing { close(nil) } else { onDrain?() }
    }

    // MARK: The end

    /// As in `finish`: an output that others may share cannot be shut down separately.
    public func endWriting() { finish() }

    /// As in `ByteStream`.
    public func finish() {
        guard !isClosed, !isFinishing else { return }
        isFinishing = true
        if queue.isEmpty { return close(nil) }
        // A reader that has stopped must not hold the stream forever.
        finishDeadline = LoopTimer(after: .seconds(5)) { [weak self] in self?.close(nil) }
    }

    /// As in `ByteStream`.
    public func close(_ error: NetError?) {
        guard !isClosed else { return }
        isClosed = true
        finishDeadline?.cancel()
        finishDeadline = nil
        input.letGo()
        output.letGo()
        let closed = onClose
        onClose = nil
        onData = nil
        onDrain = nil
        onEnd = nil
        closed?(error)
    }
}
