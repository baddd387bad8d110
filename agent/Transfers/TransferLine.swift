// The line between the two ends of a transfer: in memory where one agent has both, or a raw stream
// through the relay. Invariant: what waits in a line is bounded, whatever is transferred, and its
// end is seen at both ends.
import Loop
import Net
import Wire

/// One end's way to the other.
@IO protocol TransferLine: AnyObject {
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
@IO final class FrameQueue {
    /// The most bytes that wait.
    static let limit = 1 << 20
    /// The longest wait for the other end, which may be reading 1 TB again at 12 MB/s.
    ///
    /// A lost connection ends the line long before.
    static let patience = Duration.seconds(86_400)

    private var frames: [TransferFrame] = []
    private var first = 0
    private(set) var bytes = 0
    private(set) var isEnded = false
    private let changed = Condition()
    /// Called when there is room again.
    var onRoom: (@IO () -> Void)?

    /// Whether the reader lags.
    var isFull: Bool { bytes >= Self.limit }

    /// Adds a frame.
    func add(_ frame: TransferFrame) {
        guard !isEnded else { return }
        frames.append(frame)
        bytes += frame.weight
        changed.broadcast()
    }

    /// Nothing more comes.
    func end() {
        isEnded = true
        changed.broadcast()
    }

    /// Drops what waits, and takes no more.
    func drop() {
        (frames, first, bytes) = ([], 0, 0)
        end()
    }

    /// Waits for room, or for the end.
    func room() async { await changed.wait(until: IO.now + Self.patience) { !isFull || isEnded } }

    /// The next frame if it has come.
    func poll() -> TransferFrame? {
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
    func next() async throws(Fault) -> TransferFrame? {
        await changed.wait(until: IO.now + Self.patience) { first < frames.count || isEnded }
        guard !Task.isCancelled else { throw .transferStopped }
        return poll()
    }
}

extension Fault {
    static let transferStopped = Fault(.unavailable, "the transfer was ended")
    static let transferLost = Fault(
        .linkLost,
        "the other end of the transfer is gone")
}

/// One end of a line within this agent.
@IO final class MemoryLine: TransferLine {
    let input: FrameQueue
    private let output: FrameQueue

    private init(_ input: FrameQueue, _ output: FrameQueue) {
        (self.input, self.output) = (input, output)
    }

    /// Both ends.
    static func pair() -> (MemoryLine, MemoryLine) {
        let (one, other) = (FrameQueue(), FrameQueue())
        return (MemoryLine(one, other), MemoryLine(other, one))
    }

    func send(_ frame: TransferFrame) async throws(Fault) {
        await output.room()
        guard !Task.isCancelled else { throw .transferStopped }
        guard !output.isEnded else { throw .transferLost }
        output.add(frame)
    }

    func finish() { output.end() }

    func close(_ reason: String) {
        input.drop()
        output.drop()
    }
}

/// One end of a line through the relay.
@IO final class StreamLine: TransferLine {
    /// The most bytes that wait to be sent.
    private static let unsent = 256 << 10

    let input = FrameQueue()
    private let stream: any ByteStream
    private let turn = Condition()
    private var buffer: [UInt8] = []

    init(_ stream: any ByteStream) {
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

    func send(_ frame: TransferFrame) async throws(Fault) {
        await turn.wait(until: IO.now + FrameQueue.patience) {
            stream.isClosed || stream.unsent < Self.unsent
        }
        guard !Task.isCancelled else { throw .transferStopped }
        guard !stream.isClosed else { throw .transferLost }
        stream.write(frame.encoded)
    }

    func finish() { stream.endWriting() }

    func close(_ reason: String) {
        input.drop()
        stream.close(.closed(reason: reason))
    }
}
