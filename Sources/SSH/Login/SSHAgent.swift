// The client side of ssh-agent (draft-ietf-sshm-ssh-agent): list the keys, sign with one. On the
// loop, as ssh-agent may ask a person before it signs. Used by login, through libssh2's signing
// callback. Invariant: one request at a time; any unexpected reply ends the connection.
import Glibc
internal import Loop

/// A connection to an ssh-agent.
@IO final class SSHAgent {
    /// A key that the ssh-agent holds.
    struct Identity: Equatable, Sendable {
        let blob: [UInt8]
        let comment: String
    }

    /// The longest reply in bytes: no real one comes near it, and an odd one must not fill memory.
    private static let replyLimit = 1 << 18
    private var descriptor: Int32
    private var readiness: Readiness?
    private var output: [UInt8] = []
    private var input: [UInt8] = []
    private var bound: Binding?
    private var waiting: UnsafeContinuation<[UInt8]?, Never>?

    /// Connects to an ssh-agent's socket; nil if none listens there.
    init?(socket path: String) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return nil }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let flags = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        descriptor = socket(AF_UNIX, flags | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard code == 0, let readiness = try? Readiness(descriptor: descriptor) else {
            Glibc.close(descriptor)
            return nil
        }
        self.readiness = readiness
        readiness.watch(.read) { [weak self] in self?.ready($0) }
    }

    isolated deinit { close() }

    /// What binds a connection's signatures to its host (`session-bind@openssh.com`, PROTOCOL.agent
    /// of OpenSSH): the host's key, and its signature over the connection's id.
    struct Binding: Equatable, Sendable {
        let hostKey: [UInt8]
        let session: [UInt8]
        let signature: [UInt8]
    }

    /// Why an ssh-agent may refuse to sign, which it never says.
    static let refusalReasons =
        "it may be locked, or have asked a person who declined, or the key may be bound to other"
        + " hosts or users"

    /// The keys that the ssh-agent holds; nil if it does not say.
    func identities() async -> [Identity]? {
        guard let reply = await request([11]) else { return nil }
        var reader = WireReader(reply)
        guard reader.byte() == 12, let count = reader.uint32() else { return nil }
        var found: [Identity] = []
        for _ in 0..<min(count, 256) {
            guard let blob = reader.string(), let comment = reader.text() else { break }
            found.append(Identity(blob: Array(blob), comment: comment))
        }
        return found
    }

    /// The signature over `data`, without its algorithm name; nil if the ssh-agent refuses.
    ///
    /// `binding` lets it sign with a key that is bound to hosts.
    func sign(
        _ data: [UInt8], with blob: [UInt8], algorithm: String, on binding: Binding? = nil
    ) async -> [UInt8]? {
        if let binding, binding != bound {
            // An ssh-agent that does not know the extension refuses it, and signs all the same.
            _ = await request(Self.message(binding))
            bound = binding
        }
        var message = WireWriter()
        message.byte(13)
        message.string(blob)
        message.string(data)
        message.uint32(
            algorithm.hasPrefix("rsa-sha2-512") ? 4 : algorithm.hasPrefix("rsa-sha2-256") ? 2 : 0)
        guard let reply = await request(message.bytes) else { return nil }
        var reader = WireReader(reply)
        guard reader.byte() == 14, let signature = reader.string() else { return nil }
        var parts = WireReader(signature)
        // An ssh-agent that does not know the requested algorithm may use another.
        guard parts.text() == Self.plain(algorithm) else { return nil }
        // A security key's flags and counter follow its signature, and libssh2 passes all on.
        if algorithm.hasPrefix("sk-") { return Array(parts.rest) }
        return parts.string().map { Array($0) }
    }

    func close() {
        readiness?.close()
        readiness = nil
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
        waiting?.resume(returning: nil)
        waiting = nil
    }

    /// A certificate's algorithm without its suffix: the key itself signs.
    private static func plain(_ algorithm: String) -> String {
        let suffix = "-cert-v01@openssh.com"
        return algorithm.hasSuffix(suffix) ? String(algorithm.dropLast(suffix.count)) : algorithm
    }

    private static func message(_ binding: Binding) -> [UInt8] {
        var message = WireWriter()
        message.byte(27)
        message.string("session-bind@openssh.com".utf8)
        for part in [binding.hostKey, binding.session, binding.signature] { message.string(part) }
        // The connection is not forwarded to another host.
        message.byte(0)
        return message.bytes
    }

    private func request(_ message: [UInt8]) async -> [UInt8]? {
        guard descriptor >= 0, waiting == nil else { return nil }
        var frame = WireWriter()
        frame.string(message)
        output = frame.bytes
        return await withUnsafeContinuation {
            waiting = $0
            flush()
        }
    }

    private func ready(_ found: Readiness.Interest) {
        if found.contains(.write) { flush() }
        guard found.contains(.read), descriptor >= 0 else { return }
        var piece = [UInt8](repeating: 0, count: 16384)
        let count = recv(descriptor, &piece, piece.count, 0)
        guard count > 0 else {
            if count == 0 || errno != EAGAIN { close() }
            return
        }
        input += piece[..<count]
        var reader = WireReader(input)
        guard let length = reader.uint32() else { return }
        guard length <= Self.replyLimit, waiting != nil else { return close() }
        guard let body = reader.bytes(Int(length)) else { return }
        let reply = Array(body)
        input = Array(reader.rest)
        let asked = waiting
        waiting = nil
        asked?.resume(returning: reply)
    }

    private func flush() {
        while !output.isEmpty {
            let count = Glibc.send(descriptor, output, output.count, Int32(MSG_NOSIGNAL))
            guard count > 0 else {
                if errno != EAGAIN { close() }
                break
            }
            output.removeFirst(count)
        }
        readiness?.watch(output.isEmpty ? .read : [.read, .write])
    }
}
