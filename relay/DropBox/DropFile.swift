// The bytes of one file of the drop-box, on the relay's disk. Every call but `open` runs on a
// worker thread. Invariant: while a process writes a file it has the file's lock, so that another
// one, which has taken over, does not sweep it away.
import Crypto
import Glibc
import Loop
import TransferLines

/// An open file.
final class DropFile: Sendable {
    /// Bytes that are read and sent at once.
    static let piece = 256 << 10

    /// Bytes of the disk that are left free, as the relay's database and log are on it, too.
    static let spare = 64 << 20

    private let descriptor: Int32
    private let spare: Int

    private init(_ descriptor: Int32, sparing spare: Int = 0) {
        (self.descriptor, self.spare) = (descriptor, spare)
    }

    deinit { close(descriptor) }

    /// Opens a file to read it.
    static func reading(_ path: String) async throws(DropError) -> DropFile {
        try await work {
            let file = unsafe open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
            return file < 0 ? .failure(.system(errno)) : .success(DropFile(file))
        }
    }

    /// Opens a file to write it; nil: another process writes it.
    ///
    /// What is there already stays if `keeps` is set.
    static func writing(
        _ path: String, keeps: Bool, sparing spare: Int
    ) async throws(DropError) -> DropFile? {
        try await work { () -> Result<DropFile?, DropError> in
            let file = unsafe open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
            guard file >= 0 else { return .failure(.system(errno)) }
            let opened = DropFile(file, sparing: spare)
            guard flock(file, LOCK_EX | LOCK_NB) == 0 else { return .success(nil) }
            guard keeps || ftruncate(file, 0) == 0 else { return .failure(.system(errno)) }
            return .success(opened)
        }
    }

    /// Whether a process writes a file.
    static func isBeingWritten(_ path: String) -> Bool { FolderLock.isHeld(path) }

    /// Gives a file its name, and has the disk store that; returns the error's number, or 0.
    static func rename(_ path: String, to name: String, in folder: String) -> Int32 {
        guard unsafe Glibc.rename(path, name) == 0 else { return errno }
        let descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return errno }
        defer { close(descriptor) }
        return fsync(descriptor) == 0 ? 0 : errno
    }

    /// Its size in bytes.
    func size() async throws(DropError) -> Int {
        try await Self.work { [descriptor] in
            var found = stat()
            guard unsafe fstat(descriptor, &found) == 0 else { return .failure(.system(errno)) }
            return .success(Int(found.st_size))
        }
    }

    /// Bytes from an offset on; empty at the end.
    func read(at offset: Int, count: Int = piece) async throws(DropError) -> [UInt8] {
        try await Self.work { [descriptor] in
            var bytes = [UInt8](repeating: 0, count: count)
            while true {
                let got = unsafe pread(descriptor, &bytes, count, offset)
                if got < 0, errno == EINTR { continue }
                guard got >= 0 else { return .failure(.system(errno)) }
                if got < count { bytes.removeLast(count - got) }
                return .success(bytes)
            }
        }
    }

    /// Writes all of some bytes, unless they would fill the disk.
    func write(_ bytes: [UInt8], at offset: Int) async throws(DropError) {
        try await Self.work { [descriptor, spare] () -> Result<Void, DropError> in
            var disk = statvfs()
            guard unsafe fstatvfs(descriptor, &disk) == 0 else { return .failure(.system(errno)) }
            let free = disk.f_bavail.multipliedReportingOverflow(by: disk.f_frsize).partialValue
            guard free >= UInt64(bytes.count) + UInt64(spare) else { return .failure(.diskFull) }
            var done = 0
            while done < bytes.count {
                let count = unsafe bytes.withUnsafeBytes {
                    unsafe pwrite(
                        descriptor, $0.baseAddress.map { unsafe $0 + done }, $0.count - done,
                        offset + done)
                }
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return .failure(.system(count < 0 ? errno : EIO)) }
                done += count
            }
            return .success(())
        }
    }

    /// Gives it a size, and has the disk store all of it.
    func settle(at size: Int) async throws(DropError) {
        try await Self.work { [descriptor] () -> Result<Void, DropError> in
            guard ftruncate(descriptor, off_t(size)) == 0, fsync(descriptor) == 0 else {
                return .failure(.system(errno))
            }
            return .success(())
        }
    }

    /// The digest of all of it, as it is on the disk.
    func digest() async throws(DropError) -> [UInt8] {
        var hasher = SHA256()
        var offset = 0
        while true {
            let bytes = try await read(at: offset)
            guard !bytes.isEmpty else { return hasher.finish() }
            hasher.update(bytes)
            offset += bytes.count
        }
    }

    private static func work<Value: Sendable>(
        _ body: @escaping @Sendable () -> Result<Value, DropError>
    ) async throws(DropError) -> Value {
        try await Blocking.run(body).get()
    }
}

/// A file of the drop-box that comes piece by piece, in order.
@IO final class DropWriter {
    let file: DropFile
    /// Where the next bytes go.
    private(set) var offset: Int

    init(_ file: DropFile, from offset: Int) { (self.file, self.offset) = (file, offset) }

    /// Writes the next bytes; zeros alone become a hole.
    func add(_ bytes: [UInt8]) async throws(DropError) {
        if !bytes.isZeros { try await file.write(bytes, at: offset) }
        offset += bytes.count
    }

    /// Leaves out so many zeros.
    func skip(_ count: Int) { offset += count }
}

extension DropError {
    /// What a system call's error means.
    static func system(_ code: Int32) -> DropError {
        switch code {
        case ENOSPC, EDQUOT: .diskFull
        default: .disk(unsafe String(cString: strerror(code)))
        }
    }
}
