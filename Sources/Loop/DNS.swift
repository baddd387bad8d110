// Names to addresses, on libuv's worker pool (uv_getaddrinfo). The caller sets the deadline with
// `IO.within`: a resolver that hangs costs a pool thread, never the loop.
// Invariant: the names of one principal never hold all threads for lookups.
internal import CUV
import Glibc

/// Name resolution.
public enum DNS {
    /// libuv looks up names on half of its pool of 16 threads, and a name whose server does not
    /// answer holds one for about 10 s.
    public static let limit = 8
    @IO private static let lookups = Lookups(Shares(limit)) { host, port in
        let lookup = Lookup()
        return await withUnsafeContinuation { lookup.start(host, port, $0) }
    }

    /// The addresses of `host` in the order to try them; a numeric address resolves to itself.
    @IO public static func resolve(
        _ host: String, port: UInt16
    ) async throws(LoopError) -> [SocketAddress] {
        try await lookups.resolve(host, port: port)
    }
}

/// The lookups of a process: equal ones at once are one, and a principal has its share of them.
@IO final class Lookups {
    typealias Answer = (code: Int32, addresses: [SocketAddress])
    /// How long a lookup waits for its turn: somewhat longer than a caller usually waits.
    private static let patience = Duration.seconds(30)

    private struct Key: Hashable {
        let host: String
        let port: UInt16
    }

    private let work: JointWork<Key, Answer>
    private let look: @IO @Sendable (String, UInt16) async -> Answer

    init(_ shares: Shares, _ look: @escaping @IO @Sendable (String, UInt16) async -> Answer) {
        work = JointWork(shares)
        self.look = look
    }

    func resolve(_ host: String, port: UInt16) async throws(LoopError) -> [SocketAddress] {
        if let numeric = SocketAddress(ip: host, port: port) { return [numeric] }
        let answer: Answer
        do throws(Lack) {
            answer = try await work.value(
                Key(host: host, port: port), for: Sharer.current,
                until: IO.now + Self.patience
            ) { [look] in await look(host, port) }
        } catch {
            throw .nameLookupsBusy(host: host)
        }
        switch answer.code {
        case 0 where !answer.addresses.isEmpty: return answer.addresses
        case 0, UV_EAI_NONAME.rawValue, UV_EAI_NODATA.rawValue: throw .nameNotFound(host: host)
        default: throw .nameLookupFailed(host: host, reason: LoopError.reason(answer.code))
        }
    }
}

/// One lookup, kept alive by the request until libuv answers.
@IO private final class Lookup {
    typealias Answer = Lookups.Answer
    private let request = UnsafeMutablePointer<uv_getaddrinfo_t>.allocate(capacity: 1)
    private var continuation: UnsafeContinuation<Answer, Never>?

    func start(_ host: String, _ port: UInt16, _ continuation: UnsafeContinuation<Answer, Never>) {
        self.continuation = continuation
        request.pointee.data = Unmanaged.passRetained(self).toOpaque()
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        let code = uv_getaddrinfo(
            IO.loop.raw, request,
            { request, code, list in
                guard let data = request?.pointee.data else { return }
                let me = Unmanaged<Lookup>.fromOpaque(data).takeRetainedValue()
                IO.assume(list) { me.finish(code, $0) }
            }, host, String(port), &hints)
        if code != 0 {
            Unmanaged.passUnretained(self).release()
            finish(code, nil)
        }
    }

    private func finish(_ code: Int32, _ list: UnsafeMutablePointer<addrinfo>?) {
        var addresses: [SocketAddress] = []
        var next = list
        while let entry = next?.pointee, addresses.count < 64 {
            if let raw = entry.ai_addr, let address = SocketAddress(raw),
                !addresses.contains(address)
            {
                addresses.append(address)
            }
            next = entry.ai_next
        }
        uv_freeaddrinfo(list)
        request.deallocate()
        continuation?.resume(returning: (code, addresses))
        continuation = nil
    }
}
