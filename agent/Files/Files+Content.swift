// file.read and file.write: the content of one file.
// Invariant: a write goes into the existing file, so that its owner, mode and links stay; it is not
// atomic, and success is reported only when everything was written.
import Crypto
import Loop
import SSH
import Terminal
import Wire

extension Files {
    /// Reads a piece of a file, its last lines, or the lines that match.
    func read(_ call: ReadFile, for caller: Caller) async throws(Fault) -> FileContent {
        let pattern = try Self.pattern(call.grep)
        return try await on(call.target, call.access, for: caller) { reach throws(Fault) in
            let path = try await reach.admit(call.path, for: .reading)
            let found = try await reach.do(path) { () throws(FileError) in
                try await reach.store.attributes(of: path, followingLinks: true)
            }
            try Self.checkKind(found, "\(call.target): \(path)")
            var content = FileContent(target: call.target, path: path)
            content.size = Int(clamping: found.size ?? 0)
            func bytes(_ offset: Int, _ count: Int) async throws(Fault) -> [UInt8] {
                try await reach.do(path) { () throws(FileError) in
                    try await reach.store.read(path, from: UInt64(offset), count: count)
                }
            }
            if let pattern {
                // The work of one call is 2^29 pattern instructions times bytes, but 64 KiB at
                // least, so that a long pattern still gets through the file.
                let most = min(Self.hashLimit, max(1 << 16, (1 << 29) / max(1, pattern.size)))
                let text = try await bytes(call.offset, most)
                let (offset, limit, isEnd) = (call.offset, call.length, text.count < most)
                let place = try await self.searchPlace(for: caller)
                defer { place.giveBack() }
                let (matches, done) = await Blocking.run {
                    FileText.search(text, pattern, at: offset, isEnd: isEnd, limit: limit)
                }
                (content.matches, content.offset) = (matches, offset)
                content.nextOffset = offset + done
                content.isEnd = isEnd && done == text.count
                content.size = max(content.size, content.nextOffset)
            } else if let lines = call.tail {
                // The last lines are looked for in the last 1 MiB: one call reads a bounded piece.
                let start = max(0, content.size - (1 << 20))
                let text = try await bytes(start, 1 << 20)
                let place = FileText.tail(text, lines: lines, limit: call.length)
                content.offset = start + place
                content.size = start + text.count
                FileText.show(Array(text[place...]), isEnd: true, in: &content)
            } else {
                content.offset = call.offset
                let isHashed = call.offset == 0 && content.size <= Self.hashLimit
                let text = try await bytes(call.offset, isHashed ? Self.hashLimit : call.length + 1)
                let isEnd = text.count <= call.length
                FileText.show(Array(text.prefix(call.length)), isEnd: isEnd, in: &content)
                if isHashed, text.count < Self.hashLimit {
                    content.size = text.count
                    content.sha256 = Hex.encode(SHA256.hash(text))
                }
            }
            return content
        }
    }

    /// A place for a grep, when its turn has come.
    private func searchPlace(for caller: Caller) async throws(Fault) -> Shares.Place {
        try await searches.wait(
            for: caller.id, until: IO.now + Self.searchTime, of: "places for searches in files",
            or: "try again in a few seconds")
    }

    /// Writes a file, or adds to it.
    ///
    /// A write that has begun is finished even if the caller stops waiting.
    func write(_ call: WriteFile, for caller: Caller) async throws(Fault) -> FileWritten {
        let bytes = try Self.bytes(of: call.content)
        let task = IO.task { () -> Result<FileWritten, Fault> in
            do throws(Fault) {
                return .success(
                    try await self.on(call.target, call.access, for: caller) {
                        reach throws(Fault) in
                        try await Self.write(bytes, call, reach)
                    })
            } catch {
                return .failure(error)
            }
        }
        return try await task.value.get()
    }

    private static func write(
        _ bytes: [UInt8], _ call: WriteFile, _ reach: Reach
    ) async throws(Fault) -> FileWritten {
        let path = try await reach.admit(call.path, for: .writing)
        let before = try await reach.attributes(path)
        if let before { try checkKind(before, "\(call.target): \(path)") }
        var result = FileWritten(target: call.target, path: path)
        result.isNew = before == nil
        if let expected = call.expectedSHA256 {
            guard let before, try await hash(path, before.size, reach) == expected else {
                throw Fault(
                    .fileChanged,
                    "\(call.target): \(path) is not what expect_sha256 says"
                        + (before == nil ? ": there is no such file" : "; read it again"))
            }
        }
        if call.createDirectories, before == nil { try await makeParents(of: path, reach) }
        let size = before?.size ?? 0
        do throws(FileError) {
            try await reach.store.write(
                path, bytes, at: call.append ? size : 0,
                call.append ? [.write, .create, .append] : [.write, .create, .truncate],
                mode: call.mode)
        } catch {
            let note =
                switch error {
                case .ended, .timedOut, .malformed, .failed:
                    "; the file may be written in part: read it before you go on"
                case .notFound: call.createDirectories ? "" : " (create_dirs makes directories)"
                default: ""
                }
            throw Fault(Fault(error, "").code, "\(call.target): \(path): \(error)\(note)")
        }
        let after = try await reach.attributes(path)
        result.size = Int(clamping: after?.size ?? 0)
        if call.append {
            result.sha256 = try await hash(path, after?.size, reach)
        } else {
            guard result.size == bytes.count else {
                throw Fault(
                    .fileFailed,
                    "\(call.target): \(path) has \(result.size) bytes after \(bytes.count) were"
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
    private static func makeParents(of path: String, _ reach: Reach) async throws(Fault) {
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

    private static func pattern(_ text: String?) throws(Fault) -> LinePattern? {
        guard let text else { return nil }
        do throws(TerminalError) {
            return try LinePattern(text)
        } catch {
            throw Fault(.invalidArgument, "\"grep\" is not usable: \(error)")
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
