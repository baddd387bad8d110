// Addresses that do not answer, beside those that do.
import Glibc
import Loop
import Support
import Testing

@testable import Net

@Suite(.serialized, .timeLimit(.minutes(1))) struct RaceTests {
    @Test(arguments: Need.ipv6.isMet ? [true, false] : [false])
    @IO func `a black-holed address costs the head start, not the deadline`(isIPv6: Bool)
        async throws
    {
        let hole = try BlackHole(isIPv6 ? "::1" : "127.0.0.2")
        var met = 0
        let listener = try Listener.tcp(loopback) { _ in met += 1 }
        defer { listener.close() }
        let port = try #require(listener.address?.port)
        let alive = try #require(SocketAddress(ip: "127.0.0.1", port: port))
        let begin = IO.now
        let socket = try await Dialler.descriptor(
            toFirstOf: Self.entries([hole.address, alive]), deadline: .seconds(8))
        let time = IO.now - begin
        close(socket)
        // A busy machine may take longer than the 250 ms; one address after the other took 8 s.
        #expect(time >= Race.head && time < .seconds(2), "\(time)")
        #expect(await holds { met == 1 })
    }

    @Test @IO func `an address that refuses costs nothing`() async throws {
        let listener = try Listener.tcp(loopback) { _ in }
        defer { listener.close() }
        let port = try #require(listener.address?.port)
        let dead = try #require(SocketAddress(ip: "127.0.0.1", port: try Ports.free()))
        let alive = try #require(SocketAddress(ip: "127.0.0.1", port: port))
        let begin = IO.now
        close(
            try await Dialler.descriptor(
                toFirstOf: Self.entries([dead, dead, dead, alive]), deadline: .seconds(8)))
        // Three head starts would be 750 ms.
        #expect(IO.now - begin < .milliseconds(700))
    }

    @Test @IO func `no socket is left, whoever wins and whoever loses`() async throws {
        let hole = try BlackHole("127.0.0.2")
        let dead = try #require(SocketAddress(ip: "127.0.0.1", port: try Ports.free()))
        let listener = try Listener.tcp(loopback) { _ in }
        defer { listener.close() }
        let port = try #require(listener.address?.port)
        let alive = try #require(SocketAddress(ip: "127.0.0.1", port: port))
        let winner = try await Dialler.descriptor(
            toFirstOf: Self.entries([hole.address, dead, alive]), deadline: .seconds(8))
        #expect(await holds { Self.sockets() == 1 })
        close(winner)
        for losers in [[hole.address], [hole.address, dead], [dead, hole.address]] {
            do throws(NetError) {
                close(
                    try await Dialler.descriptor(
                        toFirstOf: Self.entries(losers), deadline: .milliseconds(300)))
                Issue.record("connected")
            } catch {
                guard case .timedOut = error else {
                    Issue.record("\(error)")
                    continue
                }
            }
        }
        #expect(await holds { Self.sockets() == 0 })
    }

    @Test func `families take turns, and the resolver's first choice begins`() throws {
        func ordered(_ ips: String...) -> [String] {
            Race.ordered(ips.compactMap { SocketAddress(ip: $0, port: 1) }).map(\.host)
        }
        #expect(
            ordered("::1", "::2", "::3", "1.1.1.1", "1.1.1.2")
                == ["::1", "1.1.1.1", "::2", "1.1.1.2", "::3"])
        #expect(ordered("1.1.1.1", "1.1.1.2", "::1") == ["1.1.1.1", "::1", "1.1.1.2"])
        #expect(ordered("1.1.1.1") == ["1.1.1.1"] && ordered().isEmpty)
    }

    /// An own address that no other test connects from: it tells the sockets of a race from others.
    private static let source = "127.0.0.77"

    private static func entries(_ addresses: [SocketAddress]) -> [Race.Entry] {
        addresses.map { address in
            Race.Entry(
                address: address,
                source: address.isIPv6 ? nil : SocketAddress(ip: source, port: 0))
        }
    }

    /// How many descriptors of this process are bound to `source`.
    private static func sockets() -> Int {
        (0..<1024).count { descriptor in
            var storage = sockaddr_storage()
            var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
            return withUnsafeMutablePointer(to: &storage) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                    getsockname(Int32(descriptor), raw, &size) == 0
                        && SocketAddress(raw)?.host == source
                }
            }
        }
    }
}

/// A listening socket that takes no more connections: packets to it get no answer.
private final class BlackHole {
    let address: SocketAddress
    private var own: Set<Int32> = []

    init(_ ip: String) throws {
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let wanted = try #require(SocketAddress(ip: ip, port: 0))
        let listener = socket(wanted.family, kind, 0)
        own.insert(listener)
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        guard wanted.withSockaddr({ bind(listener, $0, $1) }) == 0, listen(listener, 0) == 0 else {
            throw Unavailable("cannot listen on \(ip): errno \(errno)")
        }
        let found = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                getsockname(listener, raw, &size)
                return SocketAddress(raw)
            }
        }
        address = try #require(found)
        // Fill the queue until a connection gets no answer.
        for _ in 0..<16 {
            let filler = socket(wanted.family, kind, 0)
            own.insert(filler)
            _ = address.withSockaddr { connect(filler, $0, $1) }
            var entry = pollfd(fd: filler, events: Int16(POLLOUT), revents: 0)
            if poll(&entry, 1, 100) == 0 { return }
        }
        throw Unavailable("the queue of \(ip) does not fill")
    }

    deinit { for descriptor in own { close(descriptor) } }
}
