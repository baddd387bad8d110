// A bad line between a client and a loopback server: each direction has a delay, a rate and losses,
// and the whole can be stalled, or cut at a byte of either direction. Every direction has two
// threads of blocking calls.
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

    /// Lost segments, as TCP shows them to a program: nothing passes until they have come again.
    public struct Loss: Sendable {
        /// Of so many segments one is lost.
        public var oneIn: Int
        /// Equal seeds lose the same segments.
        public var seed: UInt64

        /// Losses at random.
        public init(oneIn: Int, seed: UInt64) { (self.oneIn, self.seed) = (oneIn, seed) }

        /// What an Ethernet frame holds of a stream.
        static let segment = 1448
        /// Milliseconds until a sender tries again: from Linux's least to that of a slow line.
        static let timeout = 200...1000
    }

    /// What all directions of all connections share.
    struct Line: Sendable {
        var delay: Duration
        var bytesPerSecond: Int
        var loss: Loss?
        var breaks: Break?
        let isStalled = Box(false)
        let isRefusing = Box(false)
        /// The next cut, for whichever connection carries that byte.
        let nextCut = Box<Cut?>(nil)
        let directions = Box<UInt64>(0)

        /// What may be under way: what the delay holds, and a router's small buffer.
        var capacity: Int {
            let milliseconds = Int(delay / .milliseconds(1))
            return (1 << 15) + min(bytesPerSecond, 1 << 30) / 1000 * milliseconds
        }
    }

    /// A cut of all connections, once `bytes` more bytes have passed in one direction.
    struct Cut: Sendable {
        var isToClient: Bool
        var bytes: Int
    }

    /// Relays to `server`; a rate of 0 is no limit.
    public init(
        to server: UInt16, delay: Duration = .zero, bytesPerSecond: Int = 0, loss: Loss? = nil,
        breaks: Break? = nil
    ) throws(Unavailable) {
        (listener, port) = try Ports.listen()
        let rate = bytesPerSecond > 0 ? bytesPerSecond : 1 << 40
        line = Line(delay: delay, bytesPerSecond: rate, loss: loss, breaks: breaks)
        Thread.detachNewThread { [listener, line, connections, isListening] in
            while true {
                let client = accept(listener, nil, nil)
                if client < 0 { break }
                guard !line.isRefusing.withLock({ $0 }), let far = try? Ports.connect(to: server)
                else {
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

    /// Ends every new connection at once, until `admit`.
    public func refuse() { line.isRefusing.withLock { $0 = true } }

    /// New connections are taken again.
    public func admit() { line.isRefusing.withLock { $0 = false } }

    /// Ends every connection once `bytes` more bytes have passed in one direction.
    public func cut(after bytes: Int, toClient isToClient: Bool) {
        line.nextCut.withLock { $0 = Cut(isToClient: isToClient, bytes: bytes) }
    }

    /// Ends every connection at once; new ones are taken.
    public func cut() {
        connections.withLock { for descriptor in $0 { shutdown(descriptor, Int32(SHUT_RDWR)) } }
    }

    /// The hosts at both ends lose each other, and nobody hears of an end.
    ///
    /// What they still send on an open connection is neither taken nor acknowledged. New
    /// connections are taken.
    public func vanish() {
        // A socket filter of one instruction, which keeps 0 bytes of each packet: Linux's
        // `struct sock_filter` and, with a count of 1, `struct sock_fprog`.
        var drop: [UInt16] = [0x06, 0, 0, 0]
        drop.withUnsafeMutableBytes { code in
            var program: [UInt] = [1, UInt(bitPattern: code.baseAddress)]
            connections.withLock {
                for descriptor in $0 {
                    setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &program, 16)
                }
            }
        }
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
                let isToClient = to == client
                queue.drain(to: to, isToClient: isToClient, breaks: isToClient ? line.breaks : nil)
                if queue.isCut {
                    connections.withLock { for end in $0 { shutdown(end, Int32(SHUT_RDWR)) } }
                }
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
    /// Whether the line was cut at a byte of this direction.
    private(set) var isCut = false
    private var random: Seeded

    init(_ line: SlowLink.Line) {
        self.line = line
        let number = line.directions.withLock {
            $0 += 1
            return $0
        }
        random = Seeded(state: (line.loss?.seed ?? 0) &+ number)
    }

    /// How much later a piece comes as it was lost at first.
    private func lateness() -> Duration {
        guard let loss = line.loss, Int.random(in: 0..<loss.oneIn, using: &random) == 0 else {
            return .zero
        }
        return .milliseconds(Int.random(in: SlowLink.Loss.timeout, using: &random))
    }

    /// Reads until the end; what is under way is bounded.
    func fill(from descriptor: Int32) {
        let size = line.loss == nil ? 4096 : SlowLink.Loss.segment
        var buffer = [UInt8](repeating: 0, count: size)
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
            let due = free + line.delay + lateness()
            condition.lock()
            if isOver {
                condition.unlock()
                return
            }
            pieces.append((due, Array(buffer[..<count])))
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
    func drain(to descriptor: Int32, isToClient: Bool, breaks: SlowLink.Break?) {
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
            let passing = uncut(first.bytes.count, isToClient)
            isCut = passing < first.bytes.count
            if isCut { left = min(left, passing) }
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

    /// How many of the next bytes pass before the line is cut.
    private func uncut(_ count: Int, _ isToClient: Bool) -> Int {
        line.nextCut.withLock { cut in
            guard let bytes = cut?.bytes, cut?.isToClient == isToClient else { return count }
            cut?.bytes = bytes - count
            guard bytes < count else { return count }
            cut = nil
            return bytes
        }
    }

    private var isAtEnd: Bool {
        condition.lock()
        defer { condition.unlock() }
        return isOver
    }
}
