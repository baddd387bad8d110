// The line between a relay's process and the one that takes over from it: one word or sentence at a
// time. Flow: `ready` (the new one can begin) → `go` (the folder is free) → `serving`; `failed` and
// why, in place of the new one's words. Invariant: the end of either process ends the waits of the
// other.
import Glibc
import Loop

/// One end of the line between two processes of a relay.
@IO final class HandoverLine {
    /// The most bytes of what is said.
    private static let limit = 64 << 10

    private let descriptor: Int32
    private let readiness: Readiness?
    private var received: [UInt8] = []
    private var isOver = false
    private let heard = Condition()

    /// Takes over one end of a pair of sockets.
    init(_ descriptor: Int32) {
        self.descriptor = descriptor
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        readiness = try? Readiness(descriptor: descriptor)
        if readiness == nil { isOver = true }
        readiness?.watch(.read) { [weak self] _ in self?.take() }
    }

    isolated deinit {
        readiness?.close()
        Glibc.close(descriptor)
    }

    /// Two ends; the second one is for a process that is to be started.
    static func pair() -> (own: HandoverLine, other: Int32)? {
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard unsafe socketpair(AF_UNIX, kind, 0, &ends) == 0 else { return nil }
        return (HandoverLine(ends[0]), ends[1])
    }

    /// Says one line; lost if the other process has ended.
    func say(_ line: String) {
        let words = line.split(whereSeparator: \.isNewline).joined(separator: " ")
        let bytes = Array((words + "\n").utf8)
        _ = unsafe send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
    }

    /// The next line; nil if none comes within the limit, or before the other process's end.
    func line(within limit: Duration) async -> String? {
        await heard.wait(until: IO.now + limit) { received.contains(10) || isOver }
        guard let newline = received.firstIndex(of: 10) else { return nil }
        defer { received.removeSubrange(...newline) }
        return String(decoding: received[..<newline], as: UTF8.self)
    }

    private func take() {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = unsafe recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        if count > 0, received.count < Self.limit {
            received.append(contentsOf: buffer[..<count])
        } else if count >= 0 || errno != EAGAIN && errno != EINTR {
            isOver = true
            readiness?.close()
        }
        heard.broadcast()
    }
}
