// Reads a descriptor without blocking the loop: by readiness (pipe, socket, terminal), or on a
// worker where the kernel offers none (a file). Invariant: `onEnd` is called once, after all data.
import Glibc
import Loop

@IO final class DescriptorSource {
    private let descriptor: Int32
    private let onData: @IO ([UInt8]) -> Void
    private let onEnd: @IO () -> Void
    private var readiness: Readiness?
    private var isPaused = false
    private var hasEnded = false

    init(
        _ descriptor: Int32, onData: @escaping @IO ([UInt8]) -> Void,
        onEnd: @escaping @IO () -> Void
    ) {
        self.descriptor = descriptor
        self.onData = onData
        self.onEnd = onEnd
    }

    func start() {
        readiness = try? Readiness(descriptor: descriptor)
        if readiness != nil { watch() } else { IO.task { await self.readOnWorker() } }
    }

    func pause() {
        isPaused = true
        readiness?.stop()
    }

    func resume() {
        guard isPaused else { return }
        isPaused = false
        if readiness != nil { watch() } else { IO.task { await self.readOnWorker() } }
    }

    func close() {
        hasEnded = true
        readiness?.close()
        readiness = nil
    }

    private func watch() {
        readiness?.watch(.read) { [weak self] _ in self?.readReady() }
    }

    private func readReady() {
        // A few rounds for a fast client, then back to the loop for everybody else.
        for _ in 0..<4 where !isPaused && !hasEnded {
            switch Self.read(descriptor) {
            case .data(let bytes): onData(bytes)
            case .wouldBlock: return
            case .end: return end()
            }
        }
    }

    private func readOnWorker() async {
        while !isPaused && !hasEnded {
            let descriptor = descriptor
            switch await Blocking.run({ Self.read(descriptor) }) {
            case .data(let bytes): onData(bytes)
            case .wouldBlock, .end: return end()
            }
        }
    }

    private func end() {
        guard !hasEnded else { return }
        close()
        onEnd()
    }

    private enum Read: Sendable {
        case data([UInt8])
        case wouldBlock
        case end
    }

    private nonisolated static func read(_ descriptor: Int32) -> Read {
        var code = 0
        let chunk = 1 << 16
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: chunk) { buffer, count in
            repeat {
                unsafe code = Glibc.read(descriptor, buffer.baseAddress, chunk)
            } while code < 0 && errno == EINTR
            count = max(0, code)
        }
        if code > 0 { return .data(bytes) }
        return code < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? .wouldBlock : .end
    }
}
