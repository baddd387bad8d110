// file.read and file.write: the content of one file.
// Invariant: a write goes into the existing file, so that its owner, mode and links stay, unless it
// is to be atomic (Reach+Replace); success is reported only when everything was written.
import Crypto
import Loop
import SSH
import Terminal
import Wire

extension Files {
    /// Reads a piece of a file, its last lines, or the lines that match.
    func read(_ call: ReadFile, for caller: Caller) async throws(Fault) -> FileContent {
        let pattern = try Self.pattern(call.grep)
        return try await on(call.place, for: caller) { reach throws(Fault) in
            let path = try await reach.admit(call.path, for: .reading)
            let found = try await reach.do(path) { () throws(FileError) in
                try await reach.store.attributes(of: path, followingLinks: true)
            }
            try Self.checkKind(found, "\(reach.target): \(path)")
            var content = FileContent(target: reach.target, path: path)
            content.size = Int(clamping: found.size ?? 0)
            if let pattern {
                try await self.search(call, for: pattern, in: &content, reach, caller)
            } else if let lines = call.tail {
                try await Self.tail(call, lines, in: &content, reach)
            } else {
                try await Self.piece(call, in: &content, reach)
            }
            return content
        }
    }

    /// Reads from the offset on, and the digest where that is the file's start.
    private static func piece(
        _ call: ReadFile, in content: inout FileContent, _ reach: Reach
    ) async throws(Fault) {
        let isHashed = call.offset == 0 && content.size <= hashLimit
        let start = max(0, call.offset - (FileText.longestCharacter - 1))
        let wanted = call.offset - start + call.length + FileText.longestCharacter
        let count = isHashed ? max(hashLimit, wanted) : wanted
        let bytes = try await reach.read(content.path, from: start, count: count)
        let piece = FileText.Piece(
            bytes: bytes.count > wanted ? Array(bytes.prefix(wanted)) : bytes, offset: start,
            isEnd: bytes.count < count && bytes.count <= wanted)
        FileText.show(
            piece, from: call.offset, limit: call.length, as: call.encoding, in: &content)
        if isHashed, bytes.count < hashLimit {
            content.size = bytes.count
            content.sha256 = Hex.encode(SHA256.hash(bytes))
        }
    }

    /// Reads the last lines, which are looked for in the last 1 MiB: one call reads a bounded
    /// piece.
    private static func tail(
        _ call: ReadFile, _ lines: Int, in content: inout FileContent, _ reach: Reach
    ) async throws(Fault) {
        let start = max(0, content.size - (1 << 20))
        let bytes = try await reach.read(content.path, from: start, count: 1 << 20)
        let (place, wanted) = FileText.tail(
            bytes, lines: lines, limit: call.length, isStart: start == 0)
        content.size = start + bytes.count
        FileText.show(
            FileText.Piece(bytes: bytes, offset: start, isEnd: true), from: start + place,
            limit: call.length, as: call.encoding, in: &content)
        if wanted < place { content.restOffset = start + wanted }
    }

    /// Finds the lines that match.
    private func search(
        _ call: ReadFile, for pattern: LinePattern, in content: inout FileContent, _ reach: Reach,
        _ caller: Caller
    ) async throws(Fault) {
        // The work of one call is 2^29 pattern instructions times bytes, but 64 KiB at least, so
        // that a long pattern still gets through the file.
        let most = min(Self.hashLimit, max(1 << 16, (1 << 29) / max(1, pattern.size)))
        let text = try await reach.read(content.path, from: call.offset, count: most)
        let (offset, limit, isEnd) = (call.offset, call.length, text.count < most)
        let place = try await searchPlace(for: caller)
        defer { place.giveBack() }
        let (matches, done) = await Blocking.run {
            FileSearch.lines(in: text, matching: pattern, at: offset, isEnd: isEnd, limit: limit)
        }
        (content.matches, content.offset) = (matches, offset)
        content.nextOffset = offset + done
        content.isEnd = isEnd && done == text.count
        content.size = max(content.size, content.nextOffset)
    }

    /// A place for a grep, when its turn has come.
    func searchPlace(for caller: Caller) async throws(Fault) -> Shares.Place {
        try await searches.wait(
            for: caller.id, until: IO.now + Self.searchTime, of: "places for searches in files",
            or: "try again in a few seconds")
    }

    /// Writes a file, or adds to it.
    ///
    /// A write that has begun is finished even if the caller stops waiting.
    func write(_ call: WriteFile, for caller: Caller) async throws(Fault) -> FileWritten {
        let bytes = try Self.bytes(of: call.content)
        guard !call.path.hasSuffix("/") else {
            throw Fault(
                .invalidArgument,
                "\"path\" ends in \"/\", as that of a directory does: give the path of a file;"
                    + " file_manage (action mkdir) makes directories")
        }
        return try await finishing { () throws(Fault) in
            try await self.on(call.place, for: caller) { reach throws(Fault) in
                let path = try await reach.admit(call.path, for: .writing)
                return try await self.turns.during(path, at: reach.machine) { () throws(Fault) in
                    try await Self.write(bytes, call, path, reach)
                }
            }
        }
    }

    /// Does work that is finished even if the caller stops waiting.
    func finishing<T: Sendable>(
        _ body: @escaping @IO @Sendable () async throws(Fault) -> T
    ) async throws(Fault) -> T {
        let task = IO.task { () -> Result<T, Fault> in
            do throws(Fault) {
                return .success(try await body())
            } catch {
                return .failure(error)
            }
        }
        return try await task.value.get()
    }

    private static func write(
        _ bytes: [UInt8], _ call: WriteFile, _ path: String, _ reach: Reach
    ) async throws(Fault) -> FileWritten {
        let before = try await reach.attributes(path)
        if let before { try checkKind(before, "\(reach.target): \(path)") }
        var result = FileWritten(target: reach.target, path: path)
        result.isNew = before == nil
        if let expected = call.expectedSHA256 {
            guard let before, try await hash(path, before.size, reach) == expected else {
                throw Fault(
                    .fileChanged,
                    "\(reach.target): \(path) is not what expect_sha256 says"
                        + (before == nil ? ": there is no such file" : "; read it again"))
            }
        }
        if call.createDirectories, before == nil { try await makeParents(of: path, reach) }
        if call.isAtomic {
            try await reach.replace(path, with: bytes, was: before, mode: call.mode)
            (result.size, result.sha256) = (bytes.count, Hex.encode(SHA256.hash(bytes)))
            return result
        }
        let size = before?.size ?? 0
        if call.append, size > 0, !bytes.isEmpty {
            // Unread, where the user may only write it.
            let last = try? await reach.store.read(path, from: size - 1, count: 1)
            result.joinsLine = last.map { $0 != [10] } ?? false
        }
        do throws(FileError) {
            try await reach.store.write(
                path, bytes, at: call.append ? size : 0,
                call.append ? [.write, .create, .append] : [.write, .create, .truncate],
                mode: call.mode)
        } catch {
            let note =
                switch error {
                case .ended, .timedOut, .malformed, .failed, .unexplained:
                    "; the file may be written in part: read it before you go on"
                case .notFound: call.createDirectories ? "" : " (create_dirs makes directories)"
                default: ""
                }
            throw Fault(Fault(error, "").code, "\(reach.target): \(path): \(error)\(note)")
        }
        let after = try await reach.attributes(path)
        result.size = Int(clamping: after?.size ?? 0)
        if call.append {
            result.sha256 = try await hash(path, after?.size, reach)
        } else {
            guard result.size == bytes.count else {
                throw Fault(
                    .fileFailed,
                    "\(reach.target): \(path) has \(result.size) bytes after \(bytes.count) were"
                        + " written: something else writes it too, or no space is left")
            }
            result.sha256 = Hex.encode(SHA256.hash(bytes))
        }
        return result
    }

    /// The digest of a file's content; nil if it is too large.
    private static func hash(
        _ path: String, _ size: UInt64?, _ reach: Reach
    ) async throws(Fault) -> String? {
        guard (size ?? 0) <= UInt64(hashLimit) else { return nil }
        let bytes = try await reach.do(path) { () throws(FileError) in
            try await reach.store.read(path, from: 0, count: hashLimit + 1)
        }
        return bytes.count <= hashLimit ? Hex.encode(SHA256.hash(bytes)) : nil
    }

    /// Makes the missing parent directories of a path, at most 64, as each takes two requests.
    static func makeParents(of path: String, _ reach: Reach) async throws(Fault) {
        var missing: [String] = []
        var parts = path.split(separator: "/").dropLast()
        while !parts.isEmpty, missing.count < 64 {
            let folder = "/" + parts.joined(separator: "/")
            if let found = try await reach.attributes(folder) {
                guard found.kind == .directory else {
                    throw Fault(.fileFailed, "\(reach.target): \(folder) is not a directory")
                }
                break
            }
            missing.append(folder)
            parts.removeLast()
        }
        for folder in missing.reversed() {
            try await reach.do(folder) { () throws(FileError) in
                try await reach.store.makeDirectory(folder)
            }
        }
    }

    private static func bytes(of content: WriteFile.Content) throws(Fault) -> [UInt8] {
        let bytes: [UInt8]
        switch content {
        case .text(let text): bytes = Array(text.utf8)
        case .base64(let text):
            guard let decoded = Base64.decode(text) else {
                throw Fault(.invalidArgument, "\"base64\" is not base64")
            }
            bytes = decoded
        }
        guard bytes.count <= writeLimit else {
            throw Fault(
                .limitReached,
                "\(bytes.count) bytes are too many for one call (\(writeLimit)): write the first"
                    + " part, then the others with append")
        }
        return bytes
    }

    static func pattern(_ text: String?) throws(Fault) -> LinePattern? {
        guard let text else { return nil }
        do throws(TerminalError) {
            return try LinePattern(text)
        } catch {
            let reason =
                switch error {
                case .badPattern(let why): why
                case .commandHoldsNUL, .commandTooLong, .unknownKey: "\(error)"
                }
            throw Fault(
                .invalidArgument, "\"grep\" is not a usable regular expression: \(reason)")
        }
    }

    static func checkKind(_ found: FileAttributes, _ what: String) throws(Fault) {
        switch found.kind {
        case .file: return
        case .directory:
            throw Fault(.fileFailed, "\(what) is a directory: file_list shows its contents")
        default:
            // If the server reports no mode, the operation itself shows whether it is possible.
            guard found.mode != nil else { return }
            throw Fault(.fileFailed, "\(what) is a device, a pipe or a socket, not a regular file")
        }
    }
}
