// The only place that dials TCP: resolves a name and tries its addresses in turn under one
// deadline. SSH takes the connected descriptor, everything else a SocketStream. Proxies, if they
// are added, belong here.
// Invariant: a socket that is not handed over is closed, and the deadline covers everything.
import Glibc
public import Loop

/// Opens TCP connections.
@IO public enum Dialler {
    /// A connected, non-blocking socket, which the caller then owns.
    ///
    /// The addresses are tried in the resolver's order; the error is the last one's.
    public static func descriptor(
        host: String, port: UInt16, deadline: Duration, _ dialling: Dialling = Dialling()
    ) async throws(NetError) -> Int32 {
        let dial = Dial(dialling)
        let result = await IO.within(deadline) { await dial.run(host, port, deadline) }
        guard let result else {
            dial.abandon()
            let name = host.contains(":") ? "[\(host)]" : host
            throw .timedOut(what: "connecting to \(name):\(port)")
        }
        return try result.get()
    }

    /// A connected, non-blocking socket to one address.
    public static func descriptor(
        to address: SocketAddress, deadline: Duration
    ) async throws(NetError) -> Int32 {
        let dial = Dial(Dialling())
        let code = await IO.within(deadline) { await dial.connect(address) } ?? ETIMEDOUT
        guard code == 0, let socket = dial.handOver() else {
            dial.abandon()
            throw .connect(address.description, -code)
        }
        return socket
    }

    /// How long an address that drops packets may take before the next one is tried (at most half
    /// the deadline), so that one dead address leaves time for the others.
    private static let share: Duration = .seconds(8)

    /// One run over the addresses of a host.
    @IO private final class Dial {
        private var socket: Int32 = -1
        private var readiness: Readiness?
        private var settle: (@IO (Int32) -> Void)?
        private var isAbandoned = false
        private let dialling: Dialling

        init(_ dialling: Dialling) { self.dialling = dialling }

        func run(_ host: String, _ port: UInt16, _ deadline: Duration) async -> Result<
            Int32, NetError
        > {
            let addresses: [SocketAddress]
            do throws(LoopError) {
                addresses = dialling.allowed(try await DNS.resolve(host, port: port))
            } catch {
                return .failure(NetError(error))
            }
            var failure =
                dialling.family == nil
                ? NetError.nameNotFound(host: host)
                : .unreachable(address: host, reason: "it has no address of this AddressFamily")
            for (index, address) in addresses.enumerated() where !isAbandoned {
                let isLast = index == addresses.count - 1
                let limit = isLast ? deadline : min(Dialler.share, deadline / 2)
                let source: SocketAddress?
                do throws(NetError) {
                    source = try await dialling.source(isIPv6: address.isIPv6)
                } catch {
                    failure = error
                    continue
                }
                let code =
                    await IO.within(limit) { await self.connect(address, from: source) }
                    ?? ETIMEDOUT
                if isAbandoned { break }
                if code == 0, let socket = handOver() { return .success(socket) }
                discard()
                failure = .connect(address.description, -code)
            }
            return .failure(failure)
        }

        /// Connects to one address; returns zero or the error number.
        func connect(_ address: SocketAddress, from source: SocketAddress? = nil) async -> Int32 {
            let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
            socket = Glibc.socket(address.family, kind | Int32(SOCK_CLOEXEC.rawValue), 0)
            guard socket >= 0 else { return errno }
            var one: Int32 = 1
            let size = socklen_t(MemoryLayout<Int32>.size)
            setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &one, size)
            if dialling.keepsAlive { setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &one, size) }
            if let source, source.withSockaddr({ Glibc.bind(socket, $0, $1) }) != 0 { return errno }
            if address.withSockaddr({ Glibc.connect(socket, $0, $1) }) == 0 { return 0 }
            guard errno == EINPROGRESS else { return errno }
            guard let readiness = try? Readiness(descriptor: socket) else { return EMFILE }
            self.readiness = readiness
            return await withUnsafeContinuation { continuation in
                var waiting: UnsafeContinuation<Int32, Never>? = continuation
                settle = { code in
                    waiting?.resume(returning: code)
                    waiting = nil
                }
                readiness.watch(.write) { [weak self] _ in
                    guard let self else { return }
                    var code: Int32 = 0
                    var size = size
                    getsockopt(self.socket, SOL_SOCKET, SO_ERROR, &code, &size)
                    self.readiness?.stop()
                    self.settle?(code)
                }
            }
        }

        /// Hands over the connected socket; the caller owns it from then on.
        func handOver() -> Int32? {
            guard !isAbandoned, socket >= 0 else { return nil }
            defer { socket = -1 }
            readiness?.close()
            readiness = nil
            return socket
        }

        func abandon() {
            isAbandoned = true
            discard()
        }

        private func discard() {
            readiness?.close()
            readiness = nil
            if socket >= 0 { close(socket) }
            socket = -1
            settle?(ECANCELED)
            settle = nil
        }
    }
}
