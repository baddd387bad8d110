// Several addresses of one host, dialled side by side (RFC 8305): the first that connects wins.
// Invariant: the winner is handed over once, and every other socket is closed.
import Glibc
import Loop

/// One race for a connection.
@IO final class Race {
    /// An address to dial, and the own address to dial it from.
    struct Entry {
        let address: SocketAddress
        let source: SocketAddress?
    }

    /// Time without an answer after which the next address is dialled too: RFC 8305 §8 recommends
    /// 250 ms, within which most servers on earth answer.
    static let head: Duration = .milliseconds(250)

    private let dialling: Dialling
    private var waiting: ArraySlice<Entry>
    private var running: [Int: Attempt] = [:]
    private var failure: NetError
    private var isAbandoned = false
    private var next: LoopTimer?
    private let outcome = Once<Result<Int32, NetError>>()

    /// A race over the entries, in their order; `failure` is the error where there is none.
    init(_ entries: [Entry], _ dialling: Dialling, failure: NetError) {
        self.dialling = dialling
        waiting = entries[...]
        self.failure = failure
    }

    /// The connected socket, which its caller then owns, or the last failure.
    func run() async -> Result<Int32, NetError> {
        advance()
        let result = await outcome.wait()
        guard isAbandoned, case .success(let socket) = result else { return result }
        // It connected in the turn in which the deadline passed: nobody takes the socket.
        close(socket)
        return .failure(failure)
    }

    /// Closes what is still being dialled, and what nobody has taken yet.
    func abandon() {
        isAbandoned = true
        end(.failure(failure))
    }

    /// Dials the next address, and the one after it when its head start is over.
    private func advance() {
        next?.cancel()
        next = nil
        guard outcome.value == nil else { return }
        guard let entry = waiting.popFirst() else {
            if running.isEmpty { end(.failure(failure)) }
            return
        }
        let number = waiting.startIndex
        let attempt = Attempt()
        running[number] = attempt
        attempt.begin(entry, dialling) { [weak self] code in self?.settled(number, entry, code) }
        guard running[number] != nil, !waiting.isEmpty else { return }
        next = LoopTimer(after: Self.head) { [weak self] in self?.advance() }
    }

    private func settled(_ number: Int, _ entry: Entry, _ code: Int32) {
        guard outcome.value == nil, let attempt = running.removeValue(forKey: number) else {
            return
        }
        if code == 0, let socket = attempt.handOver() { return end(.success(socket)) }
        attempt.close()
        failure = .connect(entry.address.description, -code)
        advance()
    }

    private func end(_ result: Result<Int32, NetError>) {
        guard outcome.value == nil else { return }
        next?.cancel()
        next = nil
        for attempt in running.values { attempt.close() }
        running = [:]
        waiting = []
        outcome.set(result)
    }

    /// The addresses in the order to dial them: the families take turns, the resolver's first
    /// choice begins (RFC 8305 §4).
    nonisolated static func ordered(_ addresses: [SocketAddress]) -> [SocketAddress] {
        guard let first = addresses.first else { return [] }
        let same = addresses.filter { $0.isIPv6 == first.isIPv6 }
        let other = addresses.filter { $0.isIPv6 != first.isIPv6 }
        return (0..<max(same.count, other.count)).flatMap { index in
            [same, other].compactMap { index < $0.count ? $0[index] : nil }
        }
    }
}

/// Connecting to one address.
@IO private final class Attempt {
    private var socket: Int32 = -1
    private var readiness: Readiness?

    /// Begins; `settled` gets zero or the error number, perhaps at once.
    func begin(
        _ entry: Race.Entry, _ dialling: Dialling, _ settled: @escaping @IO (Int32) -> Void
    ) {
        let code = open(entry, dialling)
        guard code == EINPROGRESS else { return settled(code) }
        guard let readiness = try? Readiness(descriptor: socket) else { return settled(EMFILE) }
        self.readiness = readiness
        readiness.watch(.write) { [unowned self] _ in
            var code: Int32 = 0
            var size = socklen_t(MemoryLayout<Int32>.size)
            getsockopt(socket, SOL_SOCKET, SO_ERROR, &code, &size)
            self.readiness?.stop()
            settled(code)
        }
    }

    private func open(_ entry: Race.Entry, _ dialling: Dialling) -> Int32 {
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        socket = Glibc.socket(entry.address.family, kind | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { return errno }
        var one: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &one, size)
        if dialling.keepsAlive { setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &one, size) }
        if let source = entry.source, source.withSockaddr({ Glibc.bind(socket, $0, $1) }) != 0 {
            return errno
        }
        return entry.address.withSockaddr { Glibc.connect(socket, $0, $1) } == 0 ? 0 : errno
    }

    /// Hands over the connected socket; the caller owns it from then on.
    func handOver() -> Int32? {
        guard socket >= 0 else { return nil }
        readiness?.close()
        readiness = nil
        defer { socket = -1 }
        return socket
    }

    func close() {
        readiness?.close()
        readiness = nil
        if socket >= 0 { Glibc.close(socket) }
        socket = -1
    }
}
