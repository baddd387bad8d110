// The operations of SFTP, one function each.
// Invariant: every opened handle is closed, whatever happens in between.
internal import Loop

/// The flags for opening a file.
public struct FileOpening: OptionSet, Sendable {
    /// The flags of SSH_FXP_OPEN.
    public let rawValue: UInt32
    /// Flags as in SSH_FXP_OPEN.
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// Opens the file for reading.
    public static let read = FileOpening(rawValue: 1)
    /// Opens the file for writing.
    public static let write = FileOpening(rawValue: 2)
    /// Writes go to the end of the file, whatever their offset.
    public static let append = FileOpening(rawValue: 4)
    /// Creates the file if there is none.
    public static let create = FileOpening(rawValue: 8)
    /// Empties the file.
    public static let truncate = FileOpening(rawValue: 16)
    /// With `create`: fails if the file exists.
    public static let new = FileOpening(rawValue: 32)
}

extension SFTP {
    /// The bytes of one READ or WRITE: what every server takes (draft-02 §3).
    public static let piece = 32 << 10
    /// Pieces in flight at once: 512 KiB in all, which keeps a link with a long round trip busy.
    private static let depth = 16

    /// The absolute path that a path leads to; `.` is where the server begins.
    ///
    /// OpenSSH follows links; some servers only remove `..`.
    public func realPath(_ path: String) async throws(FileError) -> String {
        try await name(16, path)
    }

    /// The path that a symbolic link points to.
    public func target(ofLink path: String) async throws(FileError) -> String {
        try await name(19, path)
    }

    /// The attributes of a file; of a link itself unless it is followed.
    public func attributes(
        of path: String, followingLinks: Bool = true
    ) async throws(FileError) -> FileAttributes {
        let reply = try await ask(followingLinks ? 17 : 7) { $0.string(path.utf8) }
        guard case .attributes(let found) = reply else { throw unexpected() }
        return found
    }

    /// Makes a directory.
    public func makeDirectory(_ path: String) async throws(FileError) {
        try await order(14) {
            $0.string(path.utf8)
            FileAttributes().write(into: &$0)
        }
    }

    /// The entries of a directory without `.` and `..`.
    ///
    /// Reads on until there are more than `limit`, which shows that some are missing.
    public func entries(
        of path: String, limit: Int
    ) async throws(FileError) -> [(name: String, attributes: FileAttributes)] {
        guard case .handle(let handle) = try await ask(11, { $0.string(path.utf8) }) else {
            throw unexpected()
        }
        defer { giveBack(handle) }
        var found: [(name: String, attributes: FileAttributes)] = []
        // Counts what is left out too, as a server may repeat `.` without end.
        var seen = 0
        while seen <= limit + 2 {
            guard case .names(let names) = try await ask(12, { $0.string(handle) }) else { break }
            // An answer without names would otherwise be requested again forever.
            guard !names.isEmpty else { break }
            seen += names.count
            for entry in names where entry.name != "." && entry.name != ".." {
                found.append((entry.name, entry.attributes))
            }
        }
        return found
    }

    /// The bytes from `offset` on: `count` of them, fewer only at the file's end.
    public func read(
        _ path: String, from offset: UInt64 = 0, count: Int
    ) async throws(FileError) -> [UInt8] {
        let handle = try await open(path, .read, mode: nil)
        defer { giveBack(handle) }
        var bytes: [UInt8] = []
        while bytes.count < count {
            let start = offset &+ UInt64(bytes.count)
            let wanted = min(count - bytes.count, Self.depth * Self.piece)
            let pieces = stride(from: 0, to: wanted, by: Self.piece).map { place in
                IO.task { [self] in
                    await self.piece(
                        handle, at: start &+ UInt64(place), count: min(Self.piece, wanted - place))
                }
            }
            var isWhole = true
            for (number, piece) in pieces.enumerated() {
                let got = try await piece.value.get()
                // After a short read the later offsets are wrong: those pieces are requested again.
                if isWhole { bytes += got }
                if got.count < min(Self.piece, wanted - number * Self.piece) {
                    if got.isEmpty, isWhole { return bytes }
                    isWhole = false
                }
            }
        }
        return bytes
    }

    /// Writes bytes at `offset`; the file is opened as `opening` says, and has `mode` afterwards.
    public func write(
        _ path: String, _ bytes: [UInt8], at offset: UInt64 = 0, _ opening: FileOpening,
        mode: UInt32?
    ) async throws(FileError) {
        let handle = try await open(path, opening, mode: mode)
        do throws(FileError) {
            var place = 0
            while place < bytes.count {
                let end = min(bytes.count, place + Self.depth * Self.piece)
                let pieces = stride(from: place, to: end, by: Self.piece).map { start in
                    let piece = bytes[start..<min(end, start + Self.piece)]
                    return IO.task { [self] in
                        await self.put(handle, piece, at: offset &+ UInt64(start))
                    }
                }
                for piece in pieces { try await piece.value.get() }
                place = end
            }
            if let mode { try await set(mode, of: handle) }
        } catch {
            giveBack(handle)
            throw error
        }
        // Some servers report a full disk only here.
        try await order(4) { $0.string(handle) }
    }

    /// Gives an open file its mode, or finds that it has it already, as a server without FSETSTAT
    /// gives it to a new file.
    ///
    /// By the handle, not by the path: another file may be at the path by now.
    private func set(_ mode: UInt32, of handle: [UInt8]) async throws(FileError) {
        do throws(FileError) {
            try await order(10) {
                $0.string(handle)
                var set = FileAttributes()
                set.mode = mode
                set.write(into: &$0)
            }
        } catch .unsupported {
            // FSTAT
            guard case .attributes(let found) = try await ask(8, { $0.string(handle) }),
                let has = found.mode, has & 0o7777 == mode & 0o7777
            else { throw .unsupported }
        }
    }

    private func open(
        _ path: String, _ opening: FileOpening, mode: UInt32?
    ) async throws(FileError) -> [UInt8] {
        let reply = try await ask(3) {
            $0.string(path.utf8)
            $0.uint32(opening.rawValue)
            var made = FileAttributes()
            made.mode = mode
            made.write(into: &$0)
        }
        guard case .handle(let handle) = reply else { throw unexpected() }
        return handle
    }

    private func name(_ type: UInt8, _ path: String) async throws(FileError) -> String {
        guard case .names(let names) = try await ask(type, { $0.string(path.utf8) }),
            let name = names.first?.name
        else { throw unexpected() }
        // It is shown, and sent back to the server.
        guard name.utf8.count <= 4096,
            !name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
        else {
            throw .failed(reason: "the server answered with a path that has control characters")
        }
        return name
    }

    private func piece(
        _ handle: [UInt8], at offset: UInt64, count: Int
    ) async -> Result<[UInt8], FileError> {
        do throws(FileError) {
            let reply = try await ask(5) {
                $0.string(handle)
                $0.uint64(offset)
                $0.uint32(UInt32(count))
            }
            switch reply {
            case .data(let bytes) where bytes.count <= count: return .success(bytes)
            case .status: return .success([])  // the end of the file
            default: return .failure(unexpected())
            }
        } catch {
            return .failure(error)
        }
    }

    private func put(
        _ handle: [UInt8], _ bytes: ArraySlice<UInt8>, at offset: UInt64
    ) async -> Result<Void, FileError> {
        do throws(FileError) {
            try await order(6) {
                $0.string(handle)
                $0.uint64(offset)
                $0.string(bytes)
            }
            return .success(())
        } catch {
            return .failure(error)
        }
    }
}
