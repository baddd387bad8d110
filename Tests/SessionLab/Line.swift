// What lies between the agent and the shells of a lane: a bad network, or a console's slow wire.
// Invariant: a line is only slow; it loses nothing for good.
import Loop
import Programs
import Support
import Terminal

@testable import homeline_agent

/// What the line to the servers is like.
struct Line: Sendable {
    /// One way.
    var delay = Duration.zero
    /// 0: no limit.
    var bytesPerSecond = 0
    var loss: SlowLink.Loss?
    /// The terminal's own rate behind the link, each way; 0: no limit.
    var consoleBytesPerSecond = 0

    /// 300 ms each way, and 64 KiB a second.
    static let slow = Line(delay: .milliseconds(300), bytesPerSecond: 64 << 10)
    /// One segment of a hundred is lost.
    static let lossy = Line(loss: SlowLink.Loss(oneIn: 100, seed: 18))
    /// Two seconds there and back.
    static let far = Line(delay: .seconds(1))
    /// Both.
    static let farAndLossy = Line(delay: .seconds(1), loss: SlowLink.Loss(oneIn: 100, seed: 18))
    /// 300 baud.
    static let console = Line(consoleBytesPerSecond: 30)

    /// The network is bad.
    var isSlow: Bool { delay > .zero || bytesPerSecond > 0 || loss != nil }

    /// How long opening a session, and each answer, may take.
    var patience: Duration { consoleBytesPerSecond > 0 ? .seconds(300) : .seconds(60) }

    /// What an answer may be late by, beyond what the shell takes.
    var lateness: Duration {
        delay * 4 + (consoleBytesPerSecond > 0 ? .seconds(500) / consoleBytesPerSecond : .zero)
    }
}

/// A terminal behind a wire that carries so many bytes a second, each way.
@IO final class SlowConsole: ShellTransport {
    var onOutput: (@IO ([UInt8]) -> Void)?
    var onEnd: (@IO (ProgramEnd) -> Void)?
    var unsent: Int { typed.count + inner.unsent }

    private let inner: any ShellTransport
    private var typed: ArraySlice<UInt8> = []
    private var shown: ArraySlice<UInt8> = []
    private var end: ProgramEnd?
    private var clock: LoopTimer?
    /// So much waits at the far end before the shell is held.
    private static let buffer = 256

    init(_ inner: any ShellTransport, bytesPerSecond: Int) {
        self.inner = inner
        inner.onOutput = { [weak self] in self?.take($0) }
        inner.onEnd = { [weak self] in self?.end = $0 }
        let step = Duration.seconds(1) / bytesPerSecond
        clock = LoopTimer(after: step, repeating: step) { [weak self] in self?.pass() }
    }

    private func take(_ bytes: [UInt8]) {
        shown += bytes
        if shown.count > Self.buffer { inner.pause() }
    }

    /// One byte each way.
    private func pass() {
        if let byte = typed.popFirst() { inner.write([byte]) }
        if let byte = shown.popFirst() {
            if shown.count <= Self.buffer { inner.resume() }
            onOutput?([byte])
        } else if let end {
            clock?.cancel()
            onEnd?(end)
        }
    }

    func write(_ bytes: [UInt8]) { typed += bytes }
    func pause() {}
    func resume() { inner.resume() }
    func resize(columns: UInt16, rows: UInt16) { inner.resize(columns: columns, rows: rows) }
    func ask(_ question: Probe.Question) async -> [UInt8]? { await inner.ask(question) }
    func findLogin() async -> LoginShell.Answer { await inner.findLogin() }
    func close() {
        clock?.cancel()
        inner.close()
    }
}
