// A server under test and a client that sends raw bytes, both on loopback.
import Loop
import Net

@testable import HTTP

/// The listeners of the servers under test.
@IO private var listeners: [ObjectIdentifier: Listener] = [:]

extension HTTPServer {
    /// Serves whoever connects to an address, until the test process ends.
    func listen(_ address: SocketAddress) throws(NetError) {
        listeners[ObjectIdentifier(self)] = try Listener.tcp(address) { [weak self] in
            guard let self else { return $0.close() }
            self.serve($0)
        }
    }

    /// The address it listens on, with the port that was chosen if 0 was asked for.
    var address: SocketAddress? { listeners[ObjectIdentifier(self)]?.address }
}

/// A connection whose bytes the test writes and reads itself.
@IO final class Wire {
    let stream: SocketStream
    var text = ""
    var isClosed = false
    private var changed: CheckedContinuation<Void, Never>?

    /// Connects and sends; all in one turn, so that neither data nor a deadline is missed.
    static func connect(_ server: HTTPServer, sending text: String = "") async throws -> Wire {
        let port = server.address?.port ?? 0
        let wire = IO.task { () async -> Result<Wire, NetError> in
            do throws(NetError) {
                let wire = Wire(try await SocketStream.connect(host: "127.0.0.1", port: port))
                wire.send(text)
                return .success(wire)
            } catch {
                return .failure(error)
            }
        }
        return try await wire.value.get()
    }

    private init(_ stream: SocketStream) {
        self.stream = stream
        stream.onData = {
            self.text += String(decoding: $0, as: UTF8.self)
            self.wake()
        }
        stream.onClose = { _ in
            self.isClosed = true
            self.wake()
        }
    }

    private func wake() {
        changed?.resume()
        changed = nil
    }

    func send(_ text: String) { stream.write(Array(text.utf8)) }

    /// Waits until the text received satisfies a condition, at most ten seconds.
    func until(_ condition: (Wire) -> Bool) async -> Bool {
        let timer = LoopTimer(after: .seconds(10)) { self.stream.close() }
        defer { timer.cancel() }
        while !condition(self) {
            if isClosed { return false }
            await withCheckedContinuation { changed = $0 }
        }
        return true
    }

    func has(_ part: String) async -> Bool { await until { $0.text.contains(part) } }
    func closes() async -> Bool { await until(\.isClosed) }
}

let loopback = SocketAddress(ip: "127.0.0.1", port: 0).unsafelyUnwrapped

@IO func server(
    _ change: (inout HTTPLimits) -> Void = { _ in }, handler: @escaping HTTPServer.Handler
) throws -> HTTPServer {
    var limits = HTTPLimits()
    change(&limits)
    let server = HTTPServer(limits: limits, handler: handler)
    try server.listen(loopback)
    return server
}

/// Answers with the method, the path and the body.
@IO func echo(_ request: HTTPRequest, _ responder: HTTPResponder) async {
    let start = Array("\(request.method) \(request.path) ".utf8)
    responder.send(headers: ["Content-Type": "text/plain"], body: start + request.body)
}

@IO func eventually(_ condition: @IO () -> Bool) async -> Bool {
    for _ in 0..<5000 {
        if condition() { return true }
        try? await IO.sleep(for: .milliseconds(2))
    }
    return false
}

@IO final class Flag {
    var isSet = false
}
