// The files of the agent's own machine, as the user it runs as sees them.
// Invariant: nothing here blocks the loop, and opening a pipe or a device does not wait.
import Glibc
import Loop
import SSH

/// This machine's files.
@IO struct LocalFiles: FileStore {
    /// Where relative paths begin.
    let home: String
    /// What may not be opened.
    let closed: ClosedFiles

    var followsLinks: Bool { true }

    func realPath(_ path: String) async throws(FileError) -> String {
        let path = path.hasPrefix("/") ? path : "\(home)/\(path)"
        return try await Self.run { () throws(FileError) in
            guard let found = unsafe realpath(path, nil) else { throw .last }
            defer { unsafe free(found) }
            return unsafe String(cString: found)
        }
    }

    func target(ofLink path: String) async throws(FileError) -> String {
        try await Self.run { () throws(FileError) in
            var bytes = [UInt8](repeating: 0, count: 4096)
            let count = unsafe bytes.withUnsafeMutableBytes { buffer in
                guard let start = buffer.baseAddress else { return 0 }
                return unsafe readlink(path, start, buffer.count)
            }
            guard count >= 0 else { throw .last }
            return String(decoding: bytes.prefix(count), as: UTF8.self)
        }
    }

    func attributes(
        of path: String, followingLinks: Bool
    ) async throws(FileError) -> FileAttributes {
        try await Self.run { () throws(FileError) in
            try Self.attributes(path, followingLinks: followingLinks)
        }
    }

    func ties(of path: String) async throws(FileError) -> FileTies {
        try await Self.run { () throws(FileError) in
            var found = stat()
            guard unsafe lstat(path, &found) == 0 else { throw .last }
            return FileTies(
                names: Int(found.st_nlink),
                hasExtendedAttributes: FileSystem.hasExtendedAttributes(path))
        }
    }

    func makeDirectory(_ path: String) async throws(FileError) {
        try await Self.run { () throws(FileError) in
            guard unsafe mkdir(path, 0o777) == 0 else { throw .last }
        }
    }

    func entries(
        of path: String, limit: Int
    ) async throws(FileError) -> [(name: String, attributes: FileAttributes)] {
        let closed = closed
        return try await Self.run { () throws(FileError) in
            guard let folder = unsafe opendir(path) else { throw .last }
            defer { unsafe closedir(folder) }
            try closed.check(unsafe dirfd(folder), openedAs: path)
            var found: [(name: String, attributes: FileAttributes)] = []
            while found.count <= limit, let entry = unsafe readdir(folder) {
                let (name, attributes) = unsafe withUnsafeBytes(of: entry.pointee.d_name) {
                    bytes -> (String, FileAttributes?) in
                    // By its bytes: the text of a name that is not UTF-8 names no file.
                    var about = stat()
                    let code = unsafe bytes.withMemoryRebound(to: CChar.self) { name -> Int32 in
                        guard let start = name.baseAddress else { return -1 }
                        return unsafe fstatat(
                            dirfd(folder), start, &about, AT_SYMLINK_NOFOLLOW)
                    }
                    return unsafe (
                        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self),
                        code == 0 ? FileAttributes(about) : nil
                    )
                }
                guard name != ".", name != "..", let attributes else { continue }
                found.append((name, attributes))
            }
            return found
        }
    }

    func open(
        _ path: String, _ opening: FileOpening, mode: UInt32?
    ) async throws(FileError) -> any OpenFile {
        let closed = closed
        let file = try await Self.run { () throws(FileError) in
            let isWritten = opening.contains(.write)
            var flags = isWritten ? O_WRONLY | O_NONBLOCK : O_RDONLY | O_NONBLOCK
            if opening.contains(.create) { flags |= O_CREAT }
            if opening.contains(.append) { flags |= O_APPEND }
            if opening.contains(.new) { flags |= O_EXCL }
            if isWritten { try closed.checkWriting(path) }
            let descriptor = unsafe Glibc.open(
                path, flags | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW, mode ?? 0o666)
            guard descriptor >= 0 else { throw .last }
            let file = LocalFile(descriptor)
            if isWritten {
                try closed.checkWriting(descriptor, openedAs: path)
            } else {
                try closed.check(descriptor, openedAs: path)
            }
            if opening.contains(.truncate), ftruncate(descriptor, 0) != 0 { throw .last }
            return file
        }
        return file
    }

    func makeLink(at path: String, to target: String) async throws(FileError) {
        try await change(path) { folder, name throws(FileError) in
            guard unsafe symlinkat(target, folder, name) == 0 else { throw .last }
        }
    }

    func rename(_ path: String, to new: String, replacing: Bool) async throws(FileError) {
        let closed = closed
        try await change(path) { from, old throws(FileError) in
            try Self.inFolder(of: new, closed) { to, name throws(FileError) in
                var there = stat()
                // Glibc's renameat2 is not to be had here: a file made just now is replaced.
                guard replacing || (unsafe fstatat(to, name, &there, AT_SYMLINK_NOFOLLOW)) != 0
                else { throw FileError(system: EEXIST) }
                guard unsafe renameat(from, old, to, name) == 0 else { throw .last }
            }
        }
    }

    func remove(_ path: String) async throws(FileError) {
        try await change(path) { folder, name throws(FileError) in
            guard unsafe unlinkat(folder, name, 0) == 0 else { throw .last }
        }
    }

    func removeDirectory(_ path: String) async throws(FileError) {
        try await change(path) { folder, name throws(FileError) in
            guard unsafe unlinkat(folder, name, AT_REMOVEDIR) == 0 else { throw .last }
        }
    }

    func set(_ attributes: FileAttributes, of path: String) async throws(FileError) {
        let closed = closed
        try await change(path) { folder, name throws(FileError) in
            // Neither reads nor waits for a pipe, and needs no right to the file's content.
            let descriptor = unsafe openat(folder, name, Self.pathOnly | O_NOFOLLOW | O_CLOEXEC)
            guard descriptor >= 0 else { throw .last }
            let file = LocalFile(descriptor)
            try closed.checkWriting(descriptor, openedAs: path)
            try file.apply(attributes)
        }
    }

    /// O_PATH of Linux, which the C library's headers show to GNU sources alone.
    private nonisolated static let pathOnly: Int32 = 0o10000000

    /// Changes an entry of a folder, which is opened and judged first.
    private func change(
        _ path: String,
        _ body: @escaping @Sendable (Int32, String) throws(FileError) -> Void
    ) async throws(FileError) {
        let closed = closed
        try await Self.run { () throws(FileError) in try Self.inFolder(of: path, closed, body) }
    }

    /// Opens the folder of a path, and throws if its path has changed or the entry is closed.
    private nonisolated static func inFolder(
        of path: String, _ closed: ClosedFiles, _ body: (Int32, String) throws(FileError) -> Void
    ) throws(FileError) {
        guard let slash = path.lastIndex(of: "/"), path != "/" else {
            throw .failed(reason: "\(path) is not the path of an entry")
        }
        let folder = slash == path.startIndex ? "/" : String(path[..<slash])
        let descriptor = unsafe Glibc.open(folder, pathOnly | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { throw .last }
        defer { Glibc.close(descriptor) }
        if let real = ClosedFiles.path(of: descriptor), real != folder {
            throw .failed(reason: "its path was changed during the call: try again")
        }
        try closed.checkWriting(path)
        try body(descriptor, String(path[path.index(after: slash)...]))
    }

    /// Runs blocking work on a worker thread.
    static func run<T: Sendable>(
        _ body: @escaping @Sendable () throws(FileError) -> T
    ) async throws(FileError) -> T {
        let result = await Blocking.run { () -> Result<T, FileError> in
            do throws(FileError) {
                return .success(try body())
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private nonisolated static func attributes(
        _ path: String, followingLinks: Bool
    ) throws(FileError) -> FileAttributes {
        var found = stat()
        let flags = followingLinks ? 0 : AT_SYMLINK_NOFOLLOW
        guard unsafe fstatat(AT_FDCWD, path, &found, flags) == 0 else { throw .last }
        return FileAttributes(found)
    }
}

extension FileAttributes {
    /// What the system reports of a file.
    init(_ found: stat) {
        self.init()
        size = UInt64(max(0, found.st_size))
        mode = found.st_mode
        owner = (found.st_uid, found.st_gid)
        modified = UInt32(clamping: found.st_mtim.tv_sec)
    }
}
