// The socket as libssh2 sees it, through its SEND and RECV callbacks. Everything libssh2 sends is
// taken at once and what the socket does not want yet is kept here, so no send of libssh2 ever
// reports EAGAIN and no operation can be left half sent (SSH.md §8, 1 and 7). Callers hold data
// back while `unsent` is large. Invariant: one thread at a time, the one that drives the session.
import Glibc

/// A connected socket with an output buffer.
final class SocketTransport {
    enum State: Equatable {
        case open
        /// The peer is gone: what libssh2 has received can still be read, nothing more comes.
        case drained
        /// Every read and write fails, so that libssh2 frees without waiting.
        case shut
    }

    /// Above this nothing more is read either: a peer that asks and does not read is held off.
    static let outputLimit = 4 << 20

    private(set) var descriptor: Int32
    private(set) var state = State.open
    /// The socket may have something to read; cleared when it has not, set by its readiness.
    var mayRead = true
    /// Nothing is read just now, though there may be something (see Channel's requests).
    var isHeld = false
    /// Bytes received so far: the sign of life.
    private(set) var received: UInt64 = 0
    /// Why the socket is drained.
    private(set) var failure = ""
    /// The first bytes of the server, until the handshake is over.
    private(set) var firstBytes: [UInt8]? = []
    private var output: [UInt8] = []
    private var sent = 0

    init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close() }

    /// Bytes that libssh2 has sent and the socket has not taken.
    var unsent: Int { output.count - sent }

    func forgetFirstBytes() { firstBytes = nil }

    /// Takes all of `bytes`; negative errno once shut.
    func send(_ bytes: UnsafeRawBufferPointer) -> Int {
        switch state {
        case .shut: return -Int(EPIPE)
        case .drained: return bytes.count
        case .open: break
        }
        var taken = 0
        if unsent == 0 { taken = write(bytes) }
        if taken < bytes.count {
            output.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[taken...]))
        }
        return bytes.count
    }

    /// Bytes read, or negative errno; the end of the stream shows as `state`, not here.
    func receive(_ bytes: UnsafeMutableRawBufferPointer) -> Int {
        switch state {
        case .shut: return -Int(EPIPE)
        case .drained: return -Int(EAGAIN)
        case .open: break
        }
        guard mayRead, !isHeld, unsent < Self.outputLimit else { return -Int(EAGAIN) }
        while true {
            let count = recv(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT))
            if count > 0 {
                received += UInt64(count)
                if count < bytes.count { mayRead = false }
                if let first = firstBytes, first.count < 65536 {
                    firstBytes = first + UnsafeRawBufferPointer(rebasing: bytes[..<count])
                }
                return count
            }
            if count < 0 && errno == EINTR { continue }
            mayRead = false
            if count == 0 {
                drain("the server closed the connection")
            } else if errno != EAGAIN {
                drain(String(cString: strerror(errno)))
            }
            return -Int(EAGAIN)
        }
    }

    /// Writes what waits, as far as the socket takes it.
    func flush() {
        guard state == .open, unsent > 0 else { return }
        sent += output.withUnsafeBytes { write(UnsafeRawBufferPointer(rebasing: $0[sent...])) }
        if sent == output.count {
            output.removeAll(keepingCapacity: output.capacity <= 1 << 17)
            sent = 0
        } else if sent > 1 << 18 {
            output.removeFirst(sent)
            sent = 0
        }
    }

    /// Without it the kernel delays the acknowledgement sshd's Nagle waits for, up to 40 ms; it
    /// resets itself, so it is set before each wait.
    func acknowledgeQuickly() {
        guard state == .open else { return }
        var one: Int32 = 1
        setsockopt(
            descriptor, Int32(IPPROTO_TCP), TCP_QUICKACK, &one, socklen_t(MemoryLayout<Int32>.size))
    }

    func drain(_ reason: String) {
        guard state == .open else { return }
        state = .drained
        failure = reason
        output = []
        sent = 0
    }

    /// Closes the socket; from now on libssh2 gets errors instead of EAGAIN.
    func close() {
        state = .shut
        guard descriptor >= 0 else { return }
        Glibc.close(descriptor)
        descriptor = -1
    }

    private func write(_ bytes: UnsafeRawBufferPointer) -> Int {
        var taken = 0
        while taken < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[taken...])
            let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
            let count = Glibc.send(descriptor, rest.baseAddress, rest.count, flags)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                if errno != EAGAIN { drain(String(cString: strerror(errno))) }
                break
            }
            taken += count
        }
        return state == .open ? taken : bytes.count
    }
}
