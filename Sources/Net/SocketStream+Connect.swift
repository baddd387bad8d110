// Connecting a SocketStream: over TCP by the Dialler, to a Unix socket at once.
internal import CUV
import Glibc
public import Loop

extension SocketStream {
    /// Connects to `host`:`port` over TCP within `deadline`.
    public static func connect(
        host: String, port: UInt16, deadline: Duration = .seconds(10),
        _ dialling: Dialling = Dialling()
    ) async throws(NetError) -> SocketStream {
        try adopt(
            tcp: try await Dialler.descriptor(
                host: host, port: port, deadline: deadline, dialling))
    }

    /// Connects to one address over TCP.
    public static func connect(
        to address: SocketAddress, deadline: Duration
    ) async throws(NetError) -> SocketStream {
        try adopt(tcp: try await Dialler.descriptor(to: address, deadline: deadline))
    }

    /// Connects to a Unix socket, which succeeds or fails at once.
    public static func connect(path: String) async throws(NetError) -> SocketStream {
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = socket(AF_UNIX, kind | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .connect(path, -errno) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let isShort = withUnsafeMutableBytes(of: &address.sun_path) { space in
            // A zero byte ends the path.
            guard path.utf8.count < space.count else { return false }
            space.copyBytes(from: path.utf8)
            return true
        }
        let code = withUnsafePointer(to: &address) { pointer in
            let raw = UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self)
            return Glibc.connect(descriptor, raw, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
        let reason = isShort ? errno : ENAMETOOLONG
        guard isShort, code == 0 else {
            Glibc.close(descriptor)
            throw .connect(path, -reason)
        }
        let stream = SocketStream(tcp: false)
        let opened = uv_pipe_open(stream.pipe, descriptor)
        return try stream.opened(opened, descriptor)
    }

    private static func adopt(tcp descriptor: Int32) throws(NetError) -> SocketStream {
        let stream = SocketStream(tcp: true)
        return try stream.opened(uv_tcp_open(stream.tcp, descriptor), descriptor)
    }

    private func opened(_ code: Int32, _ descriptor: Int32) throws(NetError) -> SocketStream {
        guard code == 0 else {
            Glibc.close(descriptor)
            close(nil)
            throw .closed(reason: NetError.reason(code))
        }
        connected()
        return self
    }
}
