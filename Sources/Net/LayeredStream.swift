// What a stream that lies over another one, as TLS over TCP, leaves to that one.
public import Loop

/// A stream whose bytes go in another form through the stream below, which has the queue, the peer
/// and the pauses.
@IO public protocol LayeredStream: ByteStream {
    /// The stream that carries this one.
    var below: any ByteStream { get }
}

extension LayeredStream {
    /// As in `ByteStream`.
    public var onDrain: (@IO () -> Void)? {
        get { below.onDrain }
        set { below.onDrain = newValue }
    }
    /// As in `ByteStream`.
    public var peer: String { below.peer }
    /// As in `ByteStream`.
    public var peerAddress: SocketAddress? { below.peerAddress }
    /// As in `ByteStream`.
    public var unsent: Int { below.unsent }
    /// As in `ByteStream`.
    public var unacknowledged: Int { below.unacknowledged }
    /// As in `ByteStream`.
    public func flush() { below.flush() }
    /// As in `ByteStream`.
    public func limitUnsentInKernel(bytes: Int32) { below.limitUnsentInKernel(bytes: bytes) }
    /// As in `ByteStream`.
    public func pauseReading() { below.pauseReading() }
    /// As in `ByteStream`.
    public func resumeReading() { below.resumeReading() }
    /// As `finish`: such a stream ends both directions at once.
    public func endWriting() { finish() }
}
