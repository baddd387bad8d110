// A blocking TCP connection to a loopback port, for rows that measure the other end.
import Glibc

final class LoopbackSocket {
    let descriptor: Int32

    init(port: UInt16) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else { throw BenchError("cannot connect to port \(port): errno \(errno)") }
        set(TCP_NODELAY)
    }

    deinit { close(descriptor) }

    /// Sets a TCP option to 1.
    func set(_ option: Int32) {
        var one: Int32 = 1
        setsockopt(
            descriptor, Int32(IPPROTO_TCP), option, &one, socklen_t(MemoryLayout<Int32>.size))
    }

    func send(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw BenchError("send: errno \(errno)") }
            rest = rest.dropFirst(count)
        }
    }

    /// Adds at least one byte to `input`.
    func receive(into input: inout [UInt8]) throws {
        let count = withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 16) { buffer in
            let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if count > 0 { input.append(contentsOf: buffer[..<count]) }
            return count
        }
        guard count > 0 else { throw BenchError("the other end closed the connection") }
    }
}
