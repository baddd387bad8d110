// The errors of the kernel as the file calls report them: by number where the agent asks it, by the
// C library's words where a host's tools do. Pure.
import Glibc
import SSH

/// Numbers and words of system errors.
enum SystemError {
    /// Words of other C libraries and shells, in lower case.
    private static let others: [String: Int32] = [
        "no such file": ENOENT, "nonexistent directory": ENOENT, "directory nonexistent": ENOENT,
        "cannot overwrite existing file": EEXIST, "quota exceeded": EDQUOT,
        "filename too long": ENAMETOOLONG, "resource busy": EBUSY, "cross-device link": EXDEV,
        "i/o error": EIO,
    ]
    private static let own: [String: Int32] = {
        let numbers = [
            ENOENT, ENOTDIR, EACCES, EPERM, EROFS, ENOSPC, EDQUOT, EEXIST, EISDIR, ENOTEMPTY,
            EXDEV, EBUSY, ENAMETOOLONG, ELOOP, EFBIG, ETXTBSY, EIO, EMLINK, EINVAL, ESTALE,
        ]
        return .init(uniqueKeysWithValues: numbers.map { (words($0).lowercased(), $0) })
    }()

    /// What the C library calls an error.
    static func words(_ number: Int32) -> String { unsafe String(cString: strerror(number)) }

    /// The number of the error that a tool names, in lower case.
    static func number(_ words: String) -> Int32? { own[words] ?? others[words] }
}

extension FileError {
    /// The error of the system call that failed last on this thread.
    static var last: FileError { FileError(system: errno) }

    /// The error with a number of the kernel.
    init(system number: Int32) {
        switch number {
        case ENOENT, ENOTDIR: self = .notFound
        case EACCES, EPERM: self = .denied
        case EROFS: self = .readOnly
        case ENOSPC: self = .full
        case EDQUOT: self = .quota
        case ENAMETOOLONG: self = .longName
        case EEXIST: self = .exists
        case EISDIR: self = .isDirectory
        case ENOTEMPTY: self = .notEmpty
        case EXDEV: self = .otherFileSystem
        case EBUSY: self = .failed(reason: "it is in use there, or a mount point")
        case ELOOP: self = .failed(reason: "symbolic links lead in a circle")
        case ETXTBSY: self = .failed(reason: "it is a program that runs: write it with atomic")
        default: self = .failed(reason: SystemError.words(number))
        }
    }
}
