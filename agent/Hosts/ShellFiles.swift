// The files of a host whose SSH server has no SFTP, through its /bin/sh: one short script for each
// operation (ShellFileScript), run on a channel of its own.
// Invariant: bytes pass unchanged in both directions, and an operation has succeeded only when its
// script says so at its end: what a lost connection cut is an error.
import Crypto
import Loop
import SSH
import Wire

/// Files through a shell.
@IO final class ShellFiles: FileStore {
    /// How long one script may take: a piece over a link of 20 kB/s.
    private static let time = Duration.seconds(60)
    /// How many scripts of one call run at once: servers allow some ten channels for a connection.
    private static let width = 4
    /// The bytes of a file that one script reads or writes: each costs two round trips and some
    /// milliseconds at the host.
    static let piece = 1 << 20
    /// The most bytes of a list of entries: 20,000 of them with names of 255 bytes.
    private static let listLimit = 16 << 20

    private let start: @IO (String) async throws(Fault) -> any RunningProgram
    private var running = 0
    private let ended = Condition()

    /// Files of the host where `start` runs scripts for /bin/sh.
    init(_ start: @escaping @IO (String) async throws(Fault) -> any RunningProgram) {
        self.start = start
    }

    /// `readlink -f` follows links as the host's kernel does.
    var followsLinks: Bool { true }

    func realPath(_ path: String) async throws(FileError) -> String {
        do throws(FileError) {
            return try Self.path(from: await run(ShellFileScript.realPath(path)))
        } catch {
            switch error {
            // Old tools say nothing of a path whose last part is missing, or have no such option:
            // then the path is walked part by part.
            case .denied, .unsupported, .failed, .unexplained, .notFound: throw .notFound
            case .closed, .timedOut, .ended, .malformed, .cancelled: throw error
            }
        }
    }

    func target(ofLink path: String) async throws(FileError) -> String {
        try Self.path(from: await run(ShellFileScript.target(ofLink: path)))
    }

    func attributes(
        of path: String, followingLinks: Bool
    ) async throws(FileError) -> FileAttributes {
        let answer = try await run(
            ShellFileScript.attributes(of: path, followingLinks: followingLinks))
        guard let found = ShellFileScript.attributes(from: answer[...]) else { throw Self.unread }
        return found.attributes
    }

    func ties(of path: String) async throws(FileError) -> FileTies {
        ShellFileScript.ties(from: try await run(ShellFileScript.ties(of: path)))
    }

    func entries(
        of path: String, limit: Int
    ) async throws(FileError) -> [(name: String, attributes: FileAttributes)] {
        let answer = try await run(
            ShellFileScript.entries(of: path, limit: limit), most: Self.listLimit)
        // Not on the loop: a directory may have 20,000 entries.
        let found = await Blocking.run { ShellFileScript.entries(from: answer) }
        guard let found else { throw Self.unread }
        return found
    }

    func open(
        _ path: String, _ opening: FileOpening, mode: UInt32?
    ) async throws(FileError) -> any OpenFile {
        // What is only read is opened when it is read.
        if let script = ShellFileScript.open(path, opening, mode: mode) {
            _ = try await run(script)
        }
        return ShellFile(path, of: self, appends: opening.contains(.append))
    }

    func makeDirectory(_ path: String) async throws(FileError) {
        _ = try await run(ShellFileScript.makeDirectory(path))
    }

    func makeLink(at path: String, to target: String) async throws(FileError) {
        _ = try await run(ShellFileScript.makeLink(at: path, to: target))
    }

    func rename(_ path: String, to new: String, replacing: Bool) async throws(FileError) {
        _ = try await run(ShellFileScript.rename(path, to: new, replacing: replacing))
    }

    func remove(_ path: String) async throws(FileError) {
        _ = try await run(ShellFileScript.remove(path))
    }

    func removeDirectory(_ path: String) async throws(FileError) {
        _ = try await run(ShellFileScript.removeDirectory(path))
    }

    func set(_ attributes: FileAttributes, of path: String) async throws(FileError) {
        guard let script = ShellFileScript.set(attributes, of: path) else { return }
        _ = try await run(script)
    }

    // MARK: Scripts

    private static let unread = FileError.failed(
        reason: "the host has no SFTP, and its stat and ls answer in a way that is not known:"
            + " use ssh_execute")

    /// The path in an answer, without its last line break.
    private static func path(from answer: [UInt8]) throws(FileError) -> String {
        guard let path = String(validating: answer.dropLast(), as: UTF8.self), !path.isEmpty else {
            throw .failed(reason: "it leads to a name that is not UTF-8: use ssh_execute")
        }
        // It is shown, as the paths of an SFTP server are.
        guard FileEntry.isText(path, limit: PathRules.longest) else {
            throw .failed(
                reason: "it leads to a path that has control characters, or is too long: use"
                    + " ssh_execute")
        }
        return path
    }

    /// Runs a script, which gets `input`, and returns what it prints, at most `most` bytes.
    func run(
        _ script: String, input: [UInt8] = [], most: Int = 64 << 10
    ) async throws(FileError) -> [UInt8] {
        await ended.wait(until: IO.now + Self.time) { running < Self.width }
        guard !Task.isCancelled else { throw .cancelled }
        guard running < Self.width else { throw .timedOut(limit: Self.time) }
        running += 1
        defer {
            running -= 1
            ended.broadcast()
        }
        let answer = ShellAnswer(most: most)
        let program: any RunningProgram
        do throws(Fault) {
            program = try await start(answer.framed(script))
        } catch {
            guard !Task.isCancelled else { throw .cancelled }
            // What is wrong with the connection ends all work on files, and not this file's alone.
            guard error.code == .channelRefused else { throw .ended(reason: error.message) }
            throw .failed(
                reason: "the server has no SFTP, and no shell stands in for it: \(error.message)")
        }
        guard let end = await IO.within(Self.time, { await answer.end(of: program, input) }) else {
            program.close()
            throw Task.isCancelled ? .cancelled : .timedOut(limit: Self.time)
        }
        return try answer.content(end)
    }
}

/// A file of a host without SFTP: a path, and the bytes that are to be written next.
@IO private final class ShellFile: OpenFile {
    private let path: String
    private let files: ShellFiles
    private let appends: Bool
    private var waiting: [UInt8] = []
    /// Where they begin.
    private var place: UInt64 = 0

    init(_ path: String, of files: ShellFiles, appends: Bool) {
        (self.path, self.files, self.appends) = (path, files, appends)
    }

    func attributes() async throws(FileError) -> FileAttributes {
        try await flush()
        return try await files.attributes(of: path, followingLinks: true)
    }

    func set(_ attributes: FileAttributes) async throws(FileError) {
        try await flush()
        try await files.set(attributes, of: path)
    }

    func pieces(from offset: UInt64, upTo count: UInt64) -> any FilePieces {
        ShellPieces(path, of: files, from: offset, upTo: count)
    }

    func write(_ bytes: [UInt8], at offset: UInt64) async throws(FileError) {
        if !appends, offset != place + UInt64(waiting.count) {
            try await flush()
            place = offset
        }
        waiting += bytes
        if waiting.count >= ShellFiles.piece { try await flush() }
    }

    func flush() async throws(FileError) {
        guard !waiting.isEmpty else { return }
        let bytes = waiting
        waiting = []
        let script = ShellFileScript.write(path, at: appends ? nil : place)
        place += UInt64(bytes.count)
        _ = try await files.run(script, input: bytes)
    }

    func sync() async throws(FileError) {
        try await flush()
        _ = try await files.run(ShellFileScript.sync(path))
    }

    func close() async throws(FileError) { try await flush() }
}

/// The content of a file of a host without SFTP.
@IO private final class ShellPieces: FilePieces {
    private let path: String
    private let files: ShellFiles
    private var offset: UInt64
    private var left: UInt64

    init(_ path: String, of files: ShellFiles, from offset: UInt64, upTo count: UInt64) {
        (self.path, self.files, self.offset, left) = (path, files, offset, count)
    }

    func next() async throws(FileError) -> [UInt8] {
        guard left > 0 else { return [] }
        let count = Int(min(left, UInt64(ShellFiles.piece)))
        let bytes = try await files.run(
            ShellFileScript.read(path, from: offset, count: count), most: count)
        offset += UInt64(bytes.count)
        left = bytes.count < count ? 0 : left - UInt64(count)
        return bytes
    }
}
