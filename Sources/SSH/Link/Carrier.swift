// What wakes a link and closes its stream: a socket's readiness, or a channel of the jump host's
// link. Invariant: after `close` the link is not woken again.
internal import Loop
internal import Programs

/// What a link runs over.
@IO protocol Carrier: AnyObject {
    /// The byte stream that libssh2 reads and writes.
    var transport: Transport { get }
    /// Starts to wake the link.
    func start(_ wake: @escaping @IO () -> Void)
    /// Sets what the link waits for.
    func watch(_ interest: Readiness.Interest)
    /// Stops and releases what is below.
    func close()
    /// The layer below's explanation of a failed connection.
    var words: String { get }
}

extension Carrier {
    var words: String { "" }
}

/// A link on a TCP connection, or on the socket of a ProxyCommand.
@IO final class SocketCarrier: Carrier {
    let transport: Transport
    private let socket: SocketTransport
    private let readiness: Readiness
    private let proxy: ProxyProcess?

    init(descriptor: Int32, proxy: ProxyProcess? = nil) throws(SSHError) {
        self.proxy = proxy
        socket = SocketTransport(descriptor: descriptor)
        transport = socket
        do throws(LoopError) {
            readiness = try Readiness(descriptor: descriptor)
        } catch {
            throw .local(reason: error.description)
        }
    }

    func start(_ wake: @escaping @IO () -> Void) {
        readiness.watch(.read) { [socket] found in
            if found.contains(.read) { socket.mayRead = true }
            if found.contains(.write) { socket.flush() }
            wake()
        }
    }

    func watch(_ interest: Readiness.Interest) {
        if interest.contains(.read) { socket.acknowledgeQuickly() }
        readiness.watch(interest)
    }

    func close() {
        readiness.close()
        proxy?.end()
    }

    var words: String { proxy?.words ?? "" }
}

/// A link on a channel of another link, which leads from the jump host to the target.
@IO final class ChannelCarrier: Carrier {
    let transport: Transport
    private let stream: ChannelTransport
    private let channel: Channel
    private var isPaused = false
    private var isHeld = false
    /// Unread bytes above which reading from the jump host pauses: what a slow link may buffer.
    private static let inputLimit = 1 << 20
    /// Unsent bytes on the jump link above which the inner link keeps its own and counts them as
    /// unsent.
    private static let outputLimit = 1 << 18

    /// Takes over a stream to the target; `descriptor` is the outermost link's socket.
    init(_ channel: Channel, descriptor: Int32) {
        self.channel = channel
        stream = ChannelTransport(descriptor: descriptor)
        transport = stream
    }

    func start(_ wake: @escaping @IO () -> Void) {
        channel.onOutput = { [weak self] bytes in
            guard let self else { return }
            self.stream.feed(bytes)
            if self.stream.waiting > Self.inputLimit { self.pause() }
            wake()
        }
        channel.onDrain = { [weak self] in
            // A link that is paused after a slow key exchange waits for nothing.
            guard let self, !self.isHeld else { return }
            self.passOn()
            wake()
        }
        channel.onEnd = { [stream] end in
            let reason = if case .lost(let why) = end { why } else { "the target hung up" }
            stream.drain("the jump host's stream ended: \(reason)")
            wake()
        }
        channel.resume()
    }

    func watch(_ interest: Readiness.Interest) {
        passOn()
        isHeld = interest.isEmpty
        guard !isHeld else { return pause() }
        guard isPaused, stream.waiting <= Self.inputLimit / 2 else { return }
        isPaused = false
        channel.resume()
    }

    func close() {
        isHeld = true
        passOn()
        channel.onDrain = nil
        channel.onOutput = nil
        channel.onEnd = nil
        channel.close()
    }

    private func pause() {
        isPaused = true
        channel.pause()
    }

    private func passOn() {
        while channel.unsent < Self.outputLimit {
            let bytes = stream.takeOutput()
            guard !bytes.isEmpty else { return }
            channel.write(bytes)
            stream.flush()
        }
    }
}
