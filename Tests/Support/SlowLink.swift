// A bad line between a client and a loopback server: each direction has a delay and a rate, and the
// whole can be stalled or cut, also at a byte. Every direction has two threads of blocking calls.
// Invariant: bytes pass in order, none is lost or made up; what is under way is bounded.
import Foundation

/// A TCP relay to a port on 127.0.0.1 that is as slow as asked.
public final class SlowLink: Sendable {
    /// The port to connect to instead of the server's.
    public let port: UInt16

    private let listener: Int32
    private let line: Line
    private let connections = Box<[Int32]>([])
    /// Whether `listener` is still ours: once closed its number may be another's.
    private let isListening = Box(true)

    /// Where each connection breaks: after so many bytes to the client.
    public enum Break: Sendable, CustomStringConvertible {
        /// Nothing passes any more.
        case stalls(Int)
        /// It ends.
        case ends(Int)

        /// `stalls after 700 bytes`.
        public var description: String {
            switch self {
            case .stalls(let bytes): "stalls after \(bytes) bytes"
            case .ends(let bytes): "ends after \(bytes) bytes"
            }
        }

        fileprivate var bytes: Int {
            switch self {
            case .stalls(let bytes), .ends(let bytes): bytes
            }
        }
    }

    /// What all directions of all connections share.
    struct Line: Sendable {
        var delay: Duration
        var bytesPerSecond: Int
        var breaks: Break?
        let isStalled = Box(false)

        /// What may be under way: what the delay holds, and a router's small buffer.
        var capacity: Int {
            let milliseconds = Int(delay / .milliseconds(1))
            return (1 << 15) + min(bytesPerSecond, 1 << 30) / 1000 * milliseconds
        }
    }

    /// Relays to `server`; a rate of 0 is no limit.
    public init(
        to server: UInt16, delay: Duration = .zero, bytesPerSecond: Int = 0, breaks: Break? = nil
    ) throws(Unavailable) {
        (listener, port) = try Ports.listen()
        let rate = bytesPerSecond > 0 ? bytesPerSecond : 1 << 40
        line = Line(delay: delay, bytesPerSecond: rate, breaks: breaks)
        Thread.detachNewThread { [listener, line, connections, isListening] in
            while true {
                let client = accept(listener, nil, nil)
                if client < 0 { break }
                guard let far = try? Ports.connect(to: server) else {
                    Foundation.close(client)
                    continue
                }
                connections.withLock { $0 += [client, far] }
                Self.join(client, far, line, connections)
            }
            isListening.withLock {
                $0 = false
                Foundation.close(listener)
            }
        }
    }

    deinit { close() }

    /// Nothing passes until `resume`.
    public func stall() { line.isStalled.withLock { $0 = true } }

    /// What was held passes on.
    public func resume() { line.isStalled.withLock { $0 = false } }

    /// Ends every connection at once; new ones are taken.
    public func cut() {
        connections.withLock { for descriptor in $0 { shutdown(descriptor, Int32(SHUT_RDWR)) } }
    }

    /// Ends everything.
    public func close() {
        isListening.withLock { if $0 { shutdown(listener, Int32(SHUT_RDWR)) } }
        cut()
    }

    private static func join(
        _ client: Int32, _ far: Int32, _ line: Line, _ connections: Box<[Int32]>
    ) {
        for end in [client, far] {
            var on: Int32 = 1
            let size = socklen_t(MemoryLayout<Int32>.size)
            setsockopt(end, Int32(IPPROTO_TCP), TCP_NODELAY, &on, size)
        }
        let threads = Box(4)
        @Sendable func leave() {
            let isLast = threads.withLock {
                $0 -= 1
                return $0 == 0
            }
            guard isLast else { return }
            connections.withLock { all in
                all.removeAll { $0 == client || $0 == far }
                Foundation.close(client)
                Foundation.close(far)
            }
        }
        for (from, to) in [(client, far), (far, client)] {
            let queue = DelayQueue(line)
            Thread.detachNewThread {
                queue.fill(from: from)
                leave()
            }
            Thread.detachNewThread {
                queue.drain(to: to, breaks: to == client ? line.breaks : nil)
                shutdown(to, Int32(SHUT_WR))
                shutdown(from, Int32(SHUT_RD))
                leave()
            }
        }
    }
}

/// One direction: pieces with the time at which each arrives.
private final class DelayQueue: @unchecked Sendable {
    private let line: SlowLink.Line
    private let condition = NSCondition()
    private var pieces: [(due: ContinuousClock.Instant, bytes: [UInt8])] = []
    private var held = 0
    private var isOver = false

    init(_ line: SlowLink.Line) { self.line = line }

    /// Reads until the end; what is under way is bounded.
    func fill(from descriptor: Int32) {
        var buffer = [UInt8](repeating: 0, count: 4096)
        var free = ContinuousClock.now
        while true {
            condition.lock()
            while held >= line.capacity, !isOver { condition.wait() }
            condition.unlock()
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            // The line takes one piece after the other, then each travels.
            free = max(free, ContinuousClock.now) + .seconds(count) / line.bytesPerSecond
            condition.lock()
            if isOver {
                condition.unlock()
                return
            }
            pieces.append((free + line.delay, Array(buffer[..<count])))
            held += count
            condition.signal()
            condition.unlock()
        }
        condition.lock()
        isOver = true
        condition.signal()
        condition.unlock()
    }

    /// Writes each piece when it is due, until the end.
    func drain(to descriptor: Int32, breaks: SlowLink.Break?) {
        var left = breaks?.bytes ?? .max
        while true {
            condition.lock()
            while pieces.isEmpty, !isOver { condition.wait() }
            guard let first = pieces.first else { return condition.unlock() }
            pieces.removeFirst()
            held -= first.bytes.count
            condition.broadcast()
            condition.unlock()
            let wait = ContinuousClock.now.duration(to: first.due)
            if wait > .zero { usleep(UInt32(wait / .microseconds(1))) }
            while line.isStalled.withLock({ $0 }) { usleep(5000) }
            var rest = first.bytes.prefix(left)
            left -= rest.count
            while !rest.isEmpty {
                let written = rest.withUnsafeBytes {
                    send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                if written < 0, errno == EINTR { continue }
                guard written > 0 else {
                    condition.lock()
                    isOver = true
                    pieces = []
                    held = 0
                    condition.broadcast()
                    condition.unlock()
                    return
                }
                rest = rest.dropFirst(written)
            }
            guard left > 0 else {
                if case .stalls = breaks { while !isAtEnd { usleep(5000) } }
                return
            }
        }
    }

    private var isAtEnd: Bool {
        condition.lock()
        defer { condition.unlock() }
        return isOver
    }
}
