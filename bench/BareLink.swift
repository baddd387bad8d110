// The shortest way through libssh2, which Homeline's figures are compared with: one connection,
// waited for with poll. Invariant: QUICKACK before each wait, as in the product.
import CSSH2
import Glibc

final class BareLink {
    private let socket: LoopbackSocket
    private let raw: OpaquePointer

    /// Connects and logs in with the key of the environment.
    init() throws {
        guard let port = UInt16(try LineProtocol.setting("PEER_PORT")) else {
            throw BenchError("PEER_PORT is not a port")
        }
        socket = try LoopbackSocket(port: port)
        _ = fcntl(socket.descriptor, F_SETFL, O_NONBLOCK)
        guard let raw = libssh2_session_init_ex(nil, nil, nil, nil) else {
            throw BenchError("no memory")
        }
        self.raw = raw
        libssh2_session_set_blocking(raw, 0)
        let cipher = "chacha20-poly1305@openssh.com"
        for method in [LIBSSH2_METHOD_CRYPT_CS, LIBSSH2_METHOD_CRYPT_SC] {
            try check("ciphers") { libssh2_session_method_pref(raw, method, cipher) }
        }
        try check("handshake") { libssh2_session_handshake(raw, socket.descriptor) }
        let user = try LineProtocol.setting("PEER_USER")
        let key = try LineProtocol.setting("PEER_KEY")
        try check("login") {
            libssh2_userauth_publickey_fromfile_ex(
                raw, user, UInt32(user.utf8.count), key + ".pub", key, nil)
        }
    }

    deinit {
        shutdown(socket.descriptor, Int32(SHUT_RDWR))
        libssh2_session_free(raw)
    }

    /// Repeats `step` until it no longer reports that it would block.
    @discardableResult
    func check(_ what: String, _ step: () -> Int32) throws -> Int32 {
        Int32(try count(what) { Int(step()) })
    }

    private func count(_ what: String, _ step: () -> Int) throws -> Int {
        while true {
            let code = step()
            if code >= 0 { return code }
            guard code == Int(LIBSSH2_ERROR_EAGAIN) else { throw BenchError("\(what): \(code)") }
            try wait()
        }
    }

    private func wait() throws {
        let blocked = libssh2_session_block_directions(raw)
        let out = blocked & LIBSSH2_SESSION_BLOCK_OUTBOUND != 0
        var entry = pollfd(
            fd: socket.descriptor, events: Int16(out ? POLLIN | POLLOUT : POLLIN), revents: 0)
        socket.set(TCP_QUICKACK)
        guard poll(&entry, 1, 30_000) > 0 else { throw BenchError("no answer in 30 s") }
    }

    /// Opens a channel for a command or a shell.
    func open() throws -> OpaquePointer {
        while true {
            if let channel = hl_ssh_open_session(raw, 2 << 20, 32768) { return channel }
            guard libssh2_session_last_errno(raw) == LIBSSH2_ERROR_EAGAIN else {
                throw BenchError("cannot open a channel")
            }
            try wait()
        }
    }

    /// Runs `command` and waits for its end.
    func execute(_ command: String) throws {
        let channel = try open()
        try check("exec") { hl_ssh_exec(channel, command, UInt32(command.utf8.count)) }
        var output: [UInt8] = []
        while libssh2_channel_eof(channel) == 0 { try read(channel, into: &output) }
        try check("close") { libssh2_channel_close(channel) }
        try check("wait") { libssh2_channel_wait_closed(channel) }
        let code = libssh2_channel_get_exit_status(channel)
        try check("free") { libssh2_channel_free(channel) }
        guard code == 0 else { throw BenchError("\(command) ended with \(code)") }
    }

    /// Adds received bytes to `output`; waits for at least one byte or the end.
    func read(_ channel: OpaquePointer, into output: inout [UInt8]) throws {
        try withUnsafeTemporaryAllocation(of: CChar.self, capacity: 1 << 16) { buffer in
            let count = try count("read") {
                libssh2_channel_read_ex(channel, 0, buffer.baseAddress, buffer.count)
            }
            output.append(contentsOf: buffer[..<count].lazy.map { UInt8(bitPattern: $0) })
        }
    }

    /// Writes all of `text`.
    func write(_ channel: OpaquePointer, _ text: [UInt8]) throws {
        var sent = 0
        while sent < text.count {
            sent += try count("write") {
                text.withUnsafeBytes {
                    let rest = $0[sent...]
                    let start = UnsafeRawBufferPointer(rebasing: rest).baseAddress
                    return libssh2_channel_write_ex(
                        channel, 0, start?.assumingMemoryBound(to: CChar.self), rest.count)
                }
            }
        }
    }
}
