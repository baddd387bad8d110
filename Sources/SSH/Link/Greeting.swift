// Whether an SSH server is there: its version line, the first thing it says (RFC 4253 §4.2), and no
// more. Nothing is sent. Invariant: the socket is closed before the answer is given.
import Glibc
public import Loop

/// The version line of an SSH server, read without logging in.
@IO public enum Greeting {
    /// Lines before it and its own length may come to this.
    private static let limit = 8192

    /// What the server at an address calls itself (`SSH-2.0-…`).
    public static func read(
        host: String, port: UInt16, limit: Duration
    ) async throws(SSHError) -> String {
        let end = IO.now + limit
        let address = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        let socket = try await Dial.connect(host: host, port: port, limit: limit)
        defer { close(socket) }
        let readiness: Readiness
        do throws(LoopError) {
            readiness = try Readiness(descriptor: socket)
        } catch {
            throw .local(reason: error.description)
        }
        defer { readiness.close() }
        let found = Once<Result<String, SSHError>>()
        var text: [UInt8] = []
        readiness.watch(.read) { _ in
            var bytes = [UInt8](repeating: 0, count: 1024)
            let count = recv(socket, &bytes, bytes.count, Int32(MSG_DONTWAIT))
            if count < 0, errno == EAGAIN || errno == EINTR { return }
            text += bytes.prefix(max(0, count))
            if let line = line(in: text) { return found.set(.success(line)) }
            guard count > 0, text.count < Self.limit else {
                let reason =
                    count < 0 ? String(cString: strerror(errno)) : "it does not speak SSH"
                return found.set(.failure(.handshakeFailed(address: address, reason: reason)))
            }
        }
        let left = max(.milliseconds(1), end - IO.now)
        guard let result = await IO.within(left, { await found.wait() }) else {
            throw .handshakeTimedOut(address: address, limit: limit)
        }
        return try result.get()
    }

    /// The version line, once it is whole.
    static func line(in text: [UInt8]) -> String? {
        let lines = text.split(separator: 10, omittingEmptySubsequences: false).dropLast()
        guard let line = lines.first(where: { $0.starts(with: Array("SSH-".utf8)) }) else {
            return nil
        }
        return String(decoding: line.prefix(255).filter { $0 != 13 }, as: UTF8.self)
    }
}
