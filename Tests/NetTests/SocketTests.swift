import Glibc
import Loop
import Support
import Testing

@testable import Net

/// Collects what a stream brings, and waits on conditions.
@IO final class Probe {
    var bytes: [UInt8] = []
    var closed = false
    var error: NetError?

    init(_ stream: any ByteStream) {
        stream.onData = { self.bytes.append(contentsOf: $0) }
        stream.onClose = {
            self.closed = true
            self.error = $0
        }
    }

    func until(_ condition: @escaping @IO () -> Bool) async -> Bool {
        for _ in 0..<10_000 {
            if condition() { return true }
            try? await IO.sleep(for: .milliseconds(1))
        }
        return false
    }
}

let loopback = SocketAddress(ip: "127.0.0.1", port: 0).unsafelyUnwrapped

@Suite struct `Sockets` {
    @Test @IO func `an echo over TCP brings every byte back`() async throws {
        var kept: [SocketStream] = []
        let listener = try Listener.tcp(loopback) { stream in
            kept.append(stream)
            stream.onData = { [unowned stream] in stream.write($0) }
        }
        let port = try #require(listener.address?.port)
        let client = try await SocketStream.connect(host: "127.0.0.1", port: port)
        let probe = Probe(client)
        let sent = pattern(3_000_000)
        client.write(sent)
        #expect(await probe.until { probe.bytes.count == sent.count })
        #expect(probe.bytes == sent)
        client.close()
        #expect(probe.closed)
        listener.close()
    }

    @Test @IO func `a producer that stops at a cap is called again`() async throws {
        var received = 0
        let listener = try Listener.tcp(loopback) { stream in
            stream.onData = { received += $0.count }
        }
        let port = try #require(listener.address?.port)
        let client = try await SocketStream.connect(host: "127.0.0.1", port: port)
        let total = 20_000_000
        var left = total
        let block = [UInt8](repeating: 7, count: 64_000)
        func produce() {
            while client.unsent < 128_000, left > 0 {
                let count = min(left, block.count)
                client.write(Array(block[0..<count]))
                left -= count
            }
        }
        client.onDrain = { produce() }
        produce()
        let probe = Probe(client)
        #expect(await probe.until { received == total })
        client.close()
    }

    @Test @IO func `a reader that pauses stops its writer`() async throws {
        var server: SocketStream?
        var received = 0
        let listener = try Listener.tcp(loopback) { stream in
            server = stream
            stream.pauseReading()
            stream.onData = { received += $0.count }
        }
        let port = try #require(listener.address?.port)
        let client = try await SocketStream.connect(host: "127.0.0.1", port: port)
        let probe = Probe(client)
        let total = 16_000_000
        client.write([UInt8](repeating: 1, count: total))
        #expect(await probe.until { server != nil })
        try? await IO.sleep(for: .milliseconds(50))
        #expect(client.unsent > 0)
        #expect(received <= 65536)
        server?.resumeReading()
        #expect(await probe.until { received == total })
        client.close()
    }

    @Test(.needs(.localhost)) @IO func `finish sends what is queued first`() async throws {
        let listener = try Listener.tcp(loopback) { stream in
            stream.write([UInt8](repeating: 9, count: 5_000_000))
            stream.finish()
        }
        let port = try #require(listener.address?.port)
        let client = try await SocketStream.connect(host: "localhost", port: port)
        let probe = Probe(client)
        #expect(await probe.until { probe.closed })
        #expect(probe.bytes.count == 5_000_000)
        #expect(probe.error == nil)
    }

    @Test @IO func `what the peer says first waits for who listens late`() async throws {
        let listener = try Listener.tcp(loopback) { stream in
            stream.write([UInt8](repeating: 9, count: 300_000))
            stream.finish()
        }
        let port = try #require(listener.address?.port)
        let client = try await SocketStream.connect(host: "127.0.0.1", port: port)
        try await IO.sleep(for: .milliseconds(100))
        let probe = Probe(client)
        #expect(await probe.until { probe.closed })
        #expect(probe.bytes.count == 300_000 && probe.error == nil)
    }

    @Test @IO func `a peer that sends no more still gets its answer`() async throws {
        let listener = try Listener.tcp(loopback) { stream in
            stream.onData = { _ in }
            stream.onEnd = { [unowned stream] in
                stream.write(Array("answer".utf8))
                stream.finish()
            }
        }
        let port = try #require(listener.address?.port)
        let client = try await SocketStream.connect(host: "127.0.0.1", port: port)
        let probe = Probe(client)
        client.write(Array("question".utf8))
        client.endWriting()
        #expect(await probe.until { probe.closed })
        #expect(probe.bytes == Array("answer".utf8) && probe.error == nil)
    }

    @Test @IO func `a closed port is refused, a bad name is told`() async throws {
        let listener = try Listener.tcp(loopback) { _ in }
        let port = try #require(listener.address?.port)
        listener.close()
        try? await IO.sleep(for: .milliseconds(5))
        await #expect(throws: NetError.refused(address: "127.0.0.1:\(port)")) {
            try await SocketStream.connect(host: "127.0.0.1", port: port)
        }
        await #expect(throws: NetError.nameNotFound(host: "no-such.invalid")) {
            try await SocketStream.connect(host: "no-such.invalid", port: 1)
        }
    }

    @Test @IO func `a peer that never accepts ends in a timeout`() async throws {
        // A full backlog: the kernel drops the handshakes that come after it.
        let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { Glibc.close(fd) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let port = withUnsafeMutablePointer(to: &address) { pointer -> UInt16 in
            let raw = UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: sockaddr.self)
            bind(fd, raw, size)
            listen(fd, 0)
            getsockname(fd, raw, &size)
            return UInt16(bigEndian: pointer.pointee.sin_port)
        }
        var filled: [SocketStream] = []
        var error: NetError?
        for _ in 0..<8 where error == nil {
            do throws(NetError) {
                let to = SocketAddress(ip: "127.0.0.1", port: port).unsafelyUnwrapped
                filled.append(try await SocketStream.connect(to: to, deadline: .milliseconds(300)))
            } catch let failure {
                error = failure
            }
        }
        #expect(error == .timedOut(what: "connecting to 127.0.0.1:\(port)"))
        for stream in filled { stream.close() }
    }

    @Test @IO func `a Unix socket is the owner's alone and carries bytes`() async throws {
        let path = "/tmp/homeline-net-\(getpid())-\(UInt32.random(in: 0...UInt32.max)).sock"
        let listener = try Listener.unix(path: path) { stream in
            stream.onData = { [unowned stream] in stream.write($0) }
        }
        var info = stat()
        #expect(stat(path, &info) == 0 && info.st_mode & 0o777 == 0o600)
        let client = try await SocketStream.connect(path: path)
        let probe = Probe(client)
        client.write(Array("hello".utf8))
        #expect(await probe.until { probe.bytes == Array("hello".utf8) })
        client.close()
        listener.close()
        unlink(path)
    }
}
