// TLS 1.3 over any ByteStream, as a ByteStream. OpenSSL reads from the bytes the stream below just
// lent and writes into that stream's queue (a BIO of our own), so an idle stream holds no I/O
// buffer.
// Invariant: application bytes pass only after the handshake and the pin check.
internal import COpenSSL
internal import Crypto
public import Loop

/// One TLS connection.
@IO public final class TLSStream: LayeredStream {
    /// As in `ByteStream`.
    public var onData: (@IO (UnsafeRawBufferPointer) -> Void)? {
        didSet { if !early.isEmpty { deliverEarly() } }
    }
    /// As in `ByteStream`; never called, as TLS ends both directions at once here.
    public var onEnd: (@IO () -> Void)?
    /// As in `ByteStream`.
    public var onClose: (@IO (NetError?) -> Void)?
    /// As in `ByteStream`.
    public private(set) var isClosed = false

    /// The stream that carries this one.
    public let below: any ByteStream
    private let context: TLSContext
    private var ssl: OpaquePointer?
    private var ready = false
    /// Whether the peer has sent anything at all.
    private var isHeard = false
    private var failure: NetError?
    private var settled: (@IO (NetError?) -> Void)?
    private var mayBegin: @IO () -> Bool = { true }
    /// What a server sends a peer that speaks plain HTTP.
    private var plainReply: [UInt8] = []
    /// The ciphertext the stream below has lent for this call.
    private var incoming = UnsafeRawBufferPointer(start: nil, count: 0)
    /// Bytes that the peer sent right after its handshake, until there is a handler.
    private var early: [UInt8] = []

    /// Buffers for what is decrypted: one is enough, except for TLS inside TLS, which reads while
    /// the outer buffer is lent.
    private static var buffers: [UnsafeMutableRawBufferPointer] = []

    /// Does the handshake over a connected stream, which is closed on failure.
    ///
    /// A client gives `serverName`; an end without one is the server. A server is asked by
    /// `mayBegin` when the peer's first bytes are there, before any work is done for them. It sends
    /// `plainReply` to a peer that speaks plain HTTP.
    public static func handshake(
        over below: any ByteStream, context: TLSContext, serverName: String? = nil,
        deadline: Duration = .seconds(10), plainReply: [UInt8] = [],
        mayBegin: @escaping @IO () -> Bool = { true }
    ) async throws(NetError) -> TLSStream {
        // Nobody reports the end of a stream that has ended.
        guard !below.isClosed else {
            throw context.trust == nil
                ? .silent(peer: below.peer) : .closed(reason: "before the TLS handshake")
        }
        let stream = TLSStream(below, context)
        stream.mayBegin = mayBegin
        stream.plainReply = plainReply
        stream.listen()
        guard context.trust == nil || stream.begin(serverName) else {
            throw .tls(reason: "no memory")
        }
        let timer = LoopTimer(after: deadline) {
            stream.close(.timedOut(what: "the TLS handshake with \(below.peer)"))
        }
        let error = await withUnsafeContinuation { continuation in
            stream.settled = { continuation.resume(returning: $0) }
            stream.pump()
        }
        timer.cancel()
        if let error { throw error }
        return stream
    }

    private init(_ below: any ByteStream, _ context: TLSContext) {
        self.below = below
        self.context = context
    }

    private func listen() {
        // Strong until the stream below ends: it keeps its TLS alive, as libuv keeps a socket.
        below.onData = { [self] in receive($0) }
        below.onEnd = { [self] in below.close(nil) }
        below.onClose = { [self] in ended($0) }
    }

    /// Makes OpenSSL's part; a server does so when it hears from the peer, as each costs some
    /// 30 KiB.
    private func begin(_ serverName: String? = nil) -> Bool {
        guard let ssl = SSL_new(context.raw), let bio = BIO_new(Self.method) else {
            below.close(nil)
            return false
        }
        self.ssl = ssl
        BIO_set_data(bio, Unmanaged.passUnretained(self).toOpaque())
        SSL_set_bio(ssl, bio, bio)
        if let trust = context.trust {
            if let serverName, SocketAddress(ip: serverName, port: 0) == nil {
                _ = hl_ssl_set_host(ssl, serverName)
            }
            if case .authorities = trust { SSL_set1_host(ssl, serverName ?? "") }
            SSL_set_connect_state(ssl)
        } else {
            SSL_set_accept_state(ssl)
        }
        return true
    }

    // MARK: Facts of the handshake

    /// The ALPN protocol that was agreed on.
    public var applicationProtocol: String? {
        var name: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        guard let ssl else { return nil }
        SSL_get0_alpn_selected(ssl, &name, &count)
        guard count > 0 else { return nil }
        return String(decoding: UnsafeBufferPointer(start: name, count: Int(count)), as: UTF8.self)
    }

    /// The version of TLS: `TLSv1.3`.
    public var version: String? { ssl.map { String(cString: SSL_get_version($0)) } }

    /// The peer's certificate in DER.
    public var peerCertificate: [UInt8]? { ssl.flatMap(Self.certificate) }

    /// Keying material both ends share and nobody else can know (RFC 8446 §7.5), `count` bytes.
    public func exportKeyingMaterial(label: String, count: Int) -> [UInt8]? {
        guard let ssl, ready else { return nil }
        var bytes = [UInt8](repeating: 0, count: count)
        let code = SSL_export_keying_material(
            ssl, &bytes, count, label, label.utf8.count, nil, 0, 0)
        return code == 1 ? bytes : nil
    }

    // MARK: Bytes

    /// As in `ByteStream`.
    public func write(_ bytes: UnsafeRawBufferPointer) {
        guard ready, !isClosed, let ssl else { return }
        var rest = bytes
        while !rest.isEmpty {
            let count = Int32(min(rest.count, 1 << 30))
            ERR_clear_error()
            let wrote = SSL_write(ssl, rest.baseAddress, count)
            guard wrote > 0 else { return fail(ssl, wrote) }
            rest = UnsafeRawBufferPointer(rebasing: rest[Int(wrote)...])
        }
    }

    /// As in `ByteStream`.
    public func finish() {
        if let ssl, ready, !isClosed { SSL_shutdown(ssl) }
        below.finish()
    }

    /// As in `ByteStream`.
    public func close(_ error: NetError?) {
        failure = failure ?? error
        below.close(error)
    }

    private func receive(_ bytes: UnsafeRawBufferPointer) {
        if !isHeard {
            isHeard = true
            guard context.trust != nil || bytes.first == Self.handshakeType else {
                return refuse(bytes)
            }
            guard ssl != nil || mayBegin() else {
                return close(.closed(reason: "too many TLS handshakes from this address"))
            }
            guard ssl != nil || begin() else { return }
        }
        incoming = bytes
        pump()
        incoming = UnsafeRawBufferPointer(start: nil, count: 0)
    }

    /// The first byte of TLS: the type of a record that belongs to a handshake (RFC 8446 §5.1).
    private static let handshakeType: UInt8 = 22

    /// Answers a peer that does not speak TLS in its own language, if that is HTTP.
    private func refuse(_ bytes: UnsafeRawBufferPointer) {
        let isHTTP = bytes.first.map { (0x41...0x5A).contains($0) } ?? false
        failure = .notTLS(isHTTP: isHTTP)
        if isHTTP { below.write(plainReply) }
        below.finish()
    }

    private func pump() {
        guard let ssl, !isClosed else { return }
        if !ready {
            ERR_clear_error()
            let code = SSL_do_handshake(ssl)
            guard code == 1 else { return fail(ssl, code) }
            if let error = checkPin(ssl) { return close(error) }
            ready = true
            let settled = self.settled
            self.settled = nil
            settled?(nil)
        }
        let space =
            Self.buffers.popLast() ?? .allocate(byteCount: 65536, alignment: 16)
        defer { Self.buffers.append(space) }
        // OpenSSL has no more once the bytes are used up: asking would cost half as much again.
        while !isClosed, !incoming.isEmpty || SSL_has_pending(ssl) != 0 {
            // SSL_get_error relies on the thread's error queue, where another user of OpenSSL
            // (libssh2 on this loop) may have left an error.
            ERR_clear_error()
            let count = SSL_read(ssl, space.baseAddress, Int32(space.count))
            guard count > 0 else { return fail(ssl, count) }
            let bytes = UnsafeRawBufferPointer(rebasing: space[0..<Int(count)])
            if let onData { onData(bytes) } else { hold(bytes) }
        }
    }

    /// Keeps bytes until there is a handler: the task that awaited the handshake runs later in this
    /// turn.
    private func hold(_ bytes: UnsafeRawBufferPointer) {
        guard early.count + bytes.count <= 1 << 18 else {
            return close(.closed(reason: "data before it was asked for"))
        }
        early.append(contentsOf: bytes)
    }

    private func deliverEarly() {
        guard let onData else { return }
        let bytes = early
        early = []
        bytes.withUnsafeBytes { onData($0) }
    }

    private static func certificate(_ ssl: OpaquePointer) -> [UInt8]? {
        guard let certificate = SSL_get1_peer_certificate(ssl) else { return nil }
        defer { X509_free(certificate) }
        var encoded: UnsafeMutablePointer<UInt8>?
        let count = i2d_X509(certificate, &encoded)
        guard count > 0, let encoded else { return nil }
        defer { CRYPTO_free(encoded, nil, 0) }
        return Array(UnsafeBufferPointer(start: encoded, count: Int(count)))
    }

    private func checkPin(_ ssl: OpaquePointer) -> NetError? {
        guard case .pin(let expected) = context.trust else { return nil }
        guard let der = Self.certificate(ssl) else {
            return .tls(reason: "the server showed no certificate that is usable")
        }
        guard let found = try? PublicKeyPin(certificateDER: der) else {
            return .tls(reason: "the certificate has no key")
        }
        guard ConstantTime.equal(found.bytes, expected.bytes) else {
            return .wrongPin(expected: expected.description, found: found.description)
        }
        return nil
    }

    /// Finds out why OpenSSL stopped: it needs more bytes, the peer has finished, or it failed.
    private func fail(_ ssl: OpaquePointer, _ code: Int32) {
        switch SSL_get_error(ssl, code) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return
        case SSL_ERROR_ZERO_RETURN: close(nil)
        default:
            var text = [CChar](repeating: 0, count: 256)
            let verify = SSL_get_verify_result(ssl)
            let isTrusted = context.trust.map { $0.isPin } ?? true || verify == Int(X509_V_OK)
            ERR_error_string_n(ERR_peek_error(), &text, text.count)
            let reason = String(
                decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            // The alert that tells the peer why is queued in the stream below.
            below.flush()
            close(
                isTrusted
                    ? .tls(reason: reason)
                    : .untrusted(reason: String(cString: X509_verify_cert_error_string(verify))))
        }
        // The queue is the thread's: what stays in it would be blamed on the next stream.
        ERR_clear_error()
    }

    private func ended(_ error: NetError?) {
        guard !isClosed else { return }
        isClosed = true
        let error = failure ?? error
        if let ssl { SSL_free(ssl) }
        ssl = nil
        let (settled, onClose) = (self.settled, self.onClose)
        self.settled = nil
        self.onClose = nil
        onData = nil
        // A peer that sent a server nothing did not want TLS: it is a port scan or a health check.
        let isSilent = context.trust == nil && !isHeard && error?.isOfWebSocket != true
        settled?(
            isSilent
                ? .silent(peer: peer)
                : error ?? .closed(reason: "the peer left during the TLS handshake"))
        onClose?(error)
    }

    // MARK: The BIO

    private static let method: OpaquePointer? = {
        let method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "homeline")
        BIO_meth_set_create(method) { bio in
            BIO_set_init(bio, 1)
            return 1
        }
        BIO_meth_set_ctrl(method) { _, command, _, _ in command == BIO_CTRL_FLUSH ? 1 : 0 }
        BIO_meth_set_write(method) { bio, bytes, count in
            guard let stream = owner(of: bio) else { return -1 }
            return IO.assume((bio, bytes)) { bio, bytes in
                stream.below.write(UnsafeRawBufferPointer(start: bytes, count: Int(count)))
                hl_bio_clear_retry(bio)
                return count
            }
        }
        BIO_meth_set_read(method) { bio, space, count in
            guard let stream = owner(of: bio) else { return -1 }
            return IO.assume((bio, space)) { bio, space in stream.take(bio, space, count) }
        }
        return method
    }()

    private nonisolated static func owner(of bio: OpaquePointer?) -> TLSStream? {
        BIO_get_data(bio).map { Unmanaged<TLSStream>.fromOpaque($0).takeUnretainedValue() }
    }

    private func take(
        _ bio: OpaquePointer?, _ space: UnsafeMutablePointer<CChar>?, _ count: Int32
    ) -> Int32 {
        hl_bio_clear_retry(bio)
        let count = min(Int(count), incoming.count)
        guard count > 0, let space else {
            hl_bio_retry_read(bio)
            return -1
        }
        UnsafeMutableRawBufferPointer(start: space, count: count)
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: incoming[0..<count]))
        incoming = UnsafeRawBufferPointer(rebasing: incoming[count...])
        return Int32(count)
    }
}
