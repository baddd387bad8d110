// An open file of the agent's own machine. Part of LocalFiles, which has judged it.
// Invariant: nothing here blocks the loop, and the descriptor is closed once.
import Glibc
import Loop
import SSH

/// An open descriptor; its calls run on worker threads, one after the other.
final class LocalFile: OpenFile, Sendable {
    /// How many bytes are read at once: a worker thread costs some 20 µs, which reading 256 KiB
    /// exceeds.
    static let piece = 256 << 10

    private nonisolated let descriptor: Int32

    nonisolated init(_ descriptor: Int32) { self.descriptor = descriptor }

    deinit { Glibc.close(descriptor) }

    func attributes() async throws(FileError) -> FileAttributes {
        try await LocalFiles.run { [self] () throws(FileError) in
            var found = stat()
            guard unsafe fstat(descriptor, &found) == 0 else { throw .last }
            return FileAttributes(found)
        }
    }

    func set(_ attributes: FileAttributes) async throws(FileError) {
        try await LocalFiles.run { [self] () throws(FileError) in try apply(attributes) }
    }

    /// Sets attributes, by the path under which the kernel knows the descriptor: that also works
    /// where it was opened for nothing else.
    nonisolated func apply(_ attributes: FileAttributes) throws(FileError) {
        let path = "/proc/self/fd/\(descriptor)"
        if let size = attributes.size {
            guard unsafe truncate(path, off_t(clamping: size)) == 0 else { throw .last }
        }
        if let owner = attributes.owner {
            guard unsafe chown(path, owner.user, owner.group) == 0 else { throw .last }
        }
        // After the owner, whose change clears the bits that give rights to who runs the file.
        if let mode = attributes.mode {
            guard unsafe chmod(path, mode & 0o7777) == 0 else { throw .last }
        }
        if let time = attributes.modified {
            let times = [timespec](repeating: timespec(tv_sec: Int(time), tv_nsec: 0), count: 2)
            guard unsafe utimensat(AT_FDCWD, path, times, 0) == 0 else { throw .last }
        }
    }

    func pieces(from offset: UInt64, upTo count: UInt64) -> any FilePieces {
        LocalPieces(self, from: offset, upTo: count)
    }

    /// The bytes at an offset, fewer only at the end.
    func read(from offset: UInt64, count: Int) async throws(FileError) -> [UInt8] {
        try await LocalFiles.run { [self] () throws(FileError) in
            guard offset <= UInt64(Int64.max) - UInt64(count) else { return [] }
            var error: FileError?
            let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
                while filled < count {
                    let got = unsafe pread(
                        descriptor, buffer.baseAddress.map { unsafe $0 + filled }, count - filled,
                        off_t(offset) + filled)
                    if got < 0, errno == EINTR { continue }
                    if got < 0 { error = .last }
                    guard got > 0 else { break }
                    filled += got
                }
            }
            if let error { throw error }
            return bytes
        }
    }

    func write(_ bytes: [UInt8], at offset: UInt64) async throws(FileError) {
        try await LocalFiles.run { [self] () throws(FileError) in
            guard offset <= UInt64(Int64.max) - UInt64(bytes.count) else {
                throw .failed(reason: "no file is that long")
            }
            var done = 0
            while done < bytes.count {
                let taken = unsafe bytes.withUnsafeBytes { buffer in
                    unsafe pwrite(
                        descriptor, buffer.baseAddress.map { unsafe $0 + done },
                        buffer.count - done, off_t(offset) + done)
                }
                if taken < 0, errno == EINTR { continue }
                guard taken > 0 else { throw .last }
                done += taken
            }
        }
    }

    func flush() async throws(FileError) {}

    func sync() async throws(FileError) {
        try await LocalFiles.run { [self] () throws(FileError) in
            guard fsync(descriptor) == 0 else { throw .last }
        }
    }

    func close() async throws(FileError) {}
}

/// The content of a file of this machine from an offset on.
@IO private final class LocalPieces: FilePieces {
    private let file: LocalFile
    private var offset: UInt64
    private var left: UInt64

    init(_ file: LocalFile, from offset: UInt64, upTo count: UInt64) {
        (self.file, self.offset, left) = (file, offset, count)
    }

    func next() async throws(FileError) -> [UInt8] {
        guard left > 0 else { return [] }
        let count = Int(min(left, UInt64(LocalFile.piece)))
        let bytes = try await file.read(from: offset, count: count)
        offset += UInt64(bytes.count)
        left = bytes.isEmpty ? 0 : left - UInt64(bytes.count)
        return bytes
    }
}
