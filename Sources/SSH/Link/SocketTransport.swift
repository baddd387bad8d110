// A TCP socket as a session's transport.
// Invariant: the socket is closed once, before the session is freed.
import Glibc

/// A connected socket.
final class SocketTransport: Transport {
    private var socket: Int32

    init(descriptor: Int32) { socket = descriptor }

    deinit { close() }

    override var descriptor: Int32 { socket }

    override func read(_ bytes: UnsafeMutableRawBufferPointer) -> Int {
        while true {
            let count = recv(socket, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT))
            if count > 0 { return count }
            if count < 0 && errno == EINTR { continue }
            if count == 0 {
                drain("the server closed the connection")
            } else if errno != EAGAIN {
                drain(String(cString: strerror(errno)))
            }
            return 0
        }
    }

    override func write(_ bytes: UnsafeRawBufferPointer) -> Int {
        var taken = 0
        while taken < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[taken...])
            let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
            let count = Glibc.send(socket, rest.baseAddress, rest.count, flags)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                if errno != EAGAIN { drain(String(cString: strerror(errno))) }
                break
            }
            taken += count
        }
        return state == .open ? taken : bytes.count
    }

    /// Stops the kernel from delaying the ACK that sshd's Nagle algorithm waits for.
    ///
    /// The delay is up to 40 ms; the option resets itself, so it is set before each wait.
    func acknowledgeQuickly() {
        guard state == .open else { return }
        var one: Int32 = 1
        setsockopt(
            socket, Int32(IPPROTO_TCP), TCP_QUICKACK, &one, socklen_t(MemoryLayout<Int32>.size))
    }

    override func close() {
        super.close()
        guard socket >= 0 else { return }
        Glibc.close(socket)
        socket = -1
    }
}
