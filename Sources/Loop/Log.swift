// The log of a program: lines for standard error. Flow: any thread → a bounded queue → a thread
// that writes while there are lines → standard error.
// Invariant: logging never waits; lines that the reader is too slow for are dropped and counted.
import Glibc

extension Process {
    /// Logs a line with the time (UTC).
    ///
    /// Others control parts of what is logged: it stays one line.
    public static func log(_ line: String) {
        LogWriter.standardError.add(
            "\(UTCTime(Int64(time(nil))).rfc3339) \(line.plain(keepsLines: false))")
    }

    /// Writes text to standard error as `plain`, after the lines that were logged before.
    public static func complain(_ text: String) {
        LogWriter.standardError.add(text.plain(keepsLines: true))
    }

    /// Ends the process once the log is written, or after `patience`.
    public static func end(
        _ code: Int32, patience: Duration = .milliseconds(500)
    ) -> Never {
        LogWriter.standardError.settle(within: patience)
        exit(code)
    }
}

/// Writes lines to a descriptor that may block, from its own thread.
///
/// The descriptor's flags are not changed: non-blocking mode would also apply to every other
/// process that shares it, such as the shell of a terminal.
final class LogWriter: Sendable {
    static let standardError = LogWriter(STDERR_FILENO)

    private let descriptor: Int32
    private let queue = Locked(LogQueue())

    init(_ descriptor: Int32) { self.descriptor = descriptor }

    /// Queues a line and returns at once.
    func add(_ line: String) {
        if queue.withLock({ $0.add(line) }) { startThread() }
    }

    /// Waits until every line is written, for at most `limit`; for the end of a program.
    func settle(within limit: Duration) {
        let end = ContinuousClock.now + limit
        while queue.withLock({ $0.isBusy }), ContinuousClock.now < end { usleep(1000) }
    }

    /// A thread for each burst of lines: an idle program holds none.
    private func startThread() {
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<LogWriter>.fromOpaque(context).takeUnretainedValue().writeAll()
                return nil
            }, Unmanaged.passUnretained(self).toOpaque())
        if code == 0 { pthread_detach(thread) }
        // Without a thread the lines wait for the next one that is logged.
        if code != 0 { queue.withLock { $0.isBusy = false } }
    }

    private func writeAll() {
        // Where background jobs may not write (`stty tostop`), the first line would stop the
        // process.
        var stops = sigset_t()
        sigemptyset(&stops)
        sigaddset(&stops, SIGTTOU)
        pthread_sigmask(SIG_BLOCK, &stops, nil)
        while let bytes = queue.withLock({ $0.take() }) { put(bytes) }
    }

    /// Writes all of `bytes`; on an error the rest is dropped.
    private func put(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                // Another process has made the shared descriptor non-blocking.
                var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&entry, 1, -1)
            } else if errno != EINTR {
                return
            }
        }
    }
}

/// The lines that wait to be written.
struct LogQueue {
    /// The most bytes that may wait: some 2,000 lines, so that a reader may pause without loss.
    static let capacity = 256 << 10

    /// Whether a thread is writing, or is about to.
    var isBusy = false
    private var waiting: [UInt8] = []
    private var dropped = 0

    /// Adds a line, or counts it as dropped; true: the caller starts the thread that takes it.
    mutating func add(_ line: String) -> Bool {
        // After one line is dropped, so are the next ones, until the drop has been reported.
        if dropped == 0, waiting.count + line.utf8.count < Self.capacity {
            waiting.append(contentsOf: line.utf8)
            waiting.append(UInt8(ascii: "\n"))
        } else {
            dropped += 1
        }
        guard !isBusy else { return false }
        isBusy = true
        return true
    }

    /// The bytes to write next; nil if nothing is left, and the thread ends.
    mutating func take() -> [UInt8]? {
        if dropped > 0 {
            let lines = dropped == 1 ? "1 line" : "\(dropped) lines"
            waiting.append(contentsOf: "\(lines) dropped: nobody read the log in time\n".utf8)
            dropped = 0
        }
        guard !waiting.isEmpty else {
            isBusy = false
            return nil
        }
        defer { waiting = [] }
        return waiting
    }
}
