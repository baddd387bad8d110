// A listener shares the loop with everything else, however many connect at once.
import Glibc
import Loop
import Support
import Testing

@testable import Net

@Suite(.timeLimit(.minutes(1))) struct ListenerTests {
    /// Connections that the system has completed while the loop was busy.
    private func backlog(_ count: Int, _ port: UInt16) -> [Int32] {
        (0..<count).compactMap { _ in
            let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            let result = unsafe withUnsafePointer(to: &address) {
                unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            return result == 0 ? socket : nil
        }
    }

    @Test @IO func `accepts a few in each turn, and all in the end`() async throws {
        var turns: [UInt: Int] = [:]
        var kept: [SocketStream] = []
        let listener = try Listener.tcp(loopback) {
            turns[IO.loop.turn, default: 0] += 1
            kept.append($0)
        }
        let sockets = backlog(200, UInt16(try #require(listener.address?.port)))
        #expect(sockets.count == 200)
        for _ in 0..<10_000 where kept.count < 200 { try await IO.sleep(for: .milliseconds(1)) }
        #expect(kept.count == 200)
        let most = turns.values.max() ?? 0
        #expect(most <= 32, "\(most) in one turn")
        for socket in sockets { Glibc.close(socket) }
        listener.close()
    }

    @Test @IO func `connections stay in the system's queue while they should wait`() async throws {
        var kept: [SocketStream] = []
        let listener = try Listener.tcp(loopback) { kept.append($0) }
        listener.shouldWait = { kept.count >= 5 }
        let sockets = backlog(12, UInt16(try #require(listener.address?.port)))
        for _ in 0..<10_000 where kept.count < 5 { try await IO.sleep(for: .milliseconds(1)) }
        try await IO.sleep(for: .milliseconds(50))
        #expect(kept.count == 5)
        listener.shouldWait = nil
        for _ in 0..<10_000 where kept.count < 12 { try await IO.sleep(for: .milliseconds(1)) }
        #expect(kept.count == 12)
        for socket in sockets { Glibc.close(socket) }
        listener.close()
    }

    /// Nobody knows whose such a connection was: it would pass every limit for an address.
    @Test @IO func `a connection that was reset before it was accepted is given to nobody`()
        async throws
    {
        var accepted: [SocketStream] = []
        let listener = try Listener.tcp(loopback) { accepted.append($0) }
        let port = UInt16(try #require(listener.address?.port))
        var resets = linger(l_onoff: 1, l_linger: 0)
        for socket in backlog(20, port) {
            unsafe setsockopt(
                socket, SOL_SOCKET, SO_LINGER, &resets, socklen_t(MemoryLayout<linger>.size))
            Glibc.close(socket)
        }
        let honest = backlog(1, port)
        for _ in 0..<10_000 where accepted.isEmpty { try await IO.sleep(for: .milliseconds(1)) }
        #expect(accepted.count == 1 && accepted.first?.peerAddress != nil)
        for socket in honest { Glibc.close(socket) }
        listener.close()
    }

    @Test @IO func `closes while a connection waits for the next turn`() async throws {
        var held: Listener?
        var accepted = 0
        let listener = try Listener.tcp(loopback) {
            accepted += 1
            $0.close()
            // In the same turn, so that the connection that libuv keeps meets a closed listener.
            guard accepted == 32 else { return }
            IO.task {
                held?.close()
                held = nil
            }
        }
        held = listener
        let sockets = backlog(100, UInt16(try #require(listener.address?.port)))
        for _ in 0..<10_000 where held != nil { try await IO.sleep(for: .milliseconds(1)) }
        try await IO.sleep(for: .milliseconds(5))
        #expect(held == nil && accepted == 32)
        for socket in sockets { Glibc.close(socket) }
    }

    /// Another process takes what waits in the system; what libuv has is nobody else's.
    @Test @IO func `a connection that waits here while it pauses is served, not dropped`()
        async throws
    {
        var kept: [SocketStream] = []
        var isFull = false
        let listener = try Listener.tcp(loopback) {
            kept.append($0)
            isFull = true
        }
        listener.shouldWait = { isFull }
        let sockets = backlog(3, UInt16(try #require(listener.address?.port)))
        for _ in 0..<10_000 where kept.isEmpty { try await IO.sleep(for: .milliseconds(1)) }
        try await IO.sleep(for: .milliseconds(20))
        #expect(kept.count == 1)
        try listener.pause()
        #expect(kept.count == 2)
        try await IO.sleep(for: .milliseconds(20))
        #expect(kept.count == 2)
        isFull = false
        listener.shouldWait = nil
        try listener.resume()
        for _ in 0..<10_000 where kept.count < 3 { try await IO.sleep(for: .milliseconds(1)) }
        #expect(kept.count == 3)
        for socket in sockets { Glibc.close(socket) }
        listener.close()
    }
}
