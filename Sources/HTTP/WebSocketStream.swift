// A WebSocket (RFC 6455) as a ByteStream: bytes in binary messages, over TCP or TLS. Messages and
// fragments mean nothing here; TLS or another protocol inside has its own framing.
// Invariant: what is written leaves as whole frames, and nothing is kept of what is read.
internal import Crypto
public import Loop
public import Net

/// One open WebSocket.
@safe @IO public final class WebSocketStream: LayeredStream {
    /// Which end this is.
    enum Role { case client, server }

    /// As in `ByteStream`.
    public var onData: (@IO (UnsafeRawBufferPointer) -> Void)? {
        didSet { if unsafe onData != nil { begin() } }
    }
    /// As in `ByteStream`; never called, as a WebSocket ends both directions at once.
    public var onEnd: (@IO () -> Void)?
    /// As in `ByteStream`.
    public var onClose: (@IO (NetError?) -> Void)?
    /// As in `ByteStream`.
    public private(set) var isClosed = false

    /// The stream that carries this one.
    public let below: any ByteStream
    private let role: Role
    private var reader: WebSocketReader
    /// Bytes that came with the handshake; nil once it reads.
    private var early: [UInt8]?
    /// A close frame was sent: nothing follows it.
    private var isEnding = false
    private var failure: NetError?

    /// Unsent bytes above which a ping gets no pong: its sender does not read.
    private static let pongLimit = 64 << 10
    /// The most payload bytes of a frame that is sent: far below what any proxy refuses.
    private static let frameBytes = 64 << 10
    /// Space for a frame, shared by all streams.
    private static var scratch: [UInt8] = []
    private static var masks = WebSocketMasks()

    /// Takes over a stream after the handshake, and the bytes that came with it.
    init(over below: any ByteStream, _ role: Role, early: [UInt8]) {
        self.below = below
        self.role = role
        self.early = early
        reader = WebSocketReader(expectsMask: role == .server)
        unsafe below.onData = nil
        below.onDrain = nil
        below.onEnd = { [weak below] in below?.close(nil) }
        // Strong until the stream below ends, as TLS is.
        below.onClose = { [self] in ended($0) }
        if below.isClosed { ended(nil) }
    }

    // MARK: Reading

    /// Reads from now on: a stream below reads nothing until it has a handler.
    private func begin() {
        guard let first = early, !isClosed else { return }
        early = nil
        guard !first.isEmpty else { return listen() }
        // Later in this turn, when who set the handler is ready for bytes.
        IO.task {
            unsafe first.withUnsafeBytes { unsafe self.receive($0) }
            self.listen()
        }
    }

    private func listen() {
        guard !isClosed else { return }
        unsafe below.onData = { [self] in unsafe receive($0) }
    }

    private func receive(_ bytes: UnsafeRawBufferPointer) {
        var at = 0
        do throws(WebSocketViolation) {
            while !isClosed, !isEnding,
                let part = unsafe try reader.next(Span(_unsafeBytes: bytes), at: &at)
            {
                take(part)
            }
        } catch {
            failure = .badWebSocket(reason: error.description)
            end(code: error.closeCode)
        }
    }

    private func take(_ part: WebSocketPart) {
        switch part {
        case .data(let bytes): unsafe bytes.withUnsafeBytes { unsafe onData?($0) }
        case .ping(let payload):
            if below.unsent <= Self.pongLimit { send(.pong, payload) }
        case .close(let code): end(code: code ?? 1000)
        }
    }

    // MARK: Writing

    /// As in `ByteStream`.
    public func write(_ bytes: UnsafeRawBufferPointer) {
        var start = 0
        while start < bytes.count {
            let end = min(start + Self.frameBytes, bytes.count)
            unsafe send(.binary, UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
            start = end
        }
    }

    private func send(_ kind: WebSocketReader.Kind, _ payload: [UInt8]) {
        unsafe payload.withUnsafeBytes { unsafe send(kind, $0) }
    }

    /// Writes one frame at once, or TLS below would make a record of its header alone.
    private func send(_ kind: WebSocketReader.Kind, _ payload: UnsafeRawBufferPointer) {
        guard !isClosed, !isEnding else { return }
        var frame = Self.scratch
        Self.scratch = []
        unsafe frame.append(
            frame: kind, payload, mask: role == .client ? Self.masks.next() : nil)
        below.write(frame)
        frame.removeAll(keepingCapacity: true)
        Self.scratch = frame
    }

    // MARK: The end

    /// Sends a close frame, and ends the stream below once all is sent.
    ///
    /// The peer's close frame is not waited for: what is inside says when it is complete.
    private func end(code: UInt16) {
        send(.close, [UInt8(code >> 8), UInt8(code & 255)])
        isEnding = true
        below.finish()
    }

    /// As in `ByteStream`.
    public func finish() { if !isEnding { end(code: 1000) } }

    /// As in `ByteStream`.
    public func close(_ error: NetError?) {
        failure = failure ?? error
        below.close(error)
    }

    private func ended(_ error: NetError?) {
        guard !isClosed else { return }
        isClosed = true
        let closed = onClose
        unsafe onData = nil
        // What is above holds this stream, too.
        (onEnd, onClose) = (nil, nil)
        closed?(failure ?? error)
    }
}
