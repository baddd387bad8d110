// A channel's bytes as a session's transport: two buffers, so that the session may also be driven
// from a worker thread. ChannelCarrier moves them on the loop.

/// The buffers between an inner session and the channel it runs over.
final class ChannelTransport: Transport {
    private let root: Int32
    private var input: [UInt8] = []
    private var taken = 0
    private var pending: [UInt8] = []

    init(descriptor: Int32) { root = descriptor }

    override var descriptor: Int32 { root }

    /// Bytes received and not yet read.
    var waiting: Int { input.count - taken }

    /// Adds what the channel has received.
    func feed(_ bytes: [UInt8]) {
        input.append(contentsOf: bytes)
        mayRead = true
    }

    /// Takes the bytes to write to the channel.
    func takeOutput() -> [UInt8] {
        defer { pending.removeAll() }
        return pending
    }

    override func read(_ bytes: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(bytes.count, waiting)
        guard count > 0 else { return 0 }
        input.withUnsafeBytes {
            bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[taken..<(taken + count)]))
        }
        taken += count
        if taken == input.count {
            input.removeAll(keepingCapacity: true)
            taken = 0
        } else if taken > 1 << 18 {
            input.removeFirst(taken)
            taken = 0
        }
        return count
    }

    override func write(_ bytes: UnsafeRawBufferPointer) -> Int {
        // While the carrier holds back, bytes stay in `Transport`'s buffer and count as unsent.
        guard pending.count < 1 << 18 else { return 0 }
        pending.append(contentsOf: bytes)
        return bytes.count
    }
}
