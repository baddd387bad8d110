// Accepting connections on TCP or a Unix socket, a few in each turn of the loop.
// Invariant: connections that come as fast as they are accepted do not hold up the loop's other
// work.
internal import CUV
import Glibc
public import Loop

/// A listening socket.
@IO public final class Listener {
    /// The address it is bound to (with the port chosen for 0); nil on a Unix socket.
    public private(set) var address: SocketAddress?

    private var handle: UnsafeMutableRawPointer?
    /// The socket while it is paused: it goes on taking connections, which wait in the system.
    private var held: Int32?
    private let isTCP: Bool
    private let accepted: @IO (SocketStream) -> Void
    private var intake = Intake()

    /// Connections accepted in one turn of the loop.
    ///
    /// Accepting 32 takes about 1 ms; more wait for the next turn. Left alone, libuv goes on until
    /// none is left.
    public nonisolated static let perTurn = 32
    /// Connections that the system may hold until they are accepted; it cuts this down to its own
    /// limit (4096 on Linux).
    ///
    /// Beyond it, a peer believes that it is connected, and hears nothing until its system has sent
    /// its first bytes again, after up to 15 s: a fleet whose relay was away dials all at once.
    private nonisolated static let backlog: Int32 = 4096

    /// What was accepted in this turn.
    private struct Intake {
        var turn: UInt = 0
        var taken = 0
        /// Set while libuv keeps a connection that is not taken yet, and accepts no others.
        var next: LoopTimer?
    }

    /// Listens on a TCP address; port 0 takes a free one.
    public static func tcp(
        _ address: SocketAddress, _ accepted: @escaping @IO (SocketStream) -> Void
    ) throws(NetError) -> Listener {
        let tcp = UnsafeMutablePointer<uv_tcp_t>.allocate(capacity: 1)
        uv_tcp_init(IO.loop.raw, tcp)
        let listener = Listener(UnsafeMutableRawPointer(tcp), isTCP: true, accepted)
        let bound = address.withSockaddr { raw, _ in uv_tcp_bind(tcp, raw, 0) }
        try listener.listen(bound, address.description)
        listener.address = listener.descriptor.flatMap(Self.address)
        return listener
    }

    /// Listens on a TCP socket that listens already: an earlier process's.
    public static func tcp(
        adopting socket: Int32, _ accepted: @escaping @IO (SocketStream) -> Void
    ) throws(NetError) -> Listener {
        let tcp = UnsafeMutablePointer<uv_tcp_t>.allocate(capacity: 1)
        uv_tcp_init(IO.loop.raw, tcp)
        let listener = Listener(UnsafeMutableRawPointer(tcp), isTCP: true, accepted)
        listener.address = address(of: socket)
        try listener.listen(uv_tcp_open(tcp, socket), listener.address?.description ?? "")
        return listener
    }

    /// The address that a socket is bound to.
    public static func address(of socket: Int32) -> SocketAddress? {
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &storage) { pointer in
            let raw = UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: sockaddr.self)
            return getsockname(socket, raw, &size) == 0 ? SocketAddress(raw) : nil
        }
    }

    /// Its socket, which stays its own; nil once it is closed.
    public var descriptor: Int32? {
        if let held { return held }
        var descriptor: Int32 = -1
        guard let handle,
            uv_fileno(handle.assumingMemoryBound(to: uv_handle_t.self), &descriptor) == 0
        else { return nil }
        return descriptor
    }

    /// Stops accepting until `resume`; connections wait in the system meanwhile.
    ///
    /// Throws, and goes on accepting, when the process may open no more descriptors.
    public func pause() throws(NetError) {
        guard isTCP, held == nil, let descriptor else { return }
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else {
            throw .cannotListen(
                address: address?.description ?? "", reason: String(cString: strerror(errno)))
        }
        // libuv has a connection in hand that was left for later, and would drop it.
        if intake.next != nil {
            intake = Intake()
            take()
        }
        held = copy
        closeStream()
    }

    /// Accepts again.
    public func resume() throws(NetError) {
        guard let held else { return }
        self.held = nil
        let tcp = UnsafeMutablePointer<uv_tcp_t>.allocate(capacity: 1)
        uv_tcp_init(IO.loop.raw, tcp)
        let handle = UnsafeMutableRawPointer(tcp)
        self.handle = handle
        stream(handle).pointee.data = Unmanaged.passUnretained(self).toOpaque()
        try listen(uv_tcp_open(tcp, held), address?.description ?? "")
    }

    /// Listens on a Unix socket with mode 0600.
    ///
    /// A file that already exists at the path is an error.
    public static func unix(
        path: String, _ accepted: @escaping @IO (SocketStream) -> Void
    ) throws(NetError) -> Listener {
        let pipe = UnsafeMutablePointer<uv_pipe_t>.allocate(capacity: 1)
        uv_pipe_init(IO.loop.raw, pipe, 0)
        let listener = Listener(UnsafeMutableRawPointer(pipe), isTCP: false, accepted)
        // Private from the start: by the umask, not by a later chmod.
        let mask = umask(0o177)
        let bound = uv_pipe_bind(pipe, path)
        umask(mask)
        try listener.listen(bound, path)
        return listener
    }

    private init(
        _ handle: UnsafeMutableRawPointer, isTCP: Bool,
        _ accepted: @escaping @IO (SocketStream) -> Void
    ) {
        self.handle = handle
        self.isTCP = isTCP
        self.accepted = accepted
        stream(handle).pointee.data = Unmanaged.passUnretained(self).toOpaque()
    }

    isolated deinit { close() }

    private func stream(_ handle: UnsafeMutableRawPointer) -> UnsafeMutablePointer<uv_stream_t> {
        handle.assumingMemoryBound(to: uv_stream_t.self)
    }

    private func listen(_ bound: Int32, _ name: String) throws(NetError) {
        guard let handle else { return }
        var code = bound
        if code == 0 {
            code = uv_listen(stream(handle), Self.backlog) { stream, status in
                guard status == 0, let data = stream?.pointee.data else { return }
                let me = Unmanaged<Listener>.fromOpaque(data).takeUnretainedValue()
                IO.assume { me.accept() }
            }
        }
        guard code == 0 else {
            close()
            throw .cannotListen(address: name, reason: NetError.reason(code))
        }
    }

    /// Whether connections should stay in the system's queue for now; asked before each one.
    public var shouldWait: (@IO () -> Bool)?
    /// How long to wait before asking again.
    private static let pause = Duration.milliseconds(5)

    private func accept() {
        guard handle != nil, intake.next == nil else { return }
        if shouldWait?() == true { return accept(after: Self.pause) }
        if intake.turn != IO.loop.turn { (intake.turn, intake.taken) = (IO.loop.turn, 0) }
        guard intake.taken < Self.perTurn else { return accept(after: .zero) }
        take()
    }

    private func take() {
        guard let handle else { return }
        intake.taken += 1
        let connection = SocketStream(tcp: isTCP)
        guard uv_accept(stream(handle), connection.stream) == 0 else {
            return connection.close(nil)
        }
        connection.connected()
        // The kernel has forgotten the address of a peer that has reset its connection: no limit
        // for an address would count it, and there is nobody to talk to.
        guard !isTCP || connection.peerAddress != nil else { return connection.close(nil) }
        accepted(connection)
    }

    private func accept(after pause: Duration) {
        intake.next = LoopTimer(after: pause) { [weak self] in
            self?.intake.next = nil
            self?.accept()
        }
    }

    /// Stops accepting; accepted connections stay open.
    public func close() {
        if let held { _ = Glibc.close(held) }
        held = nil
        closeStream()
    }

    private func closeStream() {
        guard let handle else { return }
        self.handle = nil
        intake.next = nil
        stream(handle).pointee.data = nil
        uv_close(handle.assumingMemoryBound(to: uv_handle_t.self)) {
            UnsafeMutableRawPointer($0)?.deallocate()
        }
    }
}
