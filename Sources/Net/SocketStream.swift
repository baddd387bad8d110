// A connected TCP or Unix socket as a ByteStream (uv_tcp_t, uv_pipe_t). Invariant: an idle stream
// owns no buffer; all reads share one buffer, and written bytes are released once sent.
internal import CUV
import Glibc
public import Loop

/// One connected socket.
///
/// libuv keeps it alive until it is closed.
@IO public final class SocketStream: ByteStream, Flushable, Worker {
    /// As in `ByteStream`.
    public var onData: (@IO (UnsafeRawBufferPointer) -> Void)? { didSet { read() } }
    /// As in `ByteStream`.
    public var onDrain: (@IO () -> Void)?
    /// As in `ByteStream`.
    public var onEnd: (@IO () -> Void)?
    /// As in `ByteStream`.
    public var onClose: (@IO (NetError?) -> Void)?
    /// As in `ByteStream`.
    public private(set) var isClosed = false
    /// As in `ByteStream`.
    public internal(set) var peer = ""

    /// As in `ByteStream`.
    public private(set) var peerAddress: SocketAddress?

    private let handle: UnsafeMutableRawPointer
    private let isTCP: Bool
    private var output = Output()
    private var reading = Reading()
    private var finishing = false { didSet { read() } }
    private var endingWrite = false
    private var finishDeadline: LoopTimer?

    /// The bytes to write, and how many libuv has taken.
    private struct Output {
        var queue: [UInt8] = []
        /// Bytes passed to libuv but not yet to the system.
        var inFlight = 0
        var isDirty = false
        var isEmpty: Bool { queue.isEmpty && inFlight == 0 }
    }

    /// Whether it reads, and what keeps it from reading.
    private struct Reading {
        var isOn = false
        var isConnected = false
        var isPaused = false
        /// It has used up its slice of this turn.
        var isResting = false
    }

    /// One read buffer for all streams: libuv reads one at a time.
    private static let readBuffer = UnsafeMutableRawBufferPointer.allocate(
        byteCount: 65536, alignment: 16)
    /// The storage of the last queue that drained, for the next one that fills.
    private static var spare: [UInt8] = []

    init(tcp: Bool) {
        isTCP = tcp
        if tcp {
            let tcp = UnsafeMutablePointer<uv_tcp_t>.allocate(capacity: 1)
            uv_tcp_init(IO.loop.raw, tcp)
            handle = UnsafeMutableRawPointer(tcp)
        } else {
            let pipe = UnsafeMutablePointer<uv_pipe_t>.allocate(capacity: 1)
            uv_pipe_init(IO.loop.raw, pipe, 0)
            handle = UnsafeMutableRawPointer(pipe)
        }
        stream.pointee.data = Unmanaged.passRetained(self).toOpaque()
    }

    var stream: UnsafeMutablePointer<uv_stream_t> {
        handle.assumingMemoryBound(to: uv_stream_t.self)
    }
    var tcp: UnsafeMutablePointer<uv_tcp_t> { handle.assumingMemoryBound(to: uv_tcp_t.self) }
    var pipe: UnsafeMutablePointer<uv_pipe_t> { handle.assumingMemoryBound(to: uv_pipe_t.self) }

    static func owner(of data: UnsafeMutableRawPointer?) -> SocketStream? {
        data.map { Unmanaged<SocketStream>.fromOpaque($0).takeUnretainedValue() }
    }

    /// Called once connected: reads the peer's name, sets the options, starts reading.
    func connected() {
        if isTCP {
            uv_tcp_nodelay(tcp, 1)
            uv_tcp_keepalive(tcp, 1, 60)
            var storage = sockaddr_storage()
            var size = Int32(MemoryLayout<sockaddr_storage>.size)
            withUnsafeMutablePointer(to: &storage) { pointer in
                let raw = UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: sockaddr.self)
                guard uv_tcp_getpeername(tcp, raw, &size) == 0 else { return }
                peerAddress = SocketAddress(raw)
            }
            peer = peerAddress?.description ?? "?"
        } else {
            peer = "unix"
        }
        reading.isConnected = true
        read()
    }

    /// The user id of the process at the other end of a Unix socket, when it connected or began to
    /// listen (`SO_PEERCRED`); nil on TCP.
    public var peerUser: UInt32? {
        guard !isTCP else { return nil }
        // struct ucred, which Swift does not see: process, user, group, 32 bits each.
        var found: [UInt32] = [0, 0, 0]
        var size = socklen_t(found.count * MemoryLayout<UInt32>.size)
        return getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &found, &size) == 0 ? found[1] : nil
    }

    /// As in `ByteStream` (`TCP_NOTSENT_LOWAT`).
    public func limitUnsentInKernel(bytes: Int32) {
        guard isTCP else { return }
        var value = bytes
        setsockopt(
            descriptor, Int32(IPPROTO_TCP), 25, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    var descriptor: Int32 {
        var fd: Int32 = -1
        uv_fileno(handle.assumingMemoryBound(to: uv_handle_t.self), &fd)
        return fd
    }

    // MARK: Reading

    /// As in `ByteStream`.
    public func pauseReading() {
        reading.isPaused = true
        read()
    }

    /// As in `ByteStream`.
    public func resumeReading() {
        reading.isPaused = false
        read()
    }

    /// Reads if there is a handler, or while finishing, when only the end matters.
    private func read() {
        guard !isClosed, reading.isConnected else { return }
        let wanted =
            !reading.isPaused && !reading.isResting && (onData != nil || finishing)
        guard wanted != reading.isOn else { return }
        reading.isOn = wanted
        guard wanted else {
            uv_read_stop(stream)
            return
        }
        uv_read_start(
            stream,
            { _, _, buffer in
                IO.assume(buffer) {
                    let space = SocketStream.readBuffer
                    $0?.pointee = uv_buf_init(
                        space.baseAddress?.assumingMemoryBound(to: CChar.self), UInt32(space.count))
                }
            },
            { stream, count, buffer in
                guard count != 0, let me = SocketStream.owner(of: stream?.pointee.data) else {
                    return
                }
                if count > 0 {
                    IO.assume(UnsafeRawBufferPointer(start: buffer?.pointee.base, count: count)) {
                        bytes in
                        if !me.finishing { me.onData?(bytes) }
                        if Burst.isOver(me, adding: bytes.count) { me.rest() }
                    }
                } else {
                    IO.assume { me.ended(Int32(count)) }
                }
            })
    }

    private func rest() {
        guard !isClosed, !reading.isResting else { return }
        reading.isResting = true
        read()
        IO.loop.workLater(self)
    }

    /// Reads on after a slice.
    public func work() {
        reading.isResting = false
        read()
    }

    private func ended(_ code: Int32) {
        guard code == UV_EOF.rawValue else {
            return close(.closed(reason: NetError.reason(code)))
        }
        guard let onEnd else { return close(nil) }
        reading.isPaused = true
        read()
        onEnd()
    }

    // MARK: Writing

    /// As in `ByteStream`.
    public var unsent: Int { output.queue.count + output.inFlight }

    /// As in `ByteStream` (`SIOCOUTQ`).
    public var unacknowledged: Int {
        var queued: Int32 = 0
        guard !isClosed, isTCP, ioctl(descriptor, UInt(TIOCOUTQ), &queued) == 0 else {
            return unsent
        }
        return unsent + Int(queued)
    }

    /// As in `ByteStream`.
    public func write(_ bytes: UnsafeRawBufferPointer) {
        guard !isClosed, !finishing, !endingWrite else { return }
        if output.queue.isEmpty, output.queue.capacity == 0 { swap(&output.queue, &Self.spare) }
        output.queue.append(contentsOf: bytes)
        if !output.isDirty {
            output.isDirty = true
            IO.loop.flushAtEndOfTurn(self)
        }
    }

    /// As in `ByteStream`.
    public func flushTurn() {
        output.isDirty = false
        flush()
    }

    /// As in `ByteStream`.
    public func flush() {
        guard !isClosed, output.inFlight == 0, !output.queue.isEmpty else { return }
        let sent = output.queue.withUnsafeBytes { bytes in
            var buffer = uv_buf_init(
                UnsafeMutableRawPointer(mutating: bytes.baseAddress)?
                    .assumingMemoryBound(to: CChar.self), UInt32(bytes.count))
            return Int(uv_try_write(stream, &buffer, 1))
        }
        if sent == output.queue.count { return drained() }
        guard sent >= 0 || sent == Int(UV_EAGAIN.rawValue) else {
            return close(.closed(reason: NetError.reason(Int32(sent))))
        }
        sendRest(from: max(sent, 0))
    }

    private func drained() {
        output.queue.removeAll(keepingCapacity: output.queue.capacity <= 1 << 18)
        swap(&output.queue, &Self.spare)
        output.queue = []
        if finishing { return close(nil) }
        if endingWrite { return shutDownWriting() }
        onDrain?()
    }

    /// The system's buffer is full: libuv writes the rest when it can.
    private func sendRest(from start: Int) {
        let rest = output.queue.count - start
        let copy = UnsafeMutableRawPointer.allocate(byteCount: rest, alignment: 16)
        output.queue.withUnsafeBytes { bytes in
            UnsafeMutableRawBufferPointer(start: copy, count: rest).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: bytes[start...]))
        }
        output.queue.removeAll(keepingCapacity: false)
        output.inFlight = rest
        let request = UnsafeMutablePointer<uv_write_t>.allocate(capacity: 1)
        request.pointee.data = copy
        var buffer = uv_buf_init(copy.assumingMemoryBound(to: CChar.self), UInt32(rest))
        uv_write(request, stream, &buffer, 1) { request, status in
            guard let request else { return }
            request.pointee.data?.deallocate()
            let me = SocketStream.owner(of: request.pointee.handle?.pointee.data)
            request.deallocate()
            IO.assume { me?.wrote(status) }
        }
    }

    private func wrote(_ status: Int32) {
        output.inFlight = 0
        guard !isClosed else { return }
        if status < 0 { return close(.closed(reason: NetError.reason(status))) }
        if output.queue.isEmpty { drained() } else { flush() }
    }

    // MARK: The end

    /// As in `ByteStream`.
    public func endWriting() {
        guard !isClosed, !finishing, !endingWrite else { return }
        endingWrite = true
        if output.isEmpty { shutDownWriting() }
    }

    private func shutDownWriting() {
        let request = UnsafeMutablePointer<uv_shutdown_t>.allocate(capacity: 1)
        let code = uv_shutdown(request, stream) { request, _ in request?.deallocate() }
        if code != 0 {
            request.deallocate()
            close(.closed(reason: NetError.reason(code)))
        }
    }

    /// As in `ByteStream`.
    public func finish() {
        guard !isClosed, !finishing else { return }
        if output.isEmpty { return close(nil) }
        finishing = true
        // A peer that has read nothing for 10 s must not hold the socket forever; a slow one may.
        var before = unsent
        finishDeadline = LoopTimer(after: .seconds(10), repeating: .seconds(10)) { [weak self] in
            guard let self else { return }
            if self.unsent == before { self.close(nil) }
            before = self.unsent
        }
    }

    /// As in `ByteStream`.
    public func close(_ error: NetError?) {
        guard !isClosed else { return }
        isClosed = true
        finishDeadline?.cancel()
        finishDeadline = nil
        output.queue = []
        uv_read_stop(stream)
        uv_close(handle.assumingMemoryBound(to: uv_handle_t.self)) { handle in
            guard let handle, let data = handle.pointee.data else { return }
            Unmanaged<SocketStream>.fromOpaque(data).release()
            UnsafeMutableRawPointer(handle).deallocate()
        }
        let ended = onClose
        onData = nil
        onDrain = nil
        onEnd = nil
        onClose = nil
        ended?(error)
    }
}
