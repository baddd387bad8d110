// A service manager's end of sd_notify(3): a datagram socket that keeps what services say.
import Foundation

/// A socket that services report to, by `NOTIFY_SOCKET`.
public final class ServiceManager: Sendable {
    private let descriptor: Int32

    /// Listens at a path; at an abstract name if it begins with @.
    public init(_ path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var name = Array(path.utf8)
        if name[0] == UInt8(ascii: "@") { name[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
        }
        guard code == 0 else { throw Unavailable("bind \(path): errno \(errno)") }
    }

    deinit { close(descriptor) }

    /// The next message that has come; nil: there is none.
    public func next() -> String? {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
        return count < 0 ? nil : String(decoding: bytes.prefix(count), as: UTF8.self)
    }

    /// Waits for a message with this beginning, and drops those before it.
    public func hears(_ beginning: String, within limit: Duration = .seconds(20)) async -> Bool {
        await holds(within: limit) {
            while let message = self.next() { if message.hasPrefix(beginning) { return true } }
            return false
        }
    }
}
