// One pending signature: libssh2 asks for it in a callback, and ssh-agent or a worker
// thread supplies it later. The
// callback reports EAGAIN until then, and the operation is repeated like any other.
internal import CSSH2
import Glibc

/// The state between libssh2's signing callback and ssh-agent's answer.
final class Signing {
    enum State {
        case idle, asked
        case wanted(data: [UInt8], algorithm: String)
        case done([UInt8])
        case refused
    }

    var state = State.idle
    /// Why there is no signature; nil if there is one, or none was wanted.
    var lack: String?
    /// The algorithm that libssh2 and the server have agreed on.
    private(set) var algorithm: String?

    /// Whether RSA would sign with SHA-1, which no recent server asks for.
    var usesSHA1: Bool {
        algorithm == "ssh-rsa" || algorithm == "ssh-rsa" + Certificate.suffix
    }

    /// The data to sign; nil after the first call.
    func take() -> (data: [UInt8], algorithm: String)? {
        guard case .wanted(let data, let algorithm) = state else { return nil }
        state = .asked
        return (data, algorithm)
    }

    /// The algorithm inside the data: session id, message, user, service, method, flag, algorithm
    /// (RFC 4252 §7).
    static func algorithm(of data: [UInt8]) -> String? {
        var reader = WireReader(data)
        guard reader.string() != nil, reader.byte() == 50, reader.string() != nil,
            reader.string() != nil, reader.string() != nil, reader.byte() != nil
        else { return nil }
        return reader.text()
    }

    static let callback: hl_ssh_sign = { _, signature, length, data, count, context in
        guard let context, let signature, let length else { return LIBSSH2_ERROR_BAD_USE }
        let me = Unmanaged<Signing>.fromOpaque(UnsafeRawPointer(context)).takeUnretainedValue()
        switch me.state {
        case .idle:
            let bytes = Array(UnsafeRawBufferPointer(start: data, count: count))
            guard let algorithm = algorithm(of: bytes) else { return LIBSSH2_ERROR_BAD_USE }
            me.algorithm = algorithm
            me.state = .wanted(data: bytes, algorithm: algorithm)
            return LIBSSH2_ERROR_EAGAIN
        case .wanted, .asked: return LIBSSH2_ERROR_EAGAIN
        case .refused: return LIBSSH2_ERROR_AGENT_PROTOCOL
        case .done(let bytes):
            // libssh2 frees it with the session's allocator, which is malloc's.
            guard let copy = malloc(max(1, bytes.count)) else { return LIBSSH2_ERROR_ALLOC }
            bytes.withUnsafeBytes {
                copy.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(copy), byteCount: $0.count)
            }
            signature.pointee = copy.assumingMemoryBound(to: UInt8.self)
            length.pointee = bytes.count
            return 0
        }
    }
}
