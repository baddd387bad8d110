// Readiness of a descriptor: what is there before an error is read, and then the error.
import Glibc
import Support
import Testing

@testable import Loop

@Suite(.timeLimit(.minutes(1))) struct ReadinessTests {
    @Test func `a reset connection is read to its end, however little is read at a time`()
        async throws
    {
        let (mine, theirs) = try Self.connection()
        #expect(send(theirs, "0123456789", 10, 0) == 10)
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(
            theirs, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
        close(theirs)
        defer { close(mine) }
        let (bytes, code) = try await IO.task { () async -> Result<(Int, Int32), LoopError> in
            do throws(LoopError) {
                let readiness = try Readiness(descriptor: mine)
                let over = Once<Int32>()
                var bytes = 0
                readiness.watch(.read) { _ in
                    var buffer = [UInt8](repeating: 0, count: 4)
                    let count = recv(mine, &buffer, 4, 0)
                    if count > 0 { bytes += count } else { over.set(count == 0 ? 0 : errno) }
                }
                let code = await IO.within(.seconds(10)) { await over.wait() }
                readiness.close()
                return .success((bytes, code ?? -1))
            } catch {
                return .failure(error)
            }
        }.value.get()
        #expect(bytes == 10)
        #expect(code == ECONNRESET)
    }

    /// Two ends of a TCP connection on loopback.
    private static func connection() throws -> (Int32, Int32) {
        let kind = Int32(SOCK_STREAM.rawValue)
        let listener = socket(AF_INET, kind, 0)
        defer { close(listener) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let mine = socket(AF_INET, kind, 0)
        let code = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address -> Int32 in
                guard bind(listener, address, size) == 0, listen(listener, 1) == 0,
                    getsockname(listener, address, &size) == 0
                else { return -1 }
                return connect(mine, address, size)
            }
        }
        guard code == 0 else { throw Unavailable("no loopback connection: errno \(errno)") }
        return (mine, accept(listener, nil, nil))
    }
}
