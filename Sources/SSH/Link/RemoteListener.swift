// A port at the server on which it listens for us (tcpip-forward, RFC 4254 §7.1). Driven by its
// link.
// Invariant: each connection is handed on once, or closed; the server is asked to stop at the end.
internal import CSSH2
public import Loop

/// A port on which a link's server listens.
@IO public final class RemoteListener {
    /// The port: the server's choice where 0 was asked for.
    public let port: UInt16
    /// A client has connected to the server.
    ///
    /// The channel is paused: set its callbacks, `resume`.
    public var onAccept: (@IO (Channel) -> Void)?
    /// The link is over, and with it the port.
    public var onEnd: (@IO (SSHError) -> Void)?

    private let raw: OpaquePointer
    private weak var link: Link?

    /// The most connections that wait in libssh2 within one turn of the loop.
    static let queue: Int32 = 16

    init(_ raw: OpaquePointer, port: UInt16, on link: Link) {
        (self.raw, self.port, self.link) = (raw, port, link)
    }

    /// Takes the connections that have come; those that nobody wants are closed.
    func step() {
        guard let link else { return }
        while link.failure == nil, let raw = libssh2_channel_forward_accept(raw) {
            let channel = link.take(raw, .stream)
            if let onAccept { onAccept(channel) } else { channel.close() }
            link.driveAgain()
        }
    }

    /// Has the server stop listening; connections stay.
    public func close() {
        guard let link else { return }
        self.link = nil
        (onAccept, onEnd) = (nil, nil)
        link.remove(self)
        let raw = raw
        link.enqueue({ libssh2_channel_forward_cancel(raw) }) { _ in }
    }

    func linkEnded(_ error: SSHError) {
        let ended = onEnd
        (link, onAccept, onEnd) = (nil, nil, nil)
        ended?(error)
    }
}

extension Link {
    /// Has the server listen on an address of its machine; port 0 lets it choose.
    public func listen(on host: String, port: UInt16) async throws(SSHError) -> RemoteListener {
        if let failure { throw failure }
        let session = session
        let made = Once<RemoteListener?>()
        let limit = configuration.limits.channel
        let timer = LoopTimer(after: limit) { made.set(nil) }
        defer { timer.cancel() }
        enqueue({
            var bound: Int32 = 0
            let raw = libssh2_channel_forward_listen_ex(
                session.raw, host, Int32(port), &bound, RemoteListener.queue)
            guard let raw else { return libssh2_session_last_errno(session.raw) }
            let real = bound > 0 ? UInt16(truncatingIfNeeded: bound) : port
            let listener = RemoteListener(raw, port: real, on: self)
            self.add(listener)
            // Too late: nobody waits for it.
            guard made.value == nil else {
                listener.close()
                return 0
            }
            made.set(listener)
            return 0
        }) { _ in made.set(nil) }
        if let listener = await made.wait() { return listener }
        throw failure ?? .requestRefused(request: "tcpip-forward")
    }
}
