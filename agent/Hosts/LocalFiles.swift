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
        return try await run { () throws(FileError) in
            guard let found = unsafe realpath(path, nil) else { throw .last }
            defer { unsafe free(found) }
            return unsafe String(cString: found)
        }
    }

    func target(ofLink path: String) async throws(FileError) -> String {
        try await run { () throws(FileError) in
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
        try await run { () throws(FileError) in
            try Self.attributes(path, followingLinks: followingLinks)
        }
    }

    func makeDirectory(_ path: String) async throws(FileError) {
        try await run { () throws(FileError) in
            guard unsafe mkdir(path, 0o777) == 0 else { throw .last }
        }
    }

    func entries(
        of path: String, limit: Int
    ) async throws(FileError) -> [(name: String, attributes: FileAttributes)] {
        let closed = closed
        return try await run { () throws(FileError) in
            guard let folder = unsafe opendir(path) else { throw .last }
            defer { unsafe closedir(folder) }
            try closed.check(unsafe dirfd(folder), openedAs: path)
            var found: [(name: String, attributes: FileAttributes)] = []
            while found.count <= limit, let entry = unsafe readdir(folder) {
                let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                    unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
                }
                guard name != ".", name != "..",
                    let attributes = try? Self.attributes("\(path)/\(name)", followingLinks: false)
                else { continue }
                found.append((name, attributes))
            }
            return found
        }
    }

    func read(
        _ path: String, from offset: UInt64, count: Int
    ) async throws(FileError) -> [UInt8] {
        let closed = closed
        return try await run { () throws(FileError) in
            let file = try Self.open(path, O_RDONLY | O_NONBLOCK, 0)
            defer { close(file) }
            try closed.check(file, openedAs: path)
            var bytes = [UInt8](repeating: 0, count: 64 << 10)
            var all: [UInt8] = []
            guard offset <= UInt64(Int64.max), lseek(file, off_t(offset), SEEK_SET) >= 0 else {
                throw .last
            }
            while all.count < count {
                let wanted = min(bytes.count, count - all.count)
                let got = unsafe bytes.withUnsafeMutableBytes {
                    unsafe Glibc.read(file, $0.baseAddress, wanted)
                }
                if got < 0, errno == EINTR { continue }
                guard got >= 0 else { throw .last }
                if got == 0 { break }
                all += bytes.prefix(got)
            }
            return all
        }
    }

    func write(
        _ path: String, _ bytes: [UInt8], at offset: UInt64, _ opening: FileOpening, mode: UInt32?
    ) async throws(FileError) {
        let closed = closed
        try await run { () throws(FileError) in
            var flags = O_WRONLY | O_NONBLOCK
            if opening.contains(.create) { flags |= O_CREAT }
            if opening.contains(.append) { flags |= O_APPEND }
            try closed.checkWriting(path)
            let file = try Self.open(path, flags, mode ?? 0o666)
            defer { close(file) }
            try closed.checkWriting(file, openedAs: path)
            if opening.contains(.truncate), ftruncate(file, 0) != 0 { throw .last }
            guard offset <= UInt64(Int64.max), lseek(file, off_t(offset), SEEK_SET) >= 0 else {
                throw .last
            }
            var rest = bytes[...]
            while !rest.isEmpty {
                let taken = unsafe rest.withUnsafeBytes {
                    unsafe Glibc.write(file, $0.baseAddress, $0.count)
                }
                if taken < 0, errno == EINTR { continue }
                guard taken > 0 else { throw .last }
                rest = rest.dropFirst(taken)
            }
            // By the descriptor, not by the path: another file may be at the path by now.
            if let mode, fchmod(file, mode & 0o7777) != 0 { throw .last }
        }
    }

    /// Runs blocking work on a worker thread.
    private func run<T: Sendable>(
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

    private nonisolated static func open(
        _ path: String, _ flags: Int32, _ mode: UInt32
    ) throws(FileError) -> Int32 {
        let file = unsafe Glibc.open(path, flags | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW, mode)
        guard file >= 0 else { throw .last }
        return file
    }

    private nonisolated static func attributes(
        _ path: String, followingLinks: Bool
    ) throws(FileError) -> FileAttributes {
        var found = stat()
        let flags = followingLinks ? 0 : AT_SYMLINK_NOFOLLOW
        guard unsafe fstatat(AT_FDCWD, path, &found, flags) == 0 else { throw .last }
        var attributes = FileAttributes()
        attributes.size = UInt64(max(0, found.st_size))
        attributes.mode = found.st_mode
        attributes.owner = (found.st_uid, found.st_gid)
        attributes.modified = UInt32(clamping: found.st_mtim.tv_sec)
        return attributes
    }
}

extension FileError {
    /// The error of the system call that failed last on this thread.
    fileprivate static var last: FileError {
        let code = errno
        switch code {
        case ENOENT, ENOTDIR: return .notFound
        case EACCES, EPERM, EROFS: return .denied
        default: return .failed(reason: unsafe String(cString: strerror(code)))
        }
    }
}
