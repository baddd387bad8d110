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
    /// Patterns of the absolute paths that may be read but not written: what decides which programs
    /// the agent runs and which hosts it trusts.
    var readOnly: [String] = []

    /// Throws if the opened file is closed, or is not at `path`, which the policy has admitted.
    func check(_ descriptor: Int32, openedAs path: String) throws(FileError) {
        guard !FileSystem.isKernelState(descriptor) else {
            throw Self.kernel
        }
        if let real = Self.path(of: descriptor), real != path {
            throw .failed(reason: "its path was changed during the call: try again")
        }
        try check(path)
        guard !Self.isOne(descriptor, of: patterns) else { throw Self.secret }
    }

    /// Throws if the opened file is closed to writing, or is not at `path`.
    func checkWriting(_ descriptor: Int32, openedAs path: String) throws(FileError) {
        try check(descriptor, openedAs: path)
        try checkWriting(path)
        guard !Self.isOne(descriptor, of: readOnly) else { throw Self.configuration }
    }

    /// Throws if a file of this path is closed to this use: where only its path is known.
    @IO func admit(_ path: String, for use: PathUse) async throws(FileError) {
        let me = self
        let result = await Blocking.run { () -> Result<Void, FileError> in
            do throws(FileError) {
                return .success(try use == .writing ? me.checkWriting(path) : me.check(path))
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }

    /// Throws if a file of this path is closed; looks at the folders on its way, so not on the
    /// loop.
    private func check(_ path: String) throws(FileError) {
        if patterns.contains(where: { Glob.matches($0, path) }) { throw Self.secret }
        if ["/proc/", "/sys/"].contains(where: "\(path)/".hasPrefix) {
            throw Self.kernel
        }
        guard !Self.isState(path) else {
            throw .closed(reason: "file tools keep out of the state folders of relays and agents")
        }
    }

    /// Throws if a file of this path is closed to writing, before the file is made; not on the
    /// loop.
    func checkWriting(_ path: String) throws(FileError) {
        try check(path)
        guard !readOnly.contains(where: { Glob.matches($0, path) }) else {
            throw Self.configuration
        }
    }

    private static let kernel = FileError.closed(
        reason: "file tools keep out of the kernel's own file systems: read it with ssh_execute, or"
            + " with host_read")

    private static let configuration = FileError.closed(
        reason: "the agent takes its programs and the hosts that it trusts from this file: only a"
            + " person may change it")

    /// Whether a path is in the state folder of a relay or an agent of this machine: their locks
    /// and keys are there.
    private static func isState(_ path: String) -> Bool {
        var parts = path.split(separator: "/")
        while parts.popLast() != nil {
            let folder = "/" + parts.joined(separator: "/")
            let isOne = ["relay.lock": "tunnel.key", "agent.lock": "agent.key"].contains {
                unsafe access("\(folder)/\($0.key)", F_OK) == 0
                    && access("\(folder)/\($0.value)", F_OK) == 0
            }
            if isOne { return true }
        }
        return false
    }

    private static let secret = FileError.closed(
        reason: "the agent's configuration names this file as a key or a secret, so file tools keep"
            + " out of it")

    private static func isOne(_ descriptor: Int32, of patterns: [String]) -> Bool {
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
    static func path(of descriptor: Int32) -> String? {
        var bytes = [UInt8](repeating: 0, count: 4097)
        let count = unsafe bytes.withUnsafeMutableBytes { buffer in
            guard let start = buffer.baseAddress else { return -1 }
            return unsafe readlink("/proc/self/fd/\(descriptor)", start, buffer.count)
        }
        return count > 0 && count <= 4096
            ? String(decoding: bytes.prefix(count), as: UTF8.self) : nil
    }
}
