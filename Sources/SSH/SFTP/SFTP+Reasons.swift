// Why an operation failed where the server says only "Failure", as OpenSSH does of a full disk, a
// name that is taken and much else: what can be seen afterwards is looked at.
// Invariant: a reason is given only where what was seen explains the failure.
internal import Loop

extension SFTP {
    /// What an operation was to do with a path.
    enum Change {
        /// Only look at it.
        case looking
        /// Make something new there.
        case making
        /// Open or delete a file.
        case opening
        /// Delete an empty directory.
        case emptying
        /// Set attributes.
        case setting
        /// Give this path's file the name.
        case renaming(String, replacing: Bool)
    }

    /// What a server says of a file system (statvfs@openssh.com).
    struct FileSystem: Equatable {
        /// Blocks and files that the user may still make.
        let freeBlocks, freeFiles: UInt64
        /// The most files that the file system can hold; 0: it sets no limit.
        let files: UInt64
        let id: UInt64
        let isReadOnly: Bool

        init?(_ bytes: [UInt8]) {
            var reader = WireReader(bytes[...])
            var numbers: [UInt64] = []
            for _ in 0..<11 {
                guard let number = reader.uint64() else { return nil }
                numbers.append(number)
            }
            (freeBlocks, files, freeFiles) = (numbers[4], numbers[5], numbers[7])
            (id, isReadOnly) = (numbers[8], numbers[9] & 1 != 0)
        }

        /// The reason why nothing can be written there.
        var reason: FileError? {
            if isReadOnly { return .readOnly }
            if freeBlocks == 0 { return .full }
            return files > 0 && freeFiles == 0 ? .fullOfFiles : nil
        }
    }

    /// Does a change, and looks for the reason if it fails without one.
    func explaining<T>(
        _ change: Change, _ path: String, _ body: () async throws(FileError) -> T
    ) async throws(FileError) -> T {
        do throws(FileError) {
            return try await body()
        } catch .unexplained {
            throw await reason(of: change, path)
        }
    }

    private func reason(of change: Change, _ path: String) async -> FileError {
        // In bytes: what Linux and nearly all its file systems take.
        guard !path.split(separator: "/").contains(where: { $0.utf8.count > 255 }) else {
            return .longName
        }
        if case .looking = change { return .unexplained }
        let there = try? await attributes(of: path, followingLinks: false)
        let folder = Self.parts(of: path).folder
        let system = await fileSystem { $0.string(folder.utf8) }
        switch change {
        case .making where there != nil: return .exists
        case .opening where there?.kind == .directory: return .isDirectory
        case .emptying:
            if let entries = try? await entries(of: path, limit: 1), !entries.isEmpty {
                return .notEmpty
            }
        case .renaming(let old, let replacing):
            if there != nil, !replacing { return .exists }
            if there?.kind == .directory { return .isDirectory }
            let from = Self.parts(of: old).folder
            let other = await fileSystem { $0.string(from.utf8) }
            if let system, let other, system.id != other.id { return .otherFileSystem }
        case .looking, .making, .opening, .setting: break
        }
        guard let system else { return .unexplained }
        return system.reason ?? .unseen
    }

    /// The reason why a write to an open file failed.
    func reason(ofWriteTo handle: [UInt8]) async -> FileError {
        guard let system = await fileSystem(isOpen: true, { $0.string(handle) }) else {
            return .unexplained
        }
        return system.reason ?? .unseen
    }

    private func fileSystem(
        isOpen: Bool = false, _ write: (inout WireWriter) -> Void
    ) async -> FileSystem? {
        let name = isOpen ? "fstatvfs@openssh.com" : "statvfs@openssh.com"
        guard offers(name) else { return nil }
        let reply = try? await ask(200) {
            $0.string(name.utf8)
            write(&$0)
        }
        guard case .extended(let bytes)? = reply else { return nil }
        return FileSystem(bytes)
    }
}
