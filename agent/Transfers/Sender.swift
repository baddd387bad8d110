// The source's end of a transfer: lists what there is, and sends it entry by entry.
// Flow: store → here → TransferLine → Receiver. Invariant: at most a window of small files and one
// piece of a large one are held; a file that changes while it is read is not sent as whole.
import Crypto
import Glibc
import Loop
import SSH
import TransferLines
import Wire

/// Sends files.
@IO struct Sender {
    /// The largest file that is sent at once, without asking how much of it is there already.
    nonisolated static let inlineLimit = 32 << 10
    /// How many of them are read at once.
    private static let width = 16

    let reach: Files.Reach
    let path: String
    let options: TransferOptions
    let line: any TransferLine

    /// Sends everything, and says at its end how it ended.
    func run() async {
        do throws(Fault) {
            try await send()
            try await line.send(.done)
        } catch {
            try? await line.send(.broken(code: error.code.rawValue, reason: error.message))
        }
        line.finish()
    }

    /// The source's absolute path and what is there.
    static func find(
        _ path: String, _ options: TransferOptions, _ reach: Files.Reach
    ) async throws(Fault) -> (path: String, found: FileAttributes) {
        let path = try await reach.admit(path, for: .reading)
        let found = try await reach.do(path) { () throws(FileError) in
            try await reach.store.attributes(of: path, followingLinks: true)
        }
        switch found.kind {
        case .directory where !options.isRecursive:
            throw Fault(
                .fileFailed,
                "\(reach.target): \(path): it is a directory: recursive copies it with everything"
                    + " below it; for the relay's drop-box pack it first (tar)")
        case .other where found.mode != nil:
            throw Fault(
                .fileFailed, "\(reach.target): \(path): it is a device, a pipe or a socket")
        case .directory, .file, .link, .other: return (path, found)
        }
    }

    private func send() async throws(Fault) {
        let (path, found) = try await Self.find(path, options, reach)
        let listing = try await Listing(path, found, reach)
        try await line.send(
            .total(
                files: listing.files, bytes: listing.bytes, path: path,
                name: path.split(separator: "/").last.map(String.init) ?? ""))
        for (below, reason) in listing.problems {
            try await line.send(.failed(path: below, reason: reason))
        }
        var ahead: [Int: Task<Result<[UInt8], FileError>, Never>] = [:]
        defer { for task in ahead.values { task.cancel() } }
        let entries = listing.entries
        for number in entries.indices {
            for later in number..<min(number + Self.width, entries.count)
            where ahead[later] == nil && isSmall(entries[later]) {
                ahead[later] = read(entries[later])
            }
            let small = await ahead.removeValue(forKey: number)?.value
            try await send(entries[number], number, small)
        }
    }

    private func isSmall(_ entry: Listing.Entry) -> Bool {
        entry.attributes.kind == .file && entry.attributes.size ?? .max <= UInt64(Self.inlineLimit)
    }

    private func read(_ entry: Listing.Entry) -> Task<Result<[UInt8], FileError>, Never> {
        IO.task { [store = reach.store] in
            do throws(FileError) {
                return .success(
                    try await store.read(entry.path, from: 0, count: Self.inlineLimit + 1))
            } catch {
                return .failure(error)
            }
        }
    }

    private func send(
        _ listed: Listing.Entry, _ number: Int, _ small: Result<[UInt8], FileError>?
    ) async throws(Fault) {
        var entry = TransferEntry(number: number, path: listed.below, kind: .file)
        (entry.mode, entry.modified) = (
            listed.attributes.mode.map { $0 & 0o7777 }, listed.attributes.modified
        )
        do throws(TransferFailure) {
            switch listed.attributes.kind {
            case .directory:
                entry.kind = .directory
                try await say(.entry(entry))
            case .link:
                entry.kind = .link
                entry.link = try await ask(listed.path) { () throws(FileError) in
                    try await reach.store.target(ofLink: listed.path)
                }
                guard let link = entry.link, !link.isRepaired, !link.isEmpty else {
                    throw .entry(.failed(reason: "it leads to a name that is not UTF-8"))
                }
                try await say(.entry(entry))
            case .file, .other:
                entry.size = Int(clamping: listed.attributes.size ?? 0)
                guard let small else { return try await send(entry, from: listed.path) }
                let bytes = try await ask(listed.path) { () throws(FileError) in try small.get() }
                try await send(entry, inline: bytes)
            }
        } catch {
            switch error {
            case .whole(let fault): throw fault
            case .entry(let error):
                try await line.send(.failed(path: listed.below, reason: "\(error)"))
            }
        }
    }

    private func say(_ frame: TransferFrame) async throws(TransferFailure) {
        do throws(Fault) { try await line.send(frame) } catch { throw .whole(error) }
    }

    private func ask<T>(
        _ path: String, _ body: @IO () async throws(FileError) -> T
    ) async throws(TransferFailure) -> T {
        do throws(FileError) {
            return try await body()
        } catch {
            throw TransferFailure(error, "\(reach.target): \(path)")
        }
    }

    private func send(
        _ entry: TransferEntry, inline bytes: [UInt8]
    ) async throws(TransferFailure) {
        guard bytes.count == entry.size else { throw .entry(.changed) }
        var entry = entry
        entry.isInline = true
        try await say(.entry(entry))
        if !bytes.isEmpty { try await say(.data(bytes)) }
        try await say(.end(sha256: options.isVerified ? SHA256.hash(bytes) : []))
    }

    private func send(_ entry: TransferEntry, from path: String) async throws(TransferFailure) {
        // Opened before it is announced: what cannot be opened never begins.
        let file = try await ask(path) { () throws(FileError) in
            try await reach.store.open(path, .read, mode: nil)
        }
        try await say(.entry(entry))
        guard let offset = try await wanted(entry) else { return }
        try await say(.end(sha256: try await send(file, entry, from: offset, path)))
    }

    /// Where the destination wants a file from; nil: it does not.
    private func wanted(_ entry: TransferEntry) async throws(TransferFailure) -> Int? {
        do throws(Fault) {
            while let frame = try await line.input.next() {
                switch frame {
                case .want(entry.number, let offset): return offset
                case .abandon, .want: continue
                case .broken(let code, let reason):
                    throw Fault(Fault.Code(rawValue: code) ?? .internal, reason)
                case .total, .entry, .data, .hole, .end, .failed, .done:
                    throw Fault(.internal, "the destination sends what only a source may")
                }
            }
            throw .transferLost
        } catch {
            throw .whole(error)
        }
    }

    /// Sends a file's content, and gives its digest.
    private func send(
        _ file: any OpenFile, _ entry: TransferEntry, from start: Int, _ path: String
    ) async throws(TransferFailure) -> [UInt8] {
        var digest = RunningDigest(isWanted: options.isVerified)
        // What the destination has is read for the digest alone.
        var offset = options.isVerified ? 0 : start
        let pieces = file.pieces(from: UInt64(offset), upTo: UInt64(entry.size + 1 - offset))
        while true {
            let piece = try await ask(path) { () throws(FileError) in try await pieces.next() }
            guard !piece.isEmpty else { break }
            digest.add(piece)
            let known = max(0, min(piece.count, start - offset))
            offset += piece.count
            if known < piece.count {
                let isHole = piece.isZeros
                try await say(
                    isHole
                        ? .hole(piece.count - known)
                        : .data(known == 0 ? piece : Array(piece[known...])))
            }
            if line.input.poll() == .abandon(number: entry.number) { return [] }
        }
        let now = try await ask(path) { () throws(FileError) in try await file.attributes() }
        guard offset == entry.size, now.size == UInt64(entry.size),
            now.modified == entry.modified
        else { throw .entry(.changed) }
        return digest.end()
    }
}

/// Why an entry, or the whole, was not transferred.
enum TransferFailure: Error {
    case entry(FileError)
    case whole(Fault)

    init(_ error: FileError, _ what: String) {
        self = error.endsTransfer ? .whole(Fault(error, what)) : .entry(error)
    }
}

/// The digest of a file, where one is wanted.
struct RunningDigest: ~Copyable {
    private var hasher = SHA256()
    private let isWanted: Bool

    init(isWanted: Bool) { self.isWanted = isWanted }

    mutating func add(_ bytes: [UInt8]) { if isWanted { hasher.update(bytes) } }

    consuming func end() -> [UInt8] { isWanted ? hasher.finish() : [] }
}

extension FileError {
    fileprivate static let changed = FileError.failed(reason: "it changed while it was read")
}
