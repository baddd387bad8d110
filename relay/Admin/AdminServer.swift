// The admin socket of a running relay: one JSON request per line, one JSON reply per line.
// Where in the flow: `homeline-relay invite` and the other admin commands connect here; mode 0600
// keeps other users out. Invariant: a connection has one request in progress, a line limit and an
// idle limit.

import Configuration
import Glibc
import JSON
import Loop
import Net

/// Listens for admin commands on the folder's socket.
@IO final class AdminServer {
    /// The most connections at once, so that a script that never closes its own cannot use up the
    /// relay's descriptors.
    nonisolated static let connectionLimit = 64
    /// The longest request in bytes, which bounds what a client can make the relay hold; a command
    /// with its options is far shorter.
    static let lineLimit = 1 << 20
    /// How long a connection may be idle: its peer is a program, which sends its line at once.
    nonisolated static let idleLimit = Duration.seconds(60)

    private let administration: Administration
    private let path: String
    private var lock: FolderLock?
    private var listener: Listener?
    private var connections: [ObjectIdentifier: AdminConnection] = [:]
    /// The connections that became those of MCP clients.
    private var attached: [SocketStream] = []

    /// Listens; `lock` proves that an existing socket file is stale.
    init(
        folder: DataFolder, lock: FolderLock, administration: Administration
    ) throws(NetError) {
        self.administration = administration
        self.lock = lock
        path = folder.socket
        try Self.check(path: path)
        try listen()
    }

    private func listen() throws(NetError) {
        _ = unsafe unlink(path)
        listener = try Listener.unix(path: path) { [weak self] stream in self?.accept(stream) }
    }

    /// Frees the folder for another process; attached clients stay.
    func stepAside() {
        stopListening()
        lock = nil
    }

    /// Takes the folder back.
    func stepBack(_ lock: FolderLock) throws(NetError) {
        self.lock = lock
        try listen()
    }

    /// Checks the path's length: a longer path would be cut silently and name another file.
    static func check(path: String) throws(NetError) {
        guard path.utf8.count < 108 else {
            throw .cannotListen(
                address: path, reason: "a socket's path has at most 107 bytes: use a shorter folder"
            )
        }
    }

    /// Stops listening and removes the socket.
    func close() {
        stopListening()
        // What has been answered is still sent.
        for stream in attached { stream.finish() }
        attached = []
    }

    private func stopListening() {
        guard let listener else { return }
        listener.close()
        self.listener = nil
        _ = unsafe unlink(path)
        for connection in connections.values { connection.finish() }
    }

    private func accept(_ stream: SocketStream) {
        // The socket's mode says the same; a mode can be changed.
        guard connections.count < Self.connectionLimit, let user = stream.peerUser,
            user == geteuid() || user == 0
        else { return stream.close() }
        let connection = AdminConnection(stream, administration)
        connections[ObjectIdentifier(connection)] = connection
        connection.onEnd = { [weak self] in
            self?.connections[ObjectIdentifier($0)] = nil
        }
        connection.onAttach = { [weak self] stream in
            self?.attached.removeAll(where: \.isClosed)
            self?.attached.append(stream)
        }
        connection.start()
    }
}

/// One client of the admin socket.
@IO private final class AdminConnection {
    let stream: SocketStream
    var onEnd: (@IO (AdminConnection) -> Void)?
    var onAttach: (@IO (SocketStream) -> Void)?
    private let administration: Administration
    private var received: [UInt8] = []
    private var isWorking = false
    /// Set when it ends after the reply that it is working on.
    private var isLast = false
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
            // Further requests wait in the kernel's buffer, as reading is paused.
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
        if let live = administration.live {
            if request["command"] == "attach" {
                return handOver { live.attach($0, received: $1) }
            }
            if request["command"] == "forward" {
                return handOver { live.forward($0, request, received: $1) }
            }
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
        if isLast { return stream.finish() }
        stream.resumeReading()
        rest()
        next()
    }

    /// Ends it, after the reply that it is working on.
    func finish() {
        isLast = true
        if !isWorking { stream.finish() }
    }

    private func refuse(_ reason: String) {
        let fault = AdminFault(message: reason, exit: ExitCode.software)
        stream.write(Administration.refusal(fault).encoded() + [UInt8(ascii: "\n")])
        unsafe stream.onData = nil
        stream.finish()
    }

    private func handOver(to taker: @IO (SocketStream, [UInt8]) -> Void) {
        unsafe stream.onData = nil
        stream.onClose = nil
        let rest = received
        onAttach?(stream)
        end()
        taker(stream, rest)
    }
}
