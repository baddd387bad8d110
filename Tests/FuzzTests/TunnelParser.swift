// Frames of a raw peer, fed to a real tunnel over memory: before the welcome, when the relay allows
// replies of 64 KiB, and after it. Invariant: every call ends when the tunnel does, and what the
// tunnel writes is bounded by what it is sent.
import Loop
import Net
import Support
import Tunnel

extension Parser {
    /// Frames to the relay's end of a tunnel.
    static func tunnel(before: Bool) -> Parser {
        func frame(_ kind: UInt8, _ flags: UInt8, _ id: UInt8, _ payload: [UInt8]) -> [UInt8] {
            [0, UInt8(payload.count >> 8), UInt8(payload.count & 255), kind, flags, 0, 0, 0, id]
                + payload
        }
        let settings = frame(4, 0, 0, [0, 4, 0, 16, 0, 0, 0, 3, 0, 0, 0, 10]) + frame(4, 1, 0, [])
        return Parser(
            name: before ? "frames before the welcome" : "frames after the welcome",
            seeds: [
                settings + frame(1, 4, 1, [0x88]) + frame(0, 1, 1, [123, 125]),
                settings + frame(6, 0, 0, [UInt8](repeating: 0, count: 8))
                    + frame(3, 0, 3, [0, 0, 0, 8]),
                settings + frame(8, 0, 0, [0, 0, 1, 0]) + frame(2, 0, 5, [0, 0, 0, 0, 9])
                    + frame(1, 0, 1, [0x88]) + frame(9, 4, 1, [0, 1, 97, 1, 98]),
                settings + frame(1, 4, 1, [8, 3, 49, 48, 51])
                    + frame(1, 5, 1, [0x88, 0x3f, 0xe1, 31]),
                settings + frame(7, 0, 0, [0, 0, 0, 1, 0, 0, 0, 0])
                    + frame(5, 4, 1, [0, 0, 0, 2, 0x82]),
            ]
        ) { bytes in
            let pipe = Pipe()
            let limits = TunnelLimits(bodyBytes: before ? 64 << 10 : 8 << 20)
            let tunnel = Tunnel(over: pipe, role: .caller, limits: limits)
            let calls = (0..<3).map { _ in
                IO.task { (try? await tunnel.call([123, 125]))?.count ?? 0 }
            }
            await Task.yield()
            for start in stride(from: 0, to: bytes.count, by: 100) {
                pipe.give(Array(bytes[start..<min(start + 100, bytes.count)]))
            }
            tunnel.flushTurn()
            tunnel.close()
            var size = 0
            for call in calls {
                guard let count = await IO.within(.seconds(20), { await call.value }) else {
                    preconditionFailure("a call did not end")
                }
                size += count
            }
            // The preface and three calls, then an answer of at most 17 bytes to a frame of 9.
            precondition(pipe.written < 4096 + 4 * bytes.count, "\(pipe.written) bytes written")
            return size
        }
    }
}

/// A stream without another end: bytes are given to it, and what is written is counted.
@IO private final class Pipe: ByteStream {
    var onData: (@IO (UnsafeRawBufferPointer) -> Void)?
    var onDrain: (@IO () -> Void)?
    var onEnd: (@IO () -> Void)?
    var onClose: (@IO (NetError?) -> Void)?
    var peer: String { "memory" }
    private(set) var isClosed = false
    var unsent: Int { 0 }
    private(set) var written = 0

    func give(_ bytes: [UInt8]) {
        guard !isClosed else { return }
        bytes.withUnsafeBytes { onData?($0) }
    }
    func write(_ bytes: UnsafeRawBufferPointer) { written += bytes.count }
    func flush() {}
    func limitUnsentInKernel(bytes: Int32) {}
    func pauseReading() {}
    func resumeReading() {}
    func endWriting() {}
    func finish() { close(nil) }
    func close(_ error: NetError?) {
        guard !isClosed else { return }
        isClosed = true
        onClose?(error)
    }
}
