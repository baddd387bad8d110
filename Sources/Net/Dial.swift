// Connecting: a name to addresses, each tried in turn under one deadline.
internal import CUV
public import Loop

extension SocketStream {
    /// Connects to `host`:`port` over TCP within `deadline`.
    ///
    /// The addresses are tried in the resolver's order; the error is the last one's.
    public static func connect(
        host: String, port: UInt16, deadline: Duration = .seconds(10)
    ) async throws(NetError) -> SocketStream {
        let what = "connecting to \(host):\(port)"
        let result = await IO.within(deadline) { () async -> Result<SocketStream, NetError> in
            do throws(LoopError) {
                let addresses = try await DNS.resolve(host, port: port)
                return await connect(toAnyOf: addresses, deadline: deadline)
            } catch {
                return .failure(NetError(error))
            }
        }
        guard let result else { throw .timedOut(what: what) }
        return try result.get()
    }

    private static func connect(
        toAnyOf addresses: [SocketAddress], deadline: Duration
    ) async -> Result<SocketStream, NetError> {
        var last = NetError.closed(reason: "no address")
        for (index, address) in addresses.enumerated() {
            if Task.isCancelled { break }
            // An address that swallows packets leaves time for the next.
            let share = index == addresses.count - 1 ? deadline : deadline / 2
            do throws(NetError) {
                return .success(try await connect(to: address, deadline: share))
            } catch {
                last = error
            }
        }
        return .failure(last)
    }

    /// Connects to one address over TCP.
    public static func connect(
        to address: SocketAddress, deadline: Duration
    ) async throws(NetError) -> SocketStream {
        let stream = SocketStream(tcp: true)
        return try await stream.connecting(to: address.description, deadline) { request, callback in
            address.withSockaddr { raw, _ in uv_tcp_connect(request, stream.tcp, raw, callback) }
        }
    }

    /// Connects to a Unix socket.
    public static func connect(
        path: String, deadline: Duration = .seconds(5)
    ) async throws(NetError) -> SocketStream {
        let stream = SocketStream(tcp: false)
        return try await stream.connecting(to: path, deadline) { request, callback in
            uv_pipe_connect(request, stream.pipe, path, callback)
            return 0
        }
    }

    private typealias Request = UnsafeMutablePointer<uv_connect_t>

    private func connecting(
        to name: String, _ deadline: Duration,
        _ start: @IO (Request, @escaping uv_connect_cb) -> Int32
    ) async throws(NetError) -> SocketStream {
        let attempt = Attempt()
        let timer = LoopTimer(after: deadline) { attempt.finish(UV_ETIMEDOUT.rawValue) }
        let code = await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                attempt.continuation = continuation
                let request = Request.allocate(capacity: 1)
                request.pointee.data = Unmanaged.passRetained(attempt).toOpaque()
                let code = start(request) { request, status in
                    guard let request, let data = request.pointee.data else { return }
                    let attempt = Unmanaged<Attempt>.fromOpaque(data).takeRetainedValue()
                    request.deallocate()
                    IO.assume { attempt.finish(status) }
                }
                if code != 0 {
                    Unmanaged.passUnretained(attempt).release()
                    request.deallocate()
                    attempt.finish(code)
                }
            }
        } onCancel: {
            IO.task { attempt.finish(UV_ECANCELED.rawValue) }
        }
        timer.cancel()
        guard code == 0 else {
            close(nil)
            throw .connect(name, code)
        }
        connected()
        return self
    }
}

/// One connect request; the first of libuv, the deadline and a cancellation ends it.
@IO private final class Attempt {
    var continuation: UnsafeContinuation<Int32, Never>?

    func finish(_ code: Int32) {
        continuation?.resume(returning: code)
        continuation = nil
    }
}
