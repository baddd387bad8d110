// An open file of an SFTP server, with requests in flight in both directions: their number follows
// what the way to the server takes (FileWindow). Flow: agent's FileStore → here → SFTP.
// Invariant: at most a window of bytes is held, however long the file is, and the handle is given
// back however the file is left.
public import Loop

/// An open file.
@IO public final class SFTPFile {
    private let files: SFTP
    private let handle: [UInt8]
    private var isOpen = true
    private var window = FileWindow()
    /// The writes that are not answered yet, oldest first.
    private var writes: [(answer: Answer, bytes: Int, sent: ContinuousClock.Instant)] = []
    private var unanswered = 0

    init(_ handle: [UInt8], of files: SFTP) { (self.handle, self.files) = (handle, files) }

    isolated deinit { abandon() }

    /// The attributes of the open file.
    public func attributes() async throws(FileError) -> FileAttributes {
        guard case .attributes(let found) = try await files.ask(8, { $0.string(handle) }) else {
            throw files.unexpected()
        }
        return found
    }

    /// Sets the attributes that are there: by the handle, as another file may be at the path by
    /// now.
    ///
    /// A server without FSETSTAT gives a new file its mode when it makes it; then there is nothing
    /// to set.
    public func set(_ attributes: FileAttributes) async throws(FileError) {
        do throws(FileError) {
            try await files.order(10) {
                $0.string(handle)
                attributes.write(into: &$0)
            }
        } catch .unsupported {
            var modeAlone = FileAttributes()
            modeAlone.mode = attributes.mode
            guard modeAlone == attributes, let mode = attributes.mode,
                let has = try await self.attributes().mode, has & 0o7777 == mode & 0o7777
            else { throw .unsupported }
        }
    }

    /// The content from an offset on, in pieces, at most `count` bytes of it.
    public func contents(from offset: UInt64, upTo count: UInt64 = .max) -> SFTPPieces {
        SFTPPieces(files, handle, from: offset, upTo: count)
    }

    /// Writes bytes at an offset; returns when there is room for more, not when they are written.
    ///
    /// An error may be that of an earlier write; `flush` waits for all.
    public func write(_ bytes: [UInt8], at offset: UInt64) async throws(FileError) {
        for start in stride(from: 0, to: bytes.count, by: SFTP.piece) {
            let piece = bytes[start..<min(bytes.count, start + SFTP.piece)]
            while unanswered > 0,
                unanswered + piece.count > window.bytes(inCompany: files.hasCompany)
            {
                try await settle()
            }
            let (_, answer) = try files.send(6) {
                $0.string(handle)
                $0.uint64(offset &+ UInt64(start))
                $0.string(piece)
            }
            writes.append((answer, piece.count, IO.now))
            unanswered += piece.count
        }
        // Errors are found as early as the answers come.
        while let first = writes.first, first.answer.value != nil { try await settle() }
    }

    /// Waits until everything that was written has been taken by the server.
    public func flush() async throws(FileError) {
        while !writes.isEmpty { try await settle() }
    }

    /// Waits for the answer to the oldest write.
    private func settle() async throws(FileError) {
        let first = writes.removeFirst()
        unanswered -= first.bytes
        let reply: SFTPReply
        do throws(FileError) {
            reply = try await files.reply(to: first.answer)
        } catch .unexplained {
            throw await files.reason(ofWriteTo: handle)
        }
        guard case .status = reply else { throw files.unexpected() }
        window.answered(first.bytes, sent: first.sent, now: IO.now)
    }

    /// Has the server's disk keep what was written; `unsupported` where the server cannot.
    public func sync() async throws(FileError) {
        try await flush()
        try await files.extended("fsync@openssh.com") { $0.string(handle) }
    }

    /// Waits for everything that was written, and closes the file: some servers report a full disk
    /// only here.
    public func close() async throws(FileError) {
        try await flush()
        guard isOpen else { return }
        isOpen = false
        try await files.order(4) { $0.string(handle) }
    }

    /// Closes the file without waiting.
    public func abandon() {
        guard isOpen else { return }
        isOpen = false
        files.giveBack(handle)
    }
}

/// The content of an open file from an offset on, read ahead of its reader by a window.
///
/// Its file must stay open for as long as it is read.
@IO public final class SFTPPieces {
    /// How many pieces are in flight before the first answer: a small file needs no more.
    private static let start = 4

    private struct Request {
        let answer: Answer
        let offset: UInt64
        let count: Int
        let sent: ContinuousClock.Instant
    }

    private let files: SFTP
    private let handle: [UInt8]
    /// Where the next request begins.
    private var offset: UInt64
    /// How many bytes are still to be asked for.
    private var left: UInt64
    private var requests: [Request] = []
    private var window = FileWindow()
    /// How many pieces may be in flight: it doubles with each round trip until the window is full.
    private var width = SFTPPieces.start
    private var isEnd = false

    init(_ files: SFTP, _ handle: [UInt8], from offset: UInt64, upTo count: UInt64) {
        (self.files, self.handle, self.offset, left) = (files, handle, offset, count)
    }

    /// The next bytes; none at the file's end.
    public func next() async throws(FileError) -> [UInt8] {
        while !isEnd {
            let most = window.bytes(inCompany: files.hasCompany) / SFTP.piece
            while left > 0, requests.count < min(width, most) {
                let count = Int(min(left, UInt64(SFTP.piece)))
                requests.append(try request(offset, count))
                offset &+= UInt64(count)
                left -= UInt64(count)
            }
            guard !requests.isEmpty else { break }
            let first = requests.removeFirst()
            let bytes: [UInt8]
            switch try await files.reply(to: first.answer) {
            case .data(let data) where data.count <= first.count: bytes = data
            case .status: bytes = []  // the end of the file
            case .data, .version, .handle, .names, .attributes, .extended: throw files.unexpected()
            }
            guard !bytes.isEmpty else {
                isEnd = true
                break
            }
            window.answered(bytes.count, sent: first.sent, now: IO.now)
            width = min(width + 1, FileWindow.most / SFTP.piece)
            if bytes.count < first.count {
                // The rest of a piece that came short belongs before the pieces after it.
                let rest = try request(
                    first.offset &+ UInt64(bytes.count), first.count - bytes.count)
                requests.insert(rest, at: 0)
            }
            return bytes
        }
        requests = []
        return []
    }

    private func request(_ offset: UInt64, _ count: Int) throws(FileError) -> Request {
        let (_, answer) = try files.send(5) {
            $0.string(handle)
            $0.uint64(offset)
            $0.uint32(UInt32(count))
        }
        return Request(answer: answer, offset: offset, count: count, sent: IO.now)
    }
}
