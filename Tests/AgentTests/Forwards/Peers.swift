// What a forward leads to and what uses it: TCP servers and clients on loopback.
import Configuration
import Loop
import Net
import Support
import Testing

/// A server on loopback that treats every connection alike.
@IO final class TestServer {
    /// What it does with a connection.
    enum Manner {
        /// Sends back what comes, and ends when its client has ended.
        case echoes
        /// Reads to its client's end, then answers with the number of bytes and ends.
        case counts
        /// Ends its own direction at once, and counts what comes afterwards.
        case endsFirst
        /// Sends 32 MiB.
        case floods
        /// Reads nothing.
        case isDeaf
    }

    private(set) var connections: [SocketStream] = []
    private(set) var received = 0
    private(set) var sent = 0
    /// Clients that have ended their direction.
    private(set) var ends = 0
    /// Connections that are over.
    private(set) var closed = 0
    private var listener: Listener?
    private let manner: Manner

    init(_ manner: Manner, host: String = "127.0.0.1") throws {
        self.manner = manner
        let address = try #require(SocketAddress(ip: host, port: 0))
        listener = try Listener.tcp(address) { [weak self] in self?.accept($0) }
    }

    var port: UInt16 { listener?.address?.port ?? 0 }

    func close() {
        listener?.close()
        for connection in connections { connection.close() }
    }

    private func accept(_ socket: SocketStream) {
        connections.append(socket)
        socket.onClose = { [weak self] _ in self?.closed += 1 }
        socket.onEnd = { [weak self, weak socket] in
            guard let self, let socket else { return }
            ends += 1
            switch manner {
            case .echoes: socket.finish()
            case .counts:
                socket.write(Array("\(received)".utf8))
                socket.finish()
            case .endsFirst, .floods, .isDeaf: socket.close()
            }
        }
        switch manner {
        case .isDeaf: return
        case .endsFirst: socket.endWriting()
        case .floods: flood(socket)
        case .echoes, .counts: break
        }
        socket.onData = { [weak self, weak socket] bytes in
            guard let self, let socket else { return }
            received += bytes.count
            guard manner == .echoes else { return }
            socket.write(bytes)
        }
    }

    static let flood = 32 << 20
    private func flood(_ socket: SocketStream) {
        let piece = [UInt8](repeating: 7, count: 1 << 18)
        func more() {
            guard sent < Self.flood, !socket.isClosed else { return socket.endWriting() }
            sent += piece.count
            socket.write(piece)
        }
        socket.onDrain = { more() }
        more()
    }
}

/// A client of a forward.
@IO final class TestClient {
    let socket: SocketStream
    /// What came, up to 64 KiB.
    private(set) var bytes: [UInt8] = []
    private(set) var count = 0
    private(set) var ended = false
    private(set) var closed = false

    init(_ address: String) async throws {
        let place = try #require(Address(address))
        socket = try await SocketStream.connect(host: place.host, port: place.port)
        socket.onEnd = { [weak self] in self?.ended = true }
        socket.onClose = { [weak self] _ in self?.closed = true }
    }

    func read() {
        socket.onData = { [weak self] in
            guard let self else { return }
            count += $0.count
            if bytes.count < 1 << 16 { bytes += $0.prefix(1 << 16) }
        }
    }

    var text: String { String(decoding: bytes, as: UTF8.self) }

    func write(_ text: String) { socket.write(Array(text.utf8)) }
}

/// Waits until a condition holds; false after 10 s.
@IO func until(_ condition: @escaping @IO () async throws -> Bool) async -> Bool {
    let end = IO.now + .seconds(10)
    while (try? await condition()) != true {
        guard IO.now < end else { return false }
        try? await IO.sleep(for: .milliseconds(4))
    }
    return true
}
