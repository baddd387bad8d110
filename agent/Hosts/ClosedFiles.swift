// What file tools may never open on the agent's own machine: the kernel's view of processes, where
// the agent's memory is a file, and the files that hold keys and secrets of the agent.
// Invariant: judged by the opened descriptor, so that no link, mount or change of a path passes.
import Configuration
import Glibc
import Loop
import SSH

/// The files of this machine that stay closed to file tools.
struct ClosedFiles: Sendable {
    /// Patterns of the absolute paths of keys and secrets.
    let patterns: [String]

    /// Throws if the opened file is closed, or is not at `path`, which the policy has admitted.
    func check(_ descriptor: Int32, openedAs path: String) throws(FileError) {
        guard !FileSystem.isKernelState(descriptor) else {
            throw .closed(reason: "file tools keep out of the kernel's own file systems")
        }
        if let real = Self.path(of: descriptor), real != path {
            throw .failed(reason: "its path was changed during the call: try again")
        }
        try check(path)
        guard !isClosed(descriptor) else { throw Self.secret }
    }

    /// Throws if a file of this path is closed: before it is made, and where only its path is known.
    func check(_ path: String) throws(FileError) {
        if patterns.contains(where: { Glob.matches($0, path) }) { throw Self.secret }
        if ["/proc/", "/sys/"].contains(where: "\(path)/".hasPrefix) {
            throw .closed(reason: "file tools keep out of the kernel's own file systems")
        }
    }

    private static let secret = FileError.closed(
        reason: "the agent's configuration names this file as a key or a secret, so file tools keep"
            + " out of it")

    private func isClosed(_ descriptor: Int32) -> Bool {
        // The same file by another name: a hard link, or another mount.
        var opened = stat()
        guard unsafe fstat(descriptor, &opened) == 0 else { return true }
        return patterns.contains { pattern in
            var named = stat()
            return unsafe stat(pattern, &named) == 0 && named.st_ino == opened.st_ino
                && named.st_dev == opened.st_dev
        }
    }

    /// The path by which the kernel knows an opened file; nil where /proc is not mounted.
    private static func path(of descriptor: Int32) -> String? {
        var bytes = [UInt8](repeating: 0, count: 4097)
        let count = unsafe bytes.withUnsafeMutableBytes { buffer in
            guard let start = buffer.baseAddress else { return -1 }
            return unsafe readlink("/proc/self/fd/\(descriptor)", start, buffer.count)
        }
        return count > 0 && count <= 4096
            ? String(decoding: bytes.prefix(count), as: UTF8.self) : nil
    }
}
