// Loopback ports and connections, for real servers that cannot choose a port themselves.
import Foundation

/// Loopback ports.
public enum Ports {
    /// A port that was free a moment ago; the caller retries if someone else took it.
    public static func free() throws(Unavailable) -> UInt16 {
        let descriptor = try tcp()
        defer { close(descriptor) }
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        var address = loopback(0)
        let code = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) | getsockname(descriptor, $0, &size)
            }
        }
        guard code == 0 else { throw Unavailable("bind: errno \(errno)") }
        return UInt16(bigEndian: address.sin_port)
    }

    /// Whether sockets can listen on the loopback address of IPv6.
    static var hasIPv6: Bool {
        let descriptor = socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_addr = in6addr_loopback
        let size = socklen_t(MemoryLayout<sockaddr_in6>.size)
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, size) }
        } == 0
    }

    /// A blocking connection to `port` on 127.0.0.1.
    public static func connect(to port: UInt16) throws(Unavailable) -> Int32 {
        let descriptor = try tcp()
        var address = loopback(port)
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Foundation.connect(descriptor, $0, size)
            }
        }
        guard code == 0 else {
            let reason = errno
            close(descriptor)
            throw Unavailable("cannot connect to port \(port): errno \(reason)")
        }
        return descriptor
    }

    /// A listening socket on 127.0.0.1, and its port.
    static func listen() throws(Unavailable) -> (Int32, UInt16) {
        let descriptor = try tcp()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        var address = loopback(0)
        let code = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) | Foundation.listen(descriptor, 64)
                    | getsockname(descriptor, $0, &size)
            }
        }
        guard code == 0 else {
            let reason = errno
            close(descriptor)
            throw Unavailable("cannot listen: errno \(reason)")
        }
        return (descriptor, UInt16(bigEndian: address.sin_port))
    }

    private static func tcp() throws(Unavailable) -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Unavailable("socket: errno \(errno)") }
        return descriptor
    }

    private static func loopback(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        address.sin_port = port.bigEndian
        return address
    }
}
