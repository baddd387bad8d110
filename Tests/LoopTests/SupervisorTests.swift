// What a service manager hears, at a real datagram socket.
import Foundation
import Support
import Testing

@testable import Loop

@Suite struct SupervisorTests {
    @Test @IO func `a manager's socket gets each message whole`() throws {
        let folder = try TemporaryDirectory("notify")
        for path in [folder.file("socket"), "@homeline-test-\(getpid())"] {
            let manager = try ServiceManager(path)
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
