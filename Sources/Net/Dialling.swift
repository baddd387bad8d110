// From where and how a connection is dialled: the family of addresses, an own address or interface.
// A value that Dialler obeys. Invariant: what cannot be obeyed fails the connection, as in ssh.
import Glibc
internal import Loop

/// How a TCP connection is made.
public struct Dialling: Sendable, Hashable {
    /// A family of addresses.
    public enum Family: Sendable { case ipv4, ipv6 }

    /// The addresses of the host that are tried; nil: all.
    public var family: Family?
    /// The address of this machine to connect from (`BindAddress`).
    public var from: String?
    /// The interface of this machine to connect from (`BindInterface`).
    public var interface: String?
    /// Whether the kernel asks a silent peer for a sign of life (`TCPKeepAlive`).
    public var keepsAlive = true
    /// How often connecting is tried, which the caller of Dialler counts (`ConnectionAttempts`).
    public var attempts = 1
    /// The proxy that is asked for the connection; nil: none.
    ///
    /// What is above then holds for the connection to the proxy.
    public var proxy: Proxy?

    /// From any address to any.
    public init() {}

    /// The addresses that may be tried.
    func allowed(_ addresses: [SocketAddress]) -> [SocketAddress] {
        switch family {
        case nil: addresses
        case .ipv4: addresses.filter { !$0.isIPv6 }
        case .ipv6: addresses.filter(\.isIPv6)
        }
    }

    /// The address to connect from to a target of a family; nil: any.
    func source(isIPv6: Bool) async throws(NetError) -> SocketAddress? {
        if let from {
            let found: [SocketAddress]
            do throws(LoopError) { found = try await DNS.resolve(from, port: 0) } catch {
                throw NetError(error)
            }
            if let address = found.first(where: { $0.isIPv6 == isIPv6 }) { return address }
            throw .unreachable(
                address: from, reason: "BindAddress has no \(isIPv6 ? "IPv6" : "IPv4") address")
        }
        guard let interface else { return nil }
        if let address = Self.address(of: interface, isIPv6: isIPv6) { return address }
        throw .unreachable(
            address: interface,
            reason: "BindInterface is not up, or has no \(isIPv6 ? "IPv6" : "IPv4") address")
    }

    /// The address of an interface; one that others can reach is preferred, as in ssh.
    private static func address(of interface: String, isIPv6: Bool) -> SocketAddress? {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return nil }
        defer { freeifaddrs(list) }
        var found: [SocketAddress] = []
        var next = list
        while let entry = next?.pointee {
            next = entry.ifa_next
            guard entry.ifa_flags & UInt32(IFF_UP) != 0, let raw = entry.ifa_addr,
                String(cString: entry.ifa_name) == interface,
                let address = SocketAddress(raw), address.isIPv6 == isIPv6
            else { continue }
            found.append(address)
        }
        return found.first { !$0.isLoopback && !$0.host.hasPrefix("fe80") } ?? found.first
    }
}
