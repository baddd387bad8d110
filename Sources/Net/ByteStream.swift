// A connection, independent of what carries it: TCP, a Unix socket, TLS on either. Bytes in by
// callback, bytes out through a buffer that is written at the end of the turn.
public import Loop

/// A two-way stream of bytes with back-pressure.
@IO public protocol ByteStream: AnyObject {
    /// Bytes as they arrive; the buffer is only lent for the call.
    ///
    /// Nothing is read until there is a handler.
    var onData: (@IO (UnsafeRawBufferPointer) -> Void)? { get set }

    /// Everything written so far has been taken by the system: time to produce more.
    var onDrain: (@IO () -> Void)? { get set }

    /// The peer will send no more, but may still read; without a handler the stream then ends.
    var onEnd: (@IO () -> Void)? { get set }

    /// Called once, at the end; the error is nil if it was orderly, from either side.
    var onClose: (@IO (NetError?) -> Void)? { get set }

    /// The peer's address as text, for messages.
    var peer: String { get }

    /// The peer's IP address; nil where there is none, as on a Unix socket.
    var peerAddress: SocketAddress? { get }

    /// Whether the stream has ended; writes to it are dropped.
    var isClosed: Bool { get }

    /// Bytes written but not yet taken by the system.
    var unsent: Int { get }

    /// Bytes written that the peer's system has not acknowledged; where that is unknown, `unsent`.
    var unacknowledged: Int { get }

    /// Queues bytes; they leave at the end of the turn, or with `flush`.
    func write(_ bytes: UnsafeRawBufferPointer)

    /// Passes the queue to the system now.
    func flush()

    /// Limits the kernel's send queue, if there is one, so that calls overtake bulk data.
    func limitUnsentInKernel(bytes: Int32)

    /// Stops `onData`, except for what has already been received (up to 64 KiB).
    func pauseReading()

    /// Resumes `onData`.
    func resumeReading()

    /// Ends our side once the queue is sent; the peer may continue to send.
    func endWriting()

    /// Ends the stream once the queue is sent; data that arrives is dropped.
    func finish()

    /// Ends the stream now; the queue is lost. `onClose` comes with `error`.
    func close(_ error: NetError?)
}

extension ByteStream {
    /// Queues an array.
    public func write(_ bytes: [UInt8]) { bytes.withUnsafeBytes { write($0) } }

    /// Ends the stream now.
    public func close() { close(nil) }

    /// None: only a TCP socket has one, directly or under TLS.
    public var peerAddress: SocketAddress? { nil }

    /// As `unsent`: only a TCP socket knows more, directly or under TLS.
    public var unacknowledged: Int { unsent }

    /// Does nothing: only a TCP socket has a kernel queue to limit, directly or under TLS.
    public func limitUnsentInKernel(bytes: Int32) {}
}
