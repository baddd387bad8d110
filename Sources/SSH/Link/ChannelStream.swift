// A TCP connection over a link as a ByteStream, so that it can be joined to a socket.
// Invariant: each direction ends by itself; nothing is read without a handler or while paused.
internal import CSSH2
public import Loop
public import Net
internal import Programs

/// A TCP connection that the server of a link has made, or has accepted.
@IO public final class ChannelStream: ByteStream {
    /// As in `ByteStream`.
    public var onData: (@IO (UnsafeRawBufferPointer) -> Void)? { didSet { read() } }
    /// As in `ByteStream`.
    public var onDrain: (@IO () -> Void)?
    /// As in `ByteStream`.
    public var onEnd: (@IO () -> Void)?
    /// As in `ByteStream`.
    public var onClose: (@IO (NetError?) -> Void)?
    /// As in `ByteStream`.
    public let peer: String
    /// As in `ByteStream`.
    public private(set) var isClosed = false

    private let channel: Channel
    private var isPaused = false
    private var writing = Writing.open

    private enum Writing {
        case open
        /// Our side has ended; the other may still send.
        case ended
        /// The stream closes once the queue is sent.
        case finishing
    }

    /// Takes over a channel that is paused and has no callbacks.
    public init(_ channel: Channel, peer: String) {
        (self.channel, self.peer) = (channel, peer)
        channel.onOutput = { [weak self] bytes in
            guard let self, writing != .finishing else { return }
            bytes.withUnsafeBytes { self.onData?($0) }
        }
        channel.onDrain = { [weak self] in self?.drained() }
        channel.onOutputEnd = { [weak self] in self?.ended() }
        // The channel keeps the stream until its end, as libuv keeps a socket.
        channel.onEnd = { end in
            switch end {
            case .lost(let reason): self.over(.closed(reason: reason))
            case .exited, .signalled, .unreported: self.over(nil)
            }
        }
    }

    /// As in `ByteStream`.
    public var unsent: Int { channel.unsent }

    /// As in `ByteStream`; bytes go to the connection at once.
    public func write(_ bytes: UnsafeRawBufferPointer) {
        guard !isClosed, writing == .open else { return }
        channel.write(Array(bytes))
    }

    /// As in `ByteStream`: nothing waits for it.
    public func flush() {}

    /// As in `ByteStream`.
    public func pauseReading() {
        isPaused = true
        channel.pause()
    }

    /// As in `ByteStream`.
    public func resumeReading() {
        isPaused = false
        read()
    }

    private func read() {
        if !isPaused, onData != nil, !isClosed { channel.resume() }
    }

    private func drained() {
        if writing == .finishing { return close(nil) }
        if writing == .open { onDrain?() }
    }

    private func ended() {
        guard writing != .finishing else { return }
        guard let onEnd else { return finish() }
        onEnd()
    }

    /// As in `ByteStream`.
    public func endWriting() {
        guard !isClosed, writing == .open else { return }
        writing = .ended
        channel.sendEOF()
    }

    /// As in `ByteStream`.
    public func finish() {
        guard !isClosed, writing != .finishing else { return }
        writing = .finishing
        guard unsent > 0 else { return close(nil) }
        // Read on, as only the end matters.
        channel.resume()
    }

    /// As in `ByteStream`.
    public func close(_ error: NetError?) {
        guard !isClosed else { return }
        over(error)
        channel.close()
    }

    private func over(_ error: NetError?) {
        guard !isClosed else { return }
        isClosed = true
        let closed = onClose
        (onData, onDrain, onEnd, onClose) = (nil, nil, nil, nil)
        closed?(error)
    }
}
