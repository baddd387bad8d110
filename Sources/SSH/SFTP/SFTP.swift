// SFTP version 3 on a channel like any other, above Channel and below the agent's Files: sends
// requests and passes each answer to its caller. libssh2's own SFTP opens inside the session's one
// operation, where a hanging login script blocks the whole link. Invariant: every request is
// answered, by the server or by the reason why SFTP is over.
public import Loop
internal import Programs

/// What the server answers to one request, or why it will not.
typealias Answer = Once<Result<SFTPReply, FileError>>

/// An SFTP session.
@IO public final class SFTP {
    /// The most requests that may wait for their answers at once; further ones are not sent yet, so
    /// that memory stays bounded.
    private static let width = 64

    /// Why it is over; nil while it lives.
    public private(set) var failure: FileError?
    /// The time of the latest request.
    public private(set) var lastUsed = IO.now
    /// Requests that wait for their answers.
    public var waiting: Int { pending.count }

    /// Whether its program was not there to be started, as a shell reports it.
    private(set) var isMissing = false

    /// Whether the link has other channels, which wait behind what is in flight here.
    var hasCompany: Bool { channel.hasCompany }

    private let channel: Channel
    /// The time within which the server must answer a request.
    let limit: Duration
    private let version = Once<Result<UInt32, FileError>>()
    /// The extensions that the server offers.
    private(set) var extensions: Set<String> = []
    private var splitter = SFTPSplitter()
    private var pending: [UInt32: Answer] = [:]
    /// Requests whose callers stopped waiting; a handle returned for one is closed.
    private var abandoned: Set<UInt32> = []
    private var lastID: UInt32 = 0
    private var lastWords = ""

    init(_ channel: Channel, limit: Duration) {
        self.channel = channel
        self.limit = limit
        channel.onOutput = { [weak self] in self?.receive($0) }
        channel.onErrorOutput = { [weak self] bytes in
            guard let self, self.lastWords.utf8.count < 300 else { return }
            self.lastWords += String(decoding: bytes.prefix(300), as: UTF8.self)
        }
        channel.onEnd = { [weak self] end in
            guard let self else { return }
            self.isMissing = [.exited(127), .exited(126)].contains(end)
            let words = self.lastWords.split(separator: "\n").joined(separator: " ")
            let reason =
                switch end {
                case .exited(let code): "the server's SFTP program ended with \(code)"
                case .signalled(let name): "the server's SFTP program was ended by \(name)"
                case .unreported: "the server ended its SFTP program without a status"
                case .lost(let reason): reason
                }
            self.end(.ended(reason: words.isEmpty ? reason : "\(reason): \(words)"))
        }
    }

    isolated deinit { channel.close() }

    /// Agrees on the version; call it once, first.
    func begin() async throws(FileError) {
        channel.resume()
        // Its length, INIT, version 3.
        channel.write([0, 0, 0, 5, 1, 0, 0, 0, 3])
        guard let answer = await IO.within(limit, { await self.version.wait() }) else {
            throw stop(.timedOut(limit: limit))
        }
        let number = try answer.get()
        guard number >= 3 else { throw stop(.malformed(reason: "version \(number)")) }
    }

    /// Ends the SFTP session; waiting requests fail.
    public func close() { end(.ended(reason: "closed by the agent")) }

    // MARK: Requests

    /// Sends a request and waits for its answer.
    func ask(
        _ type: UInt8, _ write: (inout WireWriter) -> Void
    ) async throws(FileError) -> SFTPReply {
        lastUsed = IO.now
        while pending.count >= Self.width, failure == nil {
            try? await IO.sleep(for: .milliseconds(1))
            if Task.isCancelled { throw .cancelled }
        }
        let (id, answer) = try send(type, write)
        guard let result = await IO.within(limit, { await answer.wait() }) else {
            pending[id] = nil
            guard !Task.isCancelled else {
                abandoned.insert(id)
                throw .cancelled
            }
            throw stop(.timedOut(limit: limit))
        }
        return try Self.reply(result)
    }

    /// Sends a request, whose answer is waited for elsewhere: by those that keep several in flight.
    func send(
        _ type: UInt8, _ write: (inout WireWriter) -> Void
    ) throws(FileError) -> (id: UInt32, answer: Answer) {
        if let failure { throw failure }
        lastUsed = IO.now
        lastID &+= 1
        let id = lastID
        // The length is known once the rest is written.
        var message = WireWriter()
        message.uint32(0)
        message.byte(type)
        message.uint32(id)
        write(&message)
        message.setLength()
        let answer = Answer()
        pending[id] = answer
        channel.write(message.bytes)
        return (id, answer)
    }

    /// Waits for the answer to a request that was sent.
    func reply(to answer: Answer) async throws(FileError) -> SFTPReply {
        if let value = answer.value { return try Self.reply(value) }
        guard let result = await IO.within(limit, { await answer.wait() }) else {
            guard !Task.isCancelled else { throw .cancelled }
            throw stop(.timedOut(limit: limit))
        }
        return try Self.reply(result)
    }

    private static func reply(
        _ result: Result<SFTPReply, FileError>
    ) throws(FileError) -> SFTPReply {
        let reply = try result.get()
        if case .status(let code, let message) = reply,
            let error = FileError(status: code, message)
        {
            throw error
        }
        return reply
    }

    /// Sends a request that is answered only with a status.
    func order(_ type: UInt8, _ write: (inout WireWriter) -> Void) async throws(FileError) {
        guard case .status = try await ask(type, write) else { throw unexpected() }
    }

    /// An answer of another kind than was asked for.
    func unexpected() -> FileError { stop(.malformed(reason: "an answer of the wrong kind")) }

    // MARK: Answers

    private func receive(_ bytes: [UInt8]) {
        guard failure == nil else { return }
        guard let messages = splitter.take(bytes) else {
            let start = String(decoding: bytes.prefix(80).filter { $0 >= 32 }, as: UTF8.self)
            return end(.malformed(reason: "it says \"\(start)\" (does a login script print?)"))
        }
        for message in messages {
            guard let (id, reply) = SFTPReply.read(message) else {
                return end(.malformed(reason: "a malformed message"))
            }
            if case .version(let number, let names) = reply {
                extensions = Set(names)
                version.set(.success(number))
            } else if let answer = pending.removeValue(forKey: id) {
                answer.set(.success(reply))
            } else if abandoned.remove(id) != nil {
                if case .handle(let handle) = reply { giveBack(handle) }
            } else {
                return end(.malformed(reason: "an answer without a request"))
            }
        }
    }

    /// Closes a handle without waiting for the answer.
    func giveBack(_ handle: [UInt8]) {
        guard failure == nil else { return }
        IO.task { try? await self.order(4) { $0.string(handle) } }
    }

    /// Ends the SFTP session for a reason, and returns that reason as the caller's error.
    private func stop(_ error: FileError) -> FileError {
        end(error)
        return error
    }

    private func end(_ error: FileError) {
        guard failure == nil else { return }
        failure = error
        version.set(.failure(error))
        let all = pending
        pending = [:]
        for answer in all.values { answer.set(.failure(error)) }
        channel.onOutput = nil
        channel.onErrorOutput = nil
        channel.onEnd = nil
        channel.close()
    }
}
