// libssh2's session and its C state: the only owner of the pointer, and the callbacks that tie it
// to its transport. Below Link, which decides what is called when.
// Invariant: one thread at a time; the socket is shut before the session is freed.
internal import CSSH2
import Glibc
internal import Loop

/// One libssh2 session over one transport.
final class Session {
    let raw: OpaquePointer
    let transport: Transport
    /// The server's reason for disconnecting.
    private(set) var goodbye: String?
    /// The server's last answer to a request to log in, if it was not yes.
    var reply: LoginReply?
    /// Whether libssh2 still holds the type of a key that it did not offer.
    var keepsKeyType = false
    /// Answers a keyboard-interactive prompt; nil refuses it.
    var asked: ((_ prompt: String, _ echoes: Bool) -> [UInt8]?)?
    /// Takes what the server says before its prompts, of which there may be none.
    var informed: ((_ text: String, _ prompts: Int) -> Void)?

    /// Key exchanges after the first.
    private(set) var rekeys = 0
    /// The address at which libssh2 keeps the host key.
    private var hostKeyPlace: UnsafePointer<CChar>?
    private var hasHostKey = false
    /// Bytes that libssh2 holds for this session.
    private var held = 0

    private static let ready = libssh2_init(0)

    init(_ transport: Transport) throws(SSHError) {
        guard Self.ready == 0,
            let raw = libssh2_session_init_ex(
                Self.allocated, Self.freed, Self.reallocated, nil)
        else {
            throw .local(reason: "libssh2 cannot start: out of memory")
        }
        self.raw = raw
        self.transport = transport
        libssh2_session_abstract(raw).pointee = Unmanaged.passUnretained(self).toOpaque()
        libssh2_session_set_blocking(raw, 0)
        // Link sets all deadlines; libssh2's own would end waits of more than a minute.
        libssh2_session_set_read_timeout(raw, 86_400)
        hl_ssh_set_io(raw, Self.send, Self.receive)
        hl_ssh_set_disconnect(raw, Self.disconnected)
    }

    deinit {
        transport.close()
        // libssh2 must not call back into this object while it frees the session.
        libssh2_session_abstract(raw).pointee = nil
        libssh2_session_free(raw)
    }

    /// Restricts what the handshake offers; with `compresses`, zlib is offered too.
    func prefer(
        _ family: CipherFamily, keyExchanges: [String], hostKeys: [String], macs: [String],
        compresses: Bool
    ) throws(SSHError) {
        if compresses { libssh2_session_flag(raw, LIBSSH2_FLAG_COMPRESS, 1) }
        transport.firstExchange = FirstExchange(offering: keyExchanges)
        let lists: [(Int32, [String])] = [
            (LIBSSH2_METHOD_KEX, keyExchanges),
            (LIBSSH2_METHOD_HOSTKEY, hostKeys),
            (LIBSSH2_METHOD_CRYPT_CS, family.ciphers), (LIBSSH2_METHOD_CRYPT_SC, family.ciphers),
            (LIBSSH2_METHOD_MAC_CS, macs), (LIBSSH2_METHOD_MAC_SC, macs),
        ]
        for (method, names) in lists {
            let code = libssh2_session_method_pref(raw, method, names.joined(separator: ","))
            guard code == 0 else {
                throw .local(reason: "libssh2 lacks all of \(names.joined(separator: ", "))")
            }
        }
    }

    /// Lets later key exchanges of this session use the agreed method, or one of `names` on
    /// elliptic curves.
    ///
    /// They run on the loop; a server could ask for a costly group all the time.
    func preferAgreedKeyExchange(among names: [String]) {
        let names =
            [method(LIBSSH2_METHOD_KEX)]
            + names.filter(Algorithms.quickKeyExchanges.contains)
        libssh2_session_method_pref(raw, LIBSSH2_METHOD_KEX, names.joined(separator: ","))
    }

    /// Restricts the algorithms that an RSA key signs with.
    func sign(with names: [String]) {
        libssh2_session_method_pref(raw, LIBSSH2_METHOD_SIGN_ALGO, names.joined(separator: ","))
    }

    /// Whether an exit status of 0 can be distinguished from a missing one (shim.h says how).
    static let findsStatus = hl_ssh_status_place() >= 0

    /// The algorithms that libssh2 has, but for host certificates, which it cannot verify.
    static let known: [Algorithms.Kind: [String]] = {
        guard ready == 0, let raw = libssh2_session_init_ex(nil, nil, nil, nil) else { return [:] }
        defer { libssh2_session_free(raw) }
        let methods: [Algorithms.Kind: Int32] = [
            .keyExchange: LIBSSH2_METHOD_KEX, .hostKey: LIBSSH2_METHOD_HOSTKEY,
            .cipher: LIBSSH2_METHOD_CRYPT_CS, .mac: LIBSSH2_METHOD_MAC_CS,
        ]
        return methods.mapValues { method in
            var list: UnsafeMutablePointer<UnsafePointer<CChar>?>?
            let count = libssh2_session_supported_algs(raw, method, &list)
            defer { if let list { libssh2_free(raw, list) } }
            guard count > 0, let list else { return [] }
            return (0..<Int(count)).compactMap { list[$0].map { String(cString: $0) } }
                .filter { !$0.hasSuffix(Certificate.suffix) }
        }
    }()

    /// libssh2's words for its last error.
    var lastError: String {
        var text: UnsafeMutablePointer<CChar>?
        libssh2_session_last_error(raw, &text, nil, 0)
        return text.map { String(cString: $0) } ?? "error \(libssh2_session_last_errno(raw))"
    }

    /// The key the server proved to hold.
    var hostKey: HostKey? {
        var count = 0
        var kind: Int32 = 0
        guard let bytes = libssh2_session_hostkey(raw, &count, &kind), count > 0 else { return nil }
        return HostKey(blob: Array(UnsafeRawBufferPointer(start: bytes, count: count)))
    }

    /// Counts key exchanges.
    ///
    /// libssh2 does not report key exchanges, but each stores a new copy of the host key: at a new
    /// address, or at the old one after freeing it. It always reads between two of them.
    private func countKeys() {
        guard let place = libssh2_session_hostkey(raw, nil, nil), place != hostKeyPlace else {
            return
        }
        if hasHostKey { rekeys += 1 }
        hasHostKey = true
        hostKeyPlace = place
    }

    /// A negotiated algorithm, by `LIBSSH2_METHOD_…`.
    func method(_ kind: Int32) -> String {
        libssh2_session_methods(raw, kind).map { String(cString: $0) } ?? ""
    }

    /// The server's version line.
    var serverVersion: String {
        libssh2_session_banner_get(raw).map { String(cString: $0) } ?? ""
    }

    private static func owner(
        _ abstract: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    ) -> Session? {
        guard let context = abstract?.pointee else { return nil }
        return Unmanaged<Session>.fromOpaque(context).takeUnretainedValue()
    }

    private static let send: hl_ssh_send = { _, bytes, count, _, abstract in
        guard let session = owner(abstract) else { return -Int(EPIPE) }
        return session.transport.send(UnsafeRawBufferPointer(start: bytes, count: count))
    }

    private static let receive: hl_ssh_recv = { _, bytes, count, _, abstract in
        guard let session = owner(abstract) else { return -Int(EPIPE) }
        session.countKeys()
        return session.transport.receive(UnsafeMutableRawBufferPointer(start: bytes, count: count))
    }

    /// Whether a session may hold this many more bytes; its first allocation is the session itself.
    private static func may(
        hold bytes: Int, _ abstract: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    ) -> Bool {
        guard let session = owner(abstract) else { return true }
        return bytes <= 0 || session.held + bytes <= LinkLimits.heldByLink
    }

    private static let allocated: hl_ssh_alloc = { count, abstract in
        guard may(hold: count, abstract), let pointer = malloc(count) else { return nil }
        owner(abstract)?.held += Int(hl_ssh_size(pointer))
        return pointer
    }

    private static let reallocated: hl_ssh_realloc = { pointer, count, abstract in
        let before = Int(hl_ssh_size(pointer))
        guard may(hold: count - before, abstract), let moved = realloc(pointer, count) else {
            return nil
        }
        owner(abstract)?.held += Int(hl_ssh_size(moved)) - before
        return moved
    }

    /// Frees libssh2's memory, and notes when the host key is freed.
    private static let freed: hl_ssh_free = { pointer, abstract in
        if let pointer, let session = owner(abstract) {
            let size = Int(hl_ssh_size(pointer))
            session.held -= size
            session.note(UnsafeRawBufferPointer(start: pointer, count: size))
            if UnsafeRawPointer(pointer) == session.hostKeyPlace.map(UnsafeRawPointer.init) {
                session.hostKeyPlace = nil
            }
        }
        free(pointer)
    }

    /// Reads a message of the login that libssh2 has used and frees.
    private func note(_ freed: UnsafeRawBufferPointer) {
        guard libssh2_userauth_authenticated(raw) == 0 else { return }
        if let answer = LoginReply(freed) { reply = answer }
    }

    private static let disconnected: hl_ssh_goodbye = { _, code, text, count, _, _, abstract in
        guard let session = owner(abstract) else { return }
        let bytes = UnsafeRawBufferPointer(start: text, count: max(0, min(Int(count), 200)))
        let words = String(decoding: bytes, as: UTF8.self).plain(keepsLines: false)
        session.goodbye = words.isEmpty ? "the server disconnected (reason \(code))" : words
    }

    /// libssh2's keyboard-interactive callback: every prompt goes to `answer`.
    static let prompted:
        @convention(c) (
            UnsafePointer<CChar>?, Int32, UnsafePointer<CChar>?, Int32, Int32,
            UnsafePointer<LIBSSH2_USERAUTH_KBDINT_PROMPT>?,
            UnsafeMutablePointer<LIBSSH2_USERAUTH_KBDINT_RESPONSE>?,
            UnsafeMutablePointer<UnsafeMutableRawPointer?>?
        ) -> Void = { name, nameLength, text, length, count, prompts, responses, abstract in
            guard let session = owner(abstract) else { return }
            let parts = [(name, nameLength), (text, length)].map { start, count in
                let bytes = UnsafeRawBufferPointer(start: start, count: max(0, Int(count)))
                return String(decoding: bytes.prefix(1024), as: UTF8.self)
            }
            session.informed?(parts.joined(separator: " "), Int(count))
            guard let prompts, let responses else { return }
            for index in 0..<Int(count) {
                let prompt = prompts[index]
                let text = UnsafeRawBufferPointer(start: prompt.text, count: Int(prompt.length))
                let words = String(decoding: text.prefix(1024), as: UTF8.self)
                guard let bytes = session.asked?(words, prompt.echo != 0) else { continue }
                // libssh2 frees it with the session's allocator, which is malloc's.
                guard let copy = malloc(max(1, bytes.count)) else { continue }
                bytes.withUnsafeBytes { source in
                    UnsafeMutableRawBufferPointer(start: copy, count: bytes.count)
                        .copyMemory(from: source)
                }
                responses[index].text = copy.assumingMemoryBound(to: CChar.self)
                responses[index].length = UInt32(bytes.count)
            }
        }
}
