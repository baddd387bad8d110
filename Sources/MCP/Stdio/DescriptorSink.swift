// Writes a descriptor without blocking the loop. Flow: replies → queue → write(2), the rest when
// the descriptor is ready again. Invariant: bytes leave in the order they came; after a failed
// write nothing more is tried.
import Glibc
import Loop

@IO final class DescriptorSink {
    private let descriptor: Int32
    private var readiness: Readiness?
    private var queue: [UInt8] = []
    private var sent = 0
    private var waiting = Waiters()
    private(set) var isBroken = false

    /// Called when the queue has emptied, and when the descriptor breaks.
    var onDrain: (@IO () -> Void)?

    init(_ descriptor: Int32) {
        self.descriptor = descriptor
        readiness = try? Readiness(descriptor: descriptor)
    }

    var unsent: Int { queue.count - sent }

    /// Queues one message as a line and writes what can be written now.
    func write(line message: [UInt8]) {
        guard !isBroken else { return }
        queue.appendOnOneLine(message)
        queue.append(0x0A)
        // While something waits for readiness, order forbids a direct write.
        if queue.count - sent == message.count + 1 { flush() }
    }

    /// Returns once everything is written or cannot be.
    func whenFlushed() async {
        guard unsent > 0, !isBroken else { return }
        await withCheckedContinuation { waiting.add($0) }
    }

    func close() {
        readiness?.close()
        readiness = nil
        waiting.resume()
    }

    private func flush() {
        while sent < queue.count {
            let rest = queue[sent...]
            let code = unsafe rest.withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            if code >= 0 {
                sent += code
            } else if errno == EAGAIN, let readiness {
                compact()
                return readiness.watch(.write) { [weak self] _ in self?.flush() }
            } else if errno != EINTR {
                isBroken = true
                break
            }
        }
        queue.removeAll(keepingCapacity: queue.capacity <= 1 << 16)
        sent = 0
        readiness?.stop()
        waiting.resume()
        onDrain?()
    }

    private func compact() {
        guard sent > 1 << 16 else { return }
        queue.removeFirst(sent)
        sent = 0
    }
}
