// An IP address and port, as a C address for sockets and as text. A value.
public import CUV
import Glibc

/// An IPv4 or IPv6 address with a port.
public struct SocketAddress: Sendable, Hashable, CustomStringConvertible {
    private let bytes: [UInt8]

    /// Copies a C address; nil for a family other than IPv4 and IPv6.
    public init?(_ address: UnsafePointer<sockaddr>) {
        let size: Int
        switch Int32(address.pointee.sa_family) {
        case AF_INET: size = MemoryLayout<sockaddr_in>.size
        case AF_INET6: size = MemoryLayout<sockaddr_in6>.size
        default: return nil
        }
        bytes = Array(UnsafeRawBufferPointer(start: address, count: size))
    }

    /// Parses a numeric address (`127.0.0.1`, `::1`); nil when it is not one.
    public init?(ip: String, port: UInt16) {
        var four = sockaddr_in()
        if uv_ip4_addr(ip, Int32(port), &four) == 0 {
            bytes = withUnsafeBytes(of: four) { Array($0) }
            return
        }
        var six = sockaddr_in6()
        guard uv_ip6_addr(ip, Int32(port), &six) == 0 else { return nil }
        bytes = withUnsafeBytes(of: six) { Array($0) }
    }

    /// Whether it is IPv6.
    public var isIPv6: Bool { bytes.count == MemoryLayout<sockaddr_in6>.size }

    /// `AF_INET` or `AF_INET6`.
    public var family: Int32 { isIPv6 ? AF_INET6 : AF_INET }

    /// The port.
    public var port: UInt16 { UInt16(bytes[2]) << 8 | UInt16(bytes[3]) }

    /// The 4 or 16 bytes of the address.
    public var octets: [UInt8] { Array(isIPv6 ? bytes[8..<24] : bytes[4..<8]) }

    /// The address without the port.
    public var host: String {
        var text = [CChar](repeating: 0, count: 64)
        withSockaddr { address, _ in
            _ =
                isIPv6
                ? uv_ip6_name(
                    UnsafeRawPointer(address).assumingMemoryBound(to: sockaddr_in6.self), &text, 64)
                : uv_ip4_name(
                    UnsafeRawPointer(address).assumingMemoryBound(to: sockaddr_in.self), &text, 64)
        }
        return String(
            decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Whether only this machine can reach it (127.0.0.0/8, ::1).
    public var isLoopback: Bool {
        isIPv6
            ? bytes[8..<24].elementsEqual([UInt8](repeating: 0, count: 15) + [1]) : bytes[4] == 127
    }

    /// What counts as one address where strangers have a share: an IPv4 address, or the IPv6
    /// network of 64 bits that one subscriber has.
    ///
    /// Nil for this machine: a proxy on it stands for everybody.
    public var subscriber: String? {
        guard !isLoopback else { return nil }
        guard isIPv6 else { return host }
        let octets = octets
        if octets[..<10].allSatisfy({ $0 == 0 }), octets[10...11].allSatisfy({ $0 == 255 }) {
            return octets[12...].map(String.init).joined(separator: ".")
        }
        return octets[..<8].map { String($0, radix: 16) }.joined(separator: ":")
    }

    /// Whether it stands for every address of the machine (0.0.0.0, ::).
    public var isWildcard: Bool { (isIPv6 ? bytes[8..<24] : bytes[4..<8]).allSatisfy { $0 == 0 } }

    /// The addresses of this machine's interfaces, without ports.
    public static var ofThisMachine: [String] {
        var list: UnsafeMutablePointer<uv_interface_address_t>?
        var count: Int32 = 0
        guard uv_interface_addresses(&list, &count) == 0, let list else { return [] }
        defer { uv_free_interface_addresses(list, count) }
        return (0..<Int(count)).compactMap { index in
            withUnsafePointer(to: list[index].address) { address in
                SocketAddress(UnsafeRawPointer(address).assumingMemoryBound(to: sockaddr.self))?
                    .host
            }
        }
    }

    /// `host:port`, IPv6 in brackets.
    public var description: String { isIPv6 ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// Lends the C address and its length.
    public func withSockaddr<T, Failure: Error>(
        _ body: (UnsafePointer<sockaddr>, socklen_t) throws(Failure) -> T
    ) throws(Failure) -> T {
        // A copy in storage that is aligned for every family.
        var storage = sockaddr_storage()
        withUnsafeMutableBytes(of: &storage) { $0.copyBytes(from: bytes) }
        let count = socklen_t(bytes.count)
        return try withUnsafePointer(to: &storage) { (pointer) throws(Failure) -> T in
            try body(UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self), count)
        }
    }
}
