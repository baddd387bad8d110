// Checks for an SSH server by its version line, the first thing it sends (RFC 4253 §4.2). Nothing
// is sent to it. Invariant: the socket is closed before the answer is given.
public import Loop
internal import Net

/// The version line of an SSH server, read without logging in.
@IO public enum Greeting {
    /// The most bytes read, lines before the version line included: other servers must not fill
    /// memory.
    private static let limit = LinkLimits.beforeVersion

    /// The version line of the server at an address (`SSH-2.0-…`).
    public static func read(
        host: String, port: UInt16, limit: Duration
    ) async throws(SSHError) -> String {
        let end = IO.now + limit
        let address = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        let stream: SocketStream
        do throws(NetError) {
            stream = try await SocketStream.connect(host: host, port: port, deadline: limit)
        } catch {
            throw SSHError(error, address: address, limit: limit)
        }
        let found = Once<Result<String, SSHError>>()
        let fail: @IO (String) -> Void = {
            found.set(.failure(.handshakeFailed(address: address, reason: $0)))
        }
        var text: [UInt8] = []
        stream.onData = { bytes in
            text += bytes
            if let line = line(in: text) { return found.set(.success(line)) }
            if refuses(text) { return found.set(.failure(.notAllowedNow(address: address))) }
            if text.count >= Self.limit { fail("it does not speak SSH") }
        }
        stream.onClose = { fail($0?.description ?? "it does not speak SSH") }
        defer { stream.close() }
        let left = max(.milliseconds(1), end - IO.now)
        guard let result = await IO.within(left, { await found.wait() }) else {
            throw .handshakeTimedOut(address: address, limit: limit)
        }
        return try result.get()
    }

    /// What OpenSSH 9.8 and later say in place of a version to a machine that they have locked out
    /// for a while (PerSourcePenalties).
    static let refusal = "Not allowed at this time"

    /// Whether the server has said that it takes no connections from this machine now.
    private static func refuses(_ text: [UInt8]) -> Bool { text.starts(with: Array(refusal.utf8)) }

    /// The version line, once it is complete; nil before.
    static func line(in text: [UInt8]) -> String? {
        let lines = text.split(separator: 10, omittingEmptySubsequences: false).dropLast()
        guard let line = lines.first(where: { $0.starts(with: Array("SSH-".utf8)) }) else {
            return nil
        }
        return String(decoding: line.prefix(255).filter { $0 != 13 }, as: UTF8.self)
    }
}
