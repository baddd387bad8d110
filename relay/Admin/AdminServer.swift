// The admin socket of a running relay: one JSON request a line, one JSON reply a line.
// Where in the flow: `homeline-relay invite` and its like connect here; mode 0600 is the lock.
// Invariant: a connection has one request at work, a capped line and an idle limit.

import Configuration
import Glibc
import JSON
import Loop
import Net

/// Listens for admin commands on the folder's socket.
@IO final class AdminServer {
    static let connectionLimit = 64
    static let lineLimit = 1 << 20
    /// Nobody types into this socket; a program sends its line at once.
    static let idleLimit = Duration.seconds(60)

    private let administration: Administration
    private let path: String
    private let lock: FolderLock
    private var listener: Listener?
    private var connections: [ObjectIdentifier: AdminConnection] = [:]

    /// The lock proves that a socket file in the way belongs to no running relay.
    init(
        folder: DataFolder, lock: FolderLock, administration: Administration
    ) throws(NetError) {
        self.administration = administration
        self.lock = lock
        path = folder.socket
        try Self.check(path: path)
        _ = unsafe unlink(path)
        listener = try Listener.unix(path: path) { [weak self] stream in self?.accept(stream) }
    }

    /// A longer path would be cut silently and name another file.
    static func check(path: String) throws(NetError) {
        guard path.utf8.count < 108 else {
            throw .cannotListen(
                address: path, reason: "a socket's path has at most 107 bytes: use a shorter folder"
            )
        }
    }

    /// Stops listening and removes the socket.
    func close() {
        listener?.close()
        listener = nil
        _ = unsafe unlink(path)
        for connection in connections.values { connection.stream.close() }
    }

    private func accept(_ stream: SocketStream) {
        guard connections.count < Self.connectionLimit else { return stream.close() }
        let connection = AdminConnection(stream, administration)
        connections[ObjectIdentifier(connection)] = connection
        connection.onEnd = { [weak self] in
            self?.connections[ObjectIdentifier($0)] = nil
        }
        connection.start()
    }
}

/// One client of the admin socket.
@IO private final class AdminConnection {
    let stream: SocketStream
    var onEnd: (@IO (AdminConnection) -> Void)?
    private let administration: Administration
    private var received: [UInt8] = []
    private var isWorking = false
    private var timer: LoopTimer?

    init(_ stream: SocketStream, _ administration: Administration) {
        self.stream = stream
        self.administration = administration
    }

    func start() {
        unsafe stream.onData = { [weak self] bytes in
            unsafe self?.received.append(contentsOf: bytes)
            self?.next()
        }
        stream.onClose = { [weak self] _ in self?.end() }
        rest()
    }

    private func rest() {
        timer = LoopTimer(after: AdminServer.idleLimit) { [weak self] in self?.stream.close() }
    }

    private func end() {
        timer?.cancel()
        onEnd?(self)
        onEnd = nil
    }

    private func next() {
        guard !isWorking else {
            // What a client sends ahead waits in the kernel.
            if received.count > AdminServer.lineLimit { stream.close() }
            return
        }
        guard let newline = received.firstIndex(of: UInt8(ascii: "\n")) else {
            if received.count > AdminServer.lineLimit { refuse("the request is too long") }
            return
        }
        let line = Array(received[..<newline])
        received.removeSubrange(...newline)
        guard let request = try? JSON(parsing: line) else {
            return refuse("the request is not JSON")
        }
        if request["command"] == "attach", let live = administration.live {
            return handOver(to: live)
        }
        isWorking = true
        timer?.cancel()
        stream.pauseReading()
        IO.task { await self.work(request) }
    }

    private func work(_ request: JSON) async {
        let reply = await administration.reply(to: request)
        isWorking = false
        guard !stream.isClosed else { return }
        stream.write(reply.encoded() + [UInt8(ascii: "\n")])
        stream.resumeReading()
        rest()
        next()
    }

    private func refuse(_ reason: String) {
        let fault = AdminFault(message: reason, exit: ExitCode.software)
        stream.write(Administration.refusal(fault).encoded() + [UInt8(ascii: "\n")])
        unsafe stream.onData = nil
        stream.finish()
    }

    private func handOver(to live: any LiveRelay) {
        unsafe stream.onData = nil
        stream.onClose = nil
        let rest = received
        end()
        live.attach(stream, received: rest)
    }
}
