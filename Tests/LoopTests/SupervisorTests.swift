// What a service manager hears, at a real datagram socket.
import Foundation
import Support
import Testing

@testable import Loop

@Suite struct SupervisorTests {
    /// A manager's socket; an abstract one where the name begins with @.
    private struct Manager {
        let descriptor: Int32

        init(_ path: String) throws {
            descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            var name = Array(path.utf8)
            if name[0] == UInt8(ascii: "@") { name[0] = 0 }
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
            let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
            let code = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, length)
                }
            }
            try #require(code == 0)
        }

        func next() -> String {
            var bytes = [UInt8](repeating: 0, count: 4096)
            let count = recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
            return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
        }
    }

    @Test @IO func `a manager's socket gets each message whole`() throws {
        let folder = try TemporaryDirectory("notify")
        for path in [folder.file("socket"), "@homeline-test-\(getpid())"] {
            let manager = try Manager(path)
            defer { close(manager.descriptor) }
            #expect(Supervisor.send("READY=1", environment: ["NOTIFY_SOCKET": path]))
            #expect(manager.next() == "READY=1")
        }
    }

    @Test @IO func `without a manager nothing is sent`() {
        for path in [
            nil, "", "relative", "/nowhere/at/all", "/" + String(repeating: "x", count: 200),
        ] {
            #expect(
                !Supervisor.send(
                    "READY=1", environment: path.map { ["NOTIFY_SOCKET": $0] } ?? [:]))
        }
    }
}
