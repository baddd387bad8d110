// TCP connect on the loop: resolves, tries every address, ends with a connected socket.
// Invariant: a socket that is not handed over is closed, and the deadline holds over all of it.
import Glibc
internal import Loop

/// Opens the TCP connection of a link.
@IO enum Dial {
    /// A connected, non-blocking socket.
    static func connect(
        host: String, port: UInt16, limit: Duration
    ) async throws(SSHError) -> Int32 {
        let address = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        let attempt = Attempt()
        let result = await IO.within(limit) { await attempt.run(host, port) }
        guard let result else {
            attempt.abandon()
            throw .connectTimedOut(address: address, limit: limit)
        }
        return try result.get()
    }
}

/// One run over the addresses of a host.
@IO private final class Attempt {
    private var current: Int32 = -1
    private var readiness: Readiness?
    private var abandoned = false

    func abandon() {
        abandoned = true
        discard()
    }

    func run(_ host: String, _ port: UInt16) async -> Result<Int32, SSHError> {
        let addresses: [SocketAddress]
        do throws(LoopError) {
            addresses = try await DNS.resolve(host, port: port)
        } catch {
            switch error {
            case .nameNotFound: return .failure(.nameNotFound(host: host))
            case .nameLookupFailed(_, let reason):
                return .failure(.nameLookupFailed(host: host, reason: reason))
            default: return .failure(.local(reason: error.description))
            }
        }
        var failure = SSHError.nameNotFound(host: host)
        for (index, address) in addresses.enumerated() where !abandoned {
            // An address that swallows packets must not use up the time of the next one.
            let share: Duration = index == addresses.count - 1 ? .seconds(3600) : .seconds(8)
            let code = await IO.within(share) { await self.connect(address) } ?? ETIMEDOUT
            if abandoned { break }
            guard code != 0 else {
                readiness?.close()
                readiness = nil
                defer { current = -1 }
                return .success(current)
            }
            discard()
            let text = address.description
            failure =
                code == ECONNREFUSED
                ? .connectionRefused(address: text)
                : .unreachable(address: text, reason: String(cString: strerror(code)))
        }
        return .failure(failure)
    }

    /// Zero, or the error number.
    private func connect(_ address: SocketAddress) async -> Int32 {
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        current = socket(address.family, kind | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard current >= 0 else { return errno }
        var one: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        setsockopt(current, Int32(IPPROTO_TCP), TCP_NODELAY, &one, size)
        setsockopt(current, SOL_SOCKET, SO_KEEPALIVE, &one, size)
        if address.withSockaddr({ Glibc.connect(current, $0, $1) }) == 0 { return 0 }
        guard errno == EINPROGRESS else { return errno }
        do throws(LoopError) {
            readiness = try Readiness(descriptor: current)
        } catch {
            return EMFILE
        }
        return await withUnsafeContinuation { continuation in
            var waiting: UnsafeContinuation<Int32, Never>? = continuation
            finishWaiting = { code in
                waiting?.resume(returning: code)
                waiting = nil
            }
            readiness?.watch(.write) { [weak self] _ in
                guard let self else { return }
                var code: Int32 = 0
                var size = size
                getsockopt(self.current, SOL_SOCKET, SO_ERROR, &code, &size)
                self.readiness?.stop()
                self.finishWaiting?(code)
            }
        }
    }

    private var finishWaiting: (@IO (Int32) -> Void)?

    private func discard() {
        readiness?.close()
        readiness = nil
        if current >= 0 { close(current) }
        current = -1
        finishWaiting?(ECANCELED)
        finishWaiting = nil
    }
}
