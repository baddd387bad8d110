// The destination's end of a transfer: writes each file under a hidden name, compares it with the
// source, and gives it its name. Flow: TransferLine → here → store; the counts go to the Transfer.
// Invariant: nothing that is incomplete has its final name, and nothing is written outside the
// destination, whatever the source sends.
import Crypto
import Loop
import SSH
import TransferLines
import Wire

/// Receives files.
@IO final class Receiver {
    /// How many small files are written at once.
    private static let width = 16
    /// The failures after which a transfer gives up: the rest would fail as well.
    private static let failureLimit = 1000

    private let reach: Files.Reach
    private let asked: String
    private let job: Transfer
    private let options: TransferOptions
    private let line: any TransferLine
    /// Whether the source is on the same host.
    private let isSameHost: Bool
    /// Takes a partial file for this transfer alone; false: another one has it.
    private let claim: @IO (String) -> Bool

    private var root = ""
    /// The directories of this transfer that are known to be there, and no links.
    private var folders: [String: TransferEntry] = [:]
    private var order: [String] = []
    private var pending: [Task<Fault?, Never>] = []

    init(
        _ reach: Files.Reach, to path: String, _ job: Transfer, _ options: TransferOptions,
        over line: any TransferLine, isSameHost: Bool, claim: @escaping @IO (String) -> Bool
    ) {
        (self.reach, asked, self.job, self.options) = (reach, path, job, options)
        (self.line, self.isSameHost, self.claim) = (line, isSameHost, claim)
    }

    /// Receives everything.
    func run() async throws(Fault) {
        do throws(Fault) {
            try await receive()
            try await settle(downTo: 0)
        } catch {
            for task in pending { _ = await task.value }
            throw error
        }
    }

    private func receive() async throws(Fault) {
        guard case .total(let files, let bytes, let path, let name)? = try await next() else {
            throw Self.wrong
        }
        job.counts.total = (files, bytes)
        try await begin(path, name)
        while let frame = try await next() {
            switch frame {
            case .entry(let entry): try await receive(entry)
            case .failed(let path, let reason): fail(path, "at the source: \(reason)")
            case .done:
                try await settle(downTo: 0)
                return await finishFolders()
            case .total, .data, .hole, .end, .want, .abandon, .broken: throw Self.wrong
            }
            guard job.counts.done.failed < Self.failureLimit else {
                throw Fault(.fileFailed, "more than \(Self.failureLimit) entries failed")
            }
        }
        throw .transferLost
    }

    private static let wrong = Fault(.internal, "the source sends what it may not")

    /// The next frame; what the source says of its own end is thrown.
    private func next() async throws(Fault) -> TransferFrame? {
        let frame = try await line.input.next()
        guard case .broken(let code, let reason)? = frame else { return frame }
        throw Fault(Fault.Code(rawValue: code) ?? .internal, reason)
    }

    private func fail(_ path: String, _ reason: String) { job.counts.fail(path, reason) }

    /// Finds where everything goes.
    private func begin(_ source: String, _ name: String) async throws(Fault) {
        var path = asked
        if path.hasSuffix("/") {
            guard TransferEntry.isName(name) else {
                throw Fault(
                    .invalidArgument, "\"to_path\" must name the copy: \(source) has no name")
            }
            path += name
        }
        root = try await reach.admit(path, for: .writing)
        job.counts.path = root
        guard !isSameHost || root != source && !root.hasPrefix(source == "/" ? "/" : source + "/")
        else {
            throw Fault(.invalidArgument, "\"to_path\" is \(source) itself or below it")
        }
        let above = root.lastIndex(of: "/").map { String(root[..<$0]) } ?? ""
        guard !above.isEmpty else { return }
        guard try await reach.attributes(above) != nil else {
            throw Fault(
                .fileNotFound,
                "\(reach.target): the directory \(above) does not exist: make it with file_manage"
                    + " (action mkdir)"
            )
        }
    }

    private func place(of entry: TransferEntry) -> String {
        entry.path.isEmpty ? root : root == "/" ? "/\(entry.path)" : "\(root)/\(entry.path)"
    }

    // MARK: Entries

    private func receive(_ entry: TransferEntry) async throws(Fault) {
        let path = place(of: entry)
        guard entry.kind == .file else {
            do throws(TransferFailure) {
                try await admit(entry, path)
                if entry.kind == .directory {
                    try await makeFolder(entry, path)
                } else {
                    try await makeLink(entry, path)
                }
            } catch {
                try note(error, entry)
            }
            return
        }
        guard entry.isInline else { return try await receiveLarge(entry, path) }
        var content: [UInt8] = []
        while true {
            guard let frame = try await next() else { throw .transferLost }
            if case .data(let bytes) = frame, content.count + bytes.count <= entry.size {
                content += bytes
                continue
            }
            guard case .end(let digest) = frame else { throw Self.wrong }
            try await settle(downTo: Self.width - 1)
            let whole = content
            pending.append(
                IO.task { [self] in
                    do throws(TransferFailure) {
                        try await store(entry, path, whole, digest)
                        return nil
                    } catch {
                        do throws(Fault) {
                            try note(error, entry)
                            return nil
                        } catch {
                            return error
                        }
                    }
                })
            return
        }
    }

    private func settle(downTo count: Int) async throws(Fault) {
        while pending.count > count {
            if let fault = await pending.removeFirst().value { throw fault }
        }
    }

    private func note(_ failure: TransferFailure, _ entry: TransferEntry) throws(Fault) {
        switch failure {
        case .whole(let fault): throw fault
        case .entry(let error): fail(entry.path, "at the destination: \(error)")
        }
    }

    /// Throws unless an entry may be made at its place.
    private func admit(_ entry: TransferEntry, _ path: String) async throws(TransferFailure) {
        if let slash = entry.path.lastIndex(of: "/") {
            guard folders[String(entry.path[..<slash])] != nil else {
                throw .entry(.failed(reason: "its directory was not made"))
            }
        } else if !entry.path.isEmpty, folders[""] == nil {
            throw .entry(.failed(reason: "its directory was not made"))
        }
        guard !entry.path.isEmpty, reach.isJudged else { return }
        do throws(Fault) {
            _ = try await reach.judge(path, for: .writing)
        } catch {
            throw .entry(.closed(reason: error.message))
        }
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

    /// What is at a path, links not followed; nil: nothing.
    private func there(_ path: String) async throws(TransferFailure) -> FileAttributes? {
        try await ask(path) { () throws(FileError) in
            do throws(FileError) {
                return try await reach.store.attributes(of: path, followingLinks: false)
            } catch .notFound {
                return nil
            }
        }
    }

    private func makeFolder(_ entry: TransferEntry, _ path: String) async throws(TransferFailure) {
        if let found = try await there(path) {
            guard found.kind == .directory else {
                throw .entry(.failed(reason: "there is a file of its name"))
            }
        } else {
            try await ask(path) { () throws(FileError) in
                try await reach.store.makeDirectory(path)
            }
        }
        folders[entry.path] = entry
        order.append(entry.path)
        job.counts.done.directories += 1
    }

    private func makeLink(_ entry: TransferEntry, _ path: String) async throws(TransferFailure) {
        let link = entry.link ?? ""
        guard let found = try await there(path) else {
            try await ask(path) { () throws(FileError) in
                try await reach.store.makeLink(at: path, to: link)
            }
            job.counts.done.links += 1
            return
        }
        guard found.kind != .directory else { throw .entry(Self.isDirectory) }
        try await ask(path) { () throws(FileError) in
            if found.kind == .link, try await reach.store.target(ofLink: path) == link { return }
            let beside = Partial.name(of: path, "link \(link)")
            try? await reach.store.remove(beside)
            try await reach.store.makeLink(at: beside, to: link)
            do throws(FileError) {
                try await reach.store.rename(beside, to: path, replacing: true)
            } catch {
                try? await reach.store.remove(beside)
                throw error
            }
        }
        job.counts.done.links += 1
    }

    private static let isDirectory = FileError.failed(reason: "there is a directory of its name")

    /// Times last: what was made in a directory has changed it.
    private func finishFolders() async {
        for path in order.reversed() {
            guard let entry = folders[path] else { continue }
            var set = FileAttributes()
            (set.mode, set.modified) = (entry.mode.map { $0 & 0o1777 }, entry.modified)
            do throws(FileError) {
                try await reach.store.set(set, of: place(of: entry))
            } catch {
                fail(path, "at the destination: its mode and time could not be set: \(error)")
            }
        }
    }

    // MARK: Files

    /// Whether a file is left as it is; throws where none can be made.
    private func isUnchanged(
        _ entry: TransferEntry, _ path: String
    ) async throws(TransferFailure) -> (isUnchanged: Bool, exists: Bool) {
        try await admit(entry, path)
        let found = try await there(path)
        guard found?.kind != .directory else { throw .entry(Self.isDirectory) }
        let isSame =
            options.skipsUnchanged && found?.kind == .file && found?.size == UInt64(entry.size)
            && found?.modified == entry.modified
        if isSame { job.counts.done.unchanged += 1 }
        return (isSame, found != nil)
    }

    private func store(
        _ entry: TransferEntry, _ path: String, _ content: [UInt8], _ digest: [UInt8]
    ) async throws(TransferFailure) {
        let (isUnchanged, exists) = try await isUnchanged(entry, path)
        guard !isUnchanged else { return }
        var partial = try await open(entry, path, resumes: false)
        partial.exists = exists
        try await take(content, into: &partial)
        try await complete(partial, digest)
    }

    private func receiveLarge(_ entry: TransferEntry, _ path: String) async throws(Fault) {
        var begun: Partial?
        do throws(TransferFailure) {
            let (isUnchanged, exists) = try await isUnchanged(entry, path)
            if !isUnchanged {
                begun = try await open(entry, path, resumes: true)
                begun?.exists = exists
            }
        } catch {
            try note(error, entry)
        }
        guard var partial = begun else {
            return try await line.send(.want(number: entry.number, from: nil))
        }
        job.counts.done.resumed += partial.offset
        job.counts.done.bytes += partial.offset
        try await line.send(.want(number: entry.number, from: partial.offset))
        while let frame = try await next() {
            do throws(TransferFailure) {
                switch frame {
                case .data(let bytes): try await take(bytes, into: &partial)
                case .hole(let count):
                    try partial.skip(count)
                    job.counts.done.bytes += count
                case .end(let digest): return try await complete(partial, digest)
                case .failed(_, let reason):
                    await remove(partial)
                    return fail(entry.path, "at the source: \(reason)")
                case .total, .entry, .done, .want, .abandon, .broken: throw .whole(Self.wrong)
                }
            } catch {
                try note(error, entry)
                if case .end = frame { return }
                try await line.send(.abandon(number: entry.number))
                return try await drain()
            }
        }
        throw .transferLost
    }

    /// Reads over the rest of a file that is given up.
    private func drain() async throws(Fault) {
        while let frame = try await next() {
            switch frame {
            case .data, .hole: continue
            case .end, .failed: return
            case .total, .entry, .done, .want, .abandon, .broken: throw Self.wrong
            }
        }
        throw .transferLost
    }

    private func open(
        _ entry: TransferEntry, _ path: String, resumes: Bool
    ) async throws(TransferFailure) -> Partial {
        let name = Partial.name(
            of: path, "\(job.source) \(entry.path) \(entry.size) \(entry.modified ?? 0)")
        guard claim(name) else {
            throw .entry(
                .failed(reason: "another transfer is writing it: cancel that one, or wait for it"))
        }
        var offset = 0
        if let found = try await there(name) {
            if resumes, found.kind == .file, let size = found.size, size > 0,
                size <= UInt64(entry.size)
            {
                offset = Int(size)
            } else {
                try await ask(name) { () throws(FileError) in try await reach.store.remove(name) }
            }
        }
        let file = try await ask(name) { () throws(FileError) in
            // New: what somebody else puts there meanwhile, such as a link, is not written to.
            let opening: FileOpening = offset > 0 ? [.write] : [.write, .create, .new]
            return try await reach.store.open(name, opening, mode: 0o600)
        }
        return Partial(entry: entry, path: path, name: name, file: file, offset: offset)
    }

    private func take(
        _ bytes: [UInt8], into partial: inout Partial
    ) async throws(TransferFailure) {
        do throws(TransferFailure) {
            let offset = UInt64(partial.offset)
            try partial.skip(bytes.count)
            let file = partial.file
            try await ask(partial.path) { () throws(FileError) in
                try await file.write(bytes, at: offset)
            }
            partial.written = partial.offset
            job.counts.done.bytes += bytes.count
        } catch {
            throw await given(up: partial, error)
        }
    }

    /// Compares a file with the source's, and gives it its name.
    private func complete(
        _ partial: Partial, _ digest: [UInt8]
    ) async throws(TransferFailure) {
        let (entry, file, store) = (partial.entry, partial.file, reach.store)
        do throws(TransferFailure) {
            guard partial.offset == entry.size else {
                throw .entry(.failed(reason: "its content came short"))
            }
            let found: [UInt8] = try await ask(partial.path) { () throws(FileError) in
                try await file.flush()
                if partial.written < partial.offset {
                    var length = FileAttributes()
                    length.size = UInt64(partial.offset)
                    try await file.set(length)
                }
                guard options.isVerified else { return [] }
                return try await reach.store.digest(of: partial.name)
            }
            guard found == digest else {
                throw .entry(
                    .failed(reason: "its sha256 there is not that of the source: it was removed"))
            }
            try await ask(partial.path) { () throws(FileError) in
                var set = FileAttributes()
                (set.mode, set.modified) = (entry.mode.map { $0 & 0o1777 }, entry.modified)
                try await file.set(set)
                if !entry.isInline { try await file.syncIfOffered() }
                try await file.close()
                try await store.rename(
                    partial.name, to: partial.path, replacing: partial.exists)
            }
            job.counts.done.files += 1
            if entry.path.isEmpty, !digest.isEmpty { job.counts.sha256 = Hex.encode(digest) }
        } catch {
            throw await given(up: partial, error)
        }
    }

    /// Removes what was written of a file that failed; what was broken off stays, to be resumed.
    private func given(
        up partial: Partial, _ failure: TransferFailure
    ) async -> TransferFailure {
        if case .entry = failure { await remove(partial) }
        return failure
    }

    private func remove(_ partial: Partial) async {
        let store = reach.store
        await IO.task { try? await store.remove(partial.name) }.value
    }
}
