// One channel of a link: a shell or a command with its input, output and end. Driven by its link.
// Invariant: `onEnd` comes exactly once and after the last output; nothing is read while paused,
// so the server is held off by the window.
internal import CSSH2
public import Loop
public import Programs

/// The size and kind of a terminal.
public struct TerminalSize: Equatable, Sendable {
    /// The value of TERM.
    public var kind: String
    /// Width in characters.
    public var columns: UInt16
    /// Height in characters.
    public var rows: UInt16

    /// A terminal.
    public init(kind: String = "dumb", columns: UInt16 = 80, rows: UInt16 = 24) {
        self.kind = kind
        self.columns = columns
        self.rows = rows
    }
}

/// A running shell or command, or a TCP connection from the server to another host.
///
/// It starts paused: set the callbacks, then `resume`.
@IO public final class Channel: RunningProgram {
    /// Output as it comes.
    public var onOutput: (@IO ([UInt8]) -> Void)?
    /// Standard error as it comes; a terminal has none.
    public var onErrorOutput: (@IO ([UInt8]) -> Void)?
    /// Everything written has been handed to the connection.
    public var onDrain: (@IO () -> Void)?
    /// A stream's other end will send no more, but may still read.
    public var onOutputEnd: (@IO () -> Void)?
    /// The end, after all output.
    public var onEnd: (@IO (ProgramEnd) -> Void)?
    /// How it ended; nil while it lives.
    public private(set) var end: ProgramEnd?
    /// Whether it has a terminal.
    public var hasTerminal: Bool { kind == .terminal }
    /// As in `RunningProgram`.
    public var isOutputHeld: Bool { output.isHeld }
    /// Whether it is a TCP connection.
    var isStream: Bool { kind == .stream }

    /// The link, while the channel has a place on it.
    private var link: Link?
    /// Whether its link has other channels.
    var hasCompany: Bool { (link?.channelCount ?? 0) > 1 }
    private let kind: Kind
    private let raw: OpaquePointer
    private var output = Output()
    private var input = Input()
    private var requests: [Request] = []
    private var closing = false
    private var graceTimer: LoopTimer?
    private var leftovers = Leftovers()

    /// What was written and not yet taken by the connection.
    private struct Input {
        var bytes: [UInt8] = []
        var taken = 0
        var unsent: Int { bytes.count - taken }
    }

    /// How output is read.
    private struct Output {
        var isPaused = true
        /// The most bytes that are handed on at once.
        var piece = 16 << 10
        /// Whether a stream's other end has said that it sends no more.
        var hasEnded = false
        /// Runs from the program's exit status on, while the output has not ended.
        var watch: LoopTimer?
        /// Whether something has come since the watch began.
        var isHeard = false
        /// Whether another process still had it at the program's end.
        var isHeld = false
    }

    /// Output that was unread when the link ended, and how the link ended.
    private struct Leftovers {
        var pieces: [(stream: Int32, bytes: [UInt8])] = []
        var end: ProgramEnd?
    }

    private struct Request {
        let step: @IO () -> Int32
        let finish: @IO (Int32) -> Void
    }

    /// The kind of its other end.
    enum Kind {
        case program, terminal
        /// A TCP connection from the server.
        case stream
    }

    init(_ raw: OpaquePointer, on link: Link, _ kind: Kind) {
        self.raw = raw
        hl_ssh_mark_status(raw)
        self.link = link
        self.kind = kind
    }

    /// Bytes written that the connection has not taken.
    public var unsent: Int { input.unsent }

    // MARK: What owners ask for

    /// Queues input for the program.
    public func write(_ bytes: [UInt8]) {
        guard end == nil, !closing, !bytes.isEmpty else { return }
        input.bytes.append(contentsOf: bytes)
        link?.driveAgain()
    }

    /// Ends the program's input after what is queued; on a terminal it types Ctrl-D.
    public func sendEOF() {
        guard !hasTerminal else { return write([4]) }
        let raw = raw
        request { [weak self] in
            guard let self, self.unsent == 0 else { return LIBSSH2_ERROR_EAGAIN }
            return libssh2_channel_send_eof(raw)
        }
    }

    /// Sends a signal by its name without `SIG`: `TERM`, `KILL`, `INT`.
    public func signal(_ name: String) {
        let raw = raw
        request { libssh2_channel_signal_ex(raw, name, name.utf8.count) }
    }

    /// Tells the terminal its size.
    public func resize(columns: UInt16, rows: UInt16) {
        let raw = raw
        request {
            libssh2_channel_request_pty_size_ex(raw, Int32(columns), Int32(rows), 0, 0)
        }
    }

    /// Stops reading; the program blocks once the window is used up.
    public func pause() { output.isPaused = true }

    /// Reads on.
    public func resume() {
        output.isPaused = false
        guard link == nil else {
            link?.driveAgain()
            return
        }
        deliverLeftovers()
    }

    /// Ends the program (KILL without a terminal, a hang-up with one) and the channel.
    ///
    /// `onEnd` still comes, within 2 seconds. OpenSSH refuses signals where root logs in; there, a
    /// program without a terminal that ignores its closed input keeps running.
    public func close() {
        guard end == nil, !closing else { return }
        closing = true
        input = Input()
        onOutput = nil
        onErrorOutput = nil
        onOutputEnd = nil
        guard link != nil else { return finish(leftovers.end ?? .lost("closed by the agent")) }
        if kind == .program && libssh2_channel_eof(raw) == 0 { signal("KILL") }
        let raw = raw
        enqueue({ libssh2_channel_close(raw) }) { [weak self] _ in self?.closed() }
        graceTimer = LoopTimer(after: .seconds(2)) { self.finish(.lost("closed by the agent")) }
    }

    // MARK: What the link asks for

    /// Repeats a request until the server has answered; returns 0 if it agreed.
    func ask(_ step: @escaping @IO (OpaquePointer) -> Int32) async -> Int32 {
        await withUnsafeContinuation { continuation in
            enqueue({ self.attempt(step) }) { continuation.resume(returning: $0) }
        }
    }

    /// One attempt at a request with an answer.
    ///
    /// libssh2 fails for good (-1) if it reads another channel's answer while it waits for this
    /// one. So everything received is processed first, and nothing is read during the attempt.
    private func attempt(_ step: @IO (OpaquePointer) -> Int32) -> Int32 {
        guard let transport = link?.session.transport else { return LIBSSH2_ERROR_CHANNEL_CLOSED }
        _ = libssh2_channel_read_ex(raw, 0, nil, 0)
        transport.isHeld = true
        defer { transport.isHeld = false }
        return step(raw)
    }

    /// Does all it can without waiting; without `reads`, it only sends.
    func drive(reads: Bool) {
        while let next = requests.first {
            let code = next.step()
            if code == LIBSSH2_ERROR_EAGAIN { break }
            requests.removeFirst()
            next.finish(code)
            if link == nil { return }
        }
        if unsent > 0 { sendInput() }
        guard reads, let link, link.failure == nil, !closing else { return }
        guard !output.isPaused else {
            // Reads nothing, but lets libssh2 process data for other channels.
            _ = libssh2_channel_read_ex(raw, 0, nil, 0)
            return
        }
        read(link)
        if self.link != nil, !output.isPaused, !closing { checkEnd() }
    }

    /// The link is over: keeps what has been received, then ends.
    func linkEnded(_ error: SSHError) {
        let end = ProgramEnd.lost(error.description)
        if let link, !closing {
            for stream in [Int32(0), SSH_EXTENDED_DATA_STDERR] {
                while let bytes = take(stream, link) { leftovers.pieces.append((stream, bytes)) }
            }
        }
        let wasClosing = closing
        leaveLink()
        leftovers.end = end
        if wasClosing { finish(end) } else { deliverLeftovers() }
    }

    // MARK: Inside

    private func request(_ step: @escaping @IO () -> Int32) { enqueue(step) { _ in } }

    private func enqueue(_ step: @escaping @IO () -> Int32, finish: @escaping @IO (Int32) -> Void) {
        guard let link, link.failure == nil, end == nil else {
            return finish(LIBSSH2_ERROR_SOCKET_DISCONNECT)
        }
        requests.append(Request(step: step, finish: finish))
        link.driveAgain()
    }

    private func sendInput() {
        guard let link else { return }
        let transport = link.session.transport
        while unsent > 0, transport.unsent < 1 << 18 {
            let count = input.bytes.withUnsafeBytes { bytes in
                let rest = bytes.baseAddress?.advanced(by: input.taken).assumingMemoryBound(
                    to: CChar.self)
                return libssh2_channel_write_ex(raw, 0, rest, bytes.count - input.taken)
            }
            guard count > 0 else {
                // The program has closed its input, or the channel is over: nobody will read it.
                if count < 0, count != Int(LIBSSH2_ERROR_EAGAIN) { input.taken = input.bytes.count }
                break
            }
            input.taken += count
        }
        if unsent == 0 {
            input.bytes.removeAll(keepingCapacity: input.bytes.capacity <= 1 << 16)
            input.taken = 0
            onDrain?()
            link.driveAgain()
        } else if input.taken > 1 << 20 {
            input.bytes.removeFirst(input.taken)
            input.taken = 0
        }
    }

    private func read(_ link: Link) {
        let streams = kind == .program ? [0, SSH_EXTENDED_DATA_STDERR] : [0]
        for stream in streams {
            // Bounded, so that one loud channel does not starve the others.
            for _ in 0..<4 {
                guard let bytes = take(stream, link) else {
                    if stream == streams.last { dropOthers(link) }
                    break
                }
                let begun = Slice.now
                (stream == 0 ? onOutput : onErrorOutput)?(bytes)
                fitPiece(to: Slice.now - begun)
                if output.isPaused || closing || self.link == nil { return }
                link.driveAgain()
                if link.spend(bytes.count) { return }
            }
        }
    }

    /// Drops extended data that nobody reads: of types that RFC 4254 does not name, and of channels
    /// that have no standard error.
    ///
    /// Until it is gone the channel does not reach its end. What is read was taken just before.
    private func dropOthers(_ link: Link) {
        guard link.failure == nil else { return }
        _ = libssh2_channel_flush_ex(raw, LIBSSH2_CHANNEL_FLUSH_EXTENDED_DATA)
    }

    /// Adjusts the piece size so that processing one piece takes much less than a slice.
    private func fitPiece(to nanoseconds: UInt64) {
        if nanoseconds > Slice.nanoseconds / 2 {
            output.piece = max(output.piece / 2, Self.leastPiece)
        } else if nanoseconds < Slice.nanoseconds / 8 {
            output.piece = min(output.piece * 2, Self.buffer.count)
        }
    }

    /// The read buffer shared by all channels, so that an idle link needs none.
    private static var buffer = [UInt8](repeating: 0, count: 1 << 16)
    /// The smallest piece, however long it takes to process.
    private static let leastPiece = 4 << 10

    private func take(_ stream: Int32, _ link: Link) -> [UInt8]? {
        let count = Self.buffer.withUnsafeMutableBytes { bytes in
            libssh2_channel_read_ex(
                raw, stream, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), output.piece)
        }
        if count > 0 {
            output.isHeard = true
            return Array(Self.buffer[..<count])
        }
        if count < 0, count != Int(LIBSSH2_ERROR_EAGAIN) { link.broke(Int32(count)) }
        return nil
    }

    private func checkEnd() {
        guard libssh2_channel_eof(raw) == 1 else { return watchHeldOutput() }
        if isStream, !output.hasEnded {
            output.hasEnded = true
            onOutputEnd?()
            if closing || link == nil { return }
        }
        if libssh2_channel_wait_closed(raw) == LIBSSH2_ERROR_EAGAIN { return }
        finish(reportedEnd ?? .unreported)
    }

    /// How long nothing comes after the exit status until the output counts as another process's.
    ///
    /// The server may send the status before the last output. Where that is lost on the way, TCP
    /// sends it again after about 0.2, 0.6, 1.4 and 3 s.
    private static let quiet = Duration.seconds(4)

    /// Ends a program whose exit status is here, once nothing more comes: a process that it left
    /// behind may hold its output open for ever.
    private func watchHeldOutput() {
        guard kind == .program, output.watch == nil, reportedEnd != nil else { return }
        output.isHeard = false
        output.watch = LoopTimer(after: Self.quiet) { [weak self] in self?.letGoOfOutput() }
    }

    private func letGoOfOutput() {
        output.watch = nil
        guard end == nil, !closing, let link, link.failure == nil else { return }
        guard !output.isPaused, !output.isHeard, let reported = reportedEnd else {
            return watchHeldOutput()
        }
        output.isHeld = true
        finish(reported)
    }

    /// What the server reported about the end; nil if it reported nothing.
    private var reportedEnd: ProgramEnd? {
        var name: UnsafeMutablePointer<CChar>?
        var length = 0
        libssh2_channel_get_exit_signal(raw, &name, &length, nil, nil, nil, nil)
        if let name {
            defer { link.map { libssh2_free($0.session.raw, name) } }
            // A word of a few letters (RFC 4254 §6.10); the server may send anything.
            let word = UnsafeRawBufferPointer(start: name, count: min(length, 32))
            return .signalled(
                String(decoding: word.filter { (33..<127).contains($0) }, as: UTF8.self))
        }
        let code = libssh2_channel_get_exit_status(raw)
        return code == hl_ssh_no_status() ? nil : .exited(code)
    }

    /// The server has confirmed our close.
    private func closed() {
        let reported = link == nil ? nil : reportedEnd
        finish(reported ?? .lost("closed by the agent"))
        leaveLink()
    }

    private func finish(_ end: ProgramEnd) {
        guard self.end == nil else { return }
        self.end = end
        graceTimer?.cancel()
        graceTimer = nil
        output.watch?.cancel()
        // A channel whose close the server has not confirmed keeps its place on the link.
        if !closing || requests.isEmpty { leaveLink() }
        let report = onEnd
        onEnd = nil
        onOutput = nil
        onErrorOutput = nil
        (onDrain, onOutputEnd) = (nil, nil)
        report?(end)
    }

    /// Frees the C channel, through the link, as it has to wait while keys are exchanged.
    private func leaveLink() {
        guard let link else { return }
        self.link = nil
        link.remove(self)
        let abandoned = requests
        requests = []
        for request in abandoned { request.finish(LIBSSH2_ERROR_CHANNEL_CLOSED) }
        guard link.failure == nil else { return }  // freed with the session
        link.places.giveBack(raw, opensAhead: kind == .program && !closing)
    }

    private func deliverLeftovers() {
        while !output.isPaused, !leftovers.pieces.isEmpty {
            let next = leftovers.pieces.removeFirst()
            (next.stream == 0 ? onOutput : onErrorOutput)?(next.bytes)
        }
        if !output.isPaused, leftovers.pieces.isEmpty, let end = leftovers.end { finish(end) }
    }
}
