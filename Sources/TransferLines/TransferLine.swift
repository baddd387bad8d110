// The line between the two ends of a transfer: in memory where one agent has both, or a raw stream
// through the relay. Invariant: what waits in a line is bounded, whatever is transferred, and its
// end is seen at both ends.
public import Loop
public import Net
public import Wire

/// One end's way to the other.
@IO public protocol TransferLine: AnyObject {
    /// What has come.
    var input: FrameQueue { get }
    /// Sends a frame; waits while the other end lags.
    func send(_ frame: TransferFrame) async throws(Fault)
    /// Nothing more is sent.
    func finish()
    /// Ends it now.
    func close(_ reason: String)
}

/// Frames that wait for their reader.
@IO public final class FrameQueue {
    /// The most bytes that wait.
    public static let limit = 1 << 20
    /// The longest wait for the other end, which may be reading 1 TB again at 12 MB/s.
    ///
    /// A lost connection ends the line long before.
    public static let patience = Duration.seconds(86_400)

    private var frames: [TransferFrame] = []
    private var first = 0
    /// The bytes that wait.
    public private(set) var bytes = 0
    /// Whether nothing more comes.
    public private(set) var isEnded = false
    private let changed = Condition()

    /// No frames yet.
    public init() {}

    /// Called when there is room again.
    public var onRoom: (@IO () -> Void)?

    /// Whether the reader lags.
    public var isFull: Bool { bytes >= Self.limit }

    /// Adds a frame.
    public func add(_ frame: TransferFrame) {
        guard !isEnded else { return }
        frames.append(frame)
        bytes += frame.weight
        changed.broadcast()
    }

    /// Nothing more comes.
    public func end() {
        isEnded = true
        changed.broadcast()
    }

    /// Drops what waits, and takes no more.
    public func drop() {
        (frames, first, bytes) = ([], 0, 0)
        end()
    }

    /// Waits for room, or for the end.
    public func room() async {
        await changed.wait(until: IO.now + Self.patience) { !isFull || isEnded }
    }

    /// The next frame if it has come.
    public func poll() -> TransferFrame? {
        guard first < frames.count else { return nil }
        let frame = frames[first]
        first += 1
        if first == frames.count || first >= 64 {
            frames.removeFirst(first)
            first = 0
        }
        let wasFull = isFull
        bytes -= frame.weight
        changed.broadcast()
        if wasFull, !isFull { onRoom?() }
        return frame
    }

    /// The next frame; nil: there will be none.
    public func next() async throws(Fault) -> TransferFrame? {
        await changed.wait(until: IO.now + Self.patience) { first < frames.count || isEnded }
        guard !Task.isCancelled else { throw .transferStopped }
        return poll()
    }
}

extension Fault {
    /// A transfer that was ended at its own end of the line.
    public static let transferStopped = Fault(.unavailable, "the transfer was ended")
    /// A transfer whose other end is gone.
    public static let transferLost = Fault(
        .linkLost,
        "the other end of the transfer is gone")
}

/// One end of a line within this agent.
@IO public final class MemoryLine: TransferLine {
    /// What has come.
    public let input: FrameQueue
    private let output: FrameQueue

    private init(_ input: FrameQueue, _ output: FrameQueue) {
        (self.input, self.output) = (input, output)
    }

    /// Both ends.
    public static func pair() -> (MemoryLine, MemoryLine) {
        let (one, other) = (FrameQueue(), FrameQueue())
        return (MemoryLine(one, other), MemoryLine(other, one))
    }

    /// Sends a frame; waits while the other end lags.
    public func send(_ frame: TransferFrame) async throws(Fault) {
        await output.room()
        guard !Task.isCancelled else { throw .transferStopped }
        guard !output.isEnded else { throw .transferLost }
        output.add(frame)
    }

    /// Nothing more is sent.
    public func finish() { output.end() }

    /// Ends it now.
    public func close(_ reason: String) {
        input.drop()
        output.drop()
    }
}

/// One end of a line through the relay.
@IO public final class StreamLine: TransferLine {
    /// The most bytes that wait to be sent.
    private static let unsent = 256 << 10

    /// What has come.
    public let input = FrameQueue()
    private let stream: any ByteStream
    private let turn = Condition()
    private var buffer: [UInt8] = []

    /// An end over this stream.
    public init(_ stream: any ByteStream) {
        self.stream = stream
        stream.onDrain = { [weak self] in self?.turn.broadcast() }
        stream.onEnd = { [weak self] in self?.input.end() }
        stream.onClose = { [weak self] _ in
            self?.input.end()
            self?.turn.broadcast()
        }
        input.onRoom = { [weak stream] in stream?.resumeReading() }
        unsafe stream.onData = { [weak self] bytes in unsafe self?.take(Array(bytes)) }
        if stream.isClosed { input.end() }
    }

    private func take(_ bytes: [UInt8]) {
        buffer += bytes
        var start = 0
        while buffer.count - start >= TransferFrame.headBytes {
            let begin = start + TransferFrame.headBytes
            guard let count = TransferFrame.bodyBytes(buffer[start..<begin]) else {
                return close("what it sends is no transfer")
            }
            guard buffer.count - begin >= count else { break }
            guard let frame = TransferFrame(buffer[start], Array(buffer[begin..<begin + count]))
            else { return close("what it sends is no transfer") }
            input.add(frame)
            start = begin + count
        }
        buffer.removeFirst(start)
        if input.isFull { stream.pauseReading() }
    }

    /// Sends a frame; waits while the other end lags.
    public func send(_ frame: TransferFrame) async throws(Fault) {
        await turn.wait(until: IO.now + FrameQueue.patience) {
            stream.isClosed || stream.unsent < Self.unsent
        }
        guard !Task.isCancelled else { throw .transferStopped }
        guard !stream.isClosed else { throw .transferLost }
        stream.write(frame.encoded)
    }

    /// Nothing more is sent.
    public func finish() { stream.endWriting() }

    /// Ends it now.
    public func close(_ reason: String) {
        input.drop()
        stream.close(.closed(reason: reason))
    }
}
