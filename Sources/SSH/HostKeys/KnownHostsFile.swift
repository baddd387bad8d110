// The known_hosts files on disk: read all, add one line, forget a host. Off the loop.
// Invariant: a file changes only by appending one whole line or by being replaced as a whole; a
// line that is appended contradicts no other.
internal import Crypto
import Glibc
internal import Loop

extension KnownHosts {
    /// Reads the files; a missing one counts as empty, and one that cannot be read is in `unread`.
    @IO public static func read(_ files: [String]) async -> KnownHosts {
        await Blocking.run { load(files) }
    }

    /// Stores `key` for a host, under a hashed name, at the end of `file`, which may be new.
    ///
    /// A file that has the key stays as it is. Throws `hostKeyChanged` if the file has another key
    /// of the host by now, `hostKeyRevoked` if it revokes this one, and `knownHosts`.
    @IO public static func trust(
        _ key: HostKey, host: String, port: UInt16, alias: String? = nil, file: String
    ) async throws(SSHError) {
        let result = await Blocking.run {
            store(key, host: host, port: port, alias: alias, file: file)
        }
        try result.get()
    }

    /// Removes every line about a host from `file`; returns how many there were.
    @IO public static func forget(
        host: String, port: UInt16, alias: String? = nil, file: String
    ) async throws(SSHError) -> Int {
        let name = name(host: host, port: port, alias: alias)
        let result = await Blocking.run { remove(name, from: file) }
        return try result.get()
    }

    private static func load(_ files: [String]) -> KnownHosts {
        var known = KnownHosts()
        for file in files {
            do throws(CryptoError) {
                let bytes = try SecureFile.read(file, limit: 16 << 20)
                known.add(String(decoding: bytes, as: UTF8.self), file: file)
            } catch {
                if case .file(_, ENOENT) = error { continue }
                known.unread.append("\(error)")
            }
        }
        return known
    }

    /// Looks the host up again in the locked file, and appends a line if it is not there: what the
    /// caller has read may be older than another caller's line.
    private static func store(
        _ key: HostKey, host: String, port: UInt16, alias: String?, file: String
    ) -> Result<Void, SSHError> {
        func failure(_ code: Int32) -> Result<Void, SSHError> {
            .failure(.knownHosts(file: file, reason: String(cString: strerror(code))))
        }
        if let slash = file.lastIndex(of: "/"), slash != file.startIndex {
            try? SecureFile.makeFolder(String(file[..<slash]))
        }
        let descriptor = open(file, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return failure(errno) }
        defer { close(descriptor) }
        guard flock(descriptor, LOCK_EX) == 0 else { return failure(errno) }
        let known = load([file])
        if let reason = known.unread.first {
            return .failure(.knownHosts(file: file, reason: reason))
        }
        let shown = name(host: host, port: port, alias: alias)
        switch known.verdict(key, host: host, port: port, alias: alias) {
        case .match: return .success(())
        case .changed(let list):
            return .failure(.hostKeyChanged(host: shown, known: list, offered: key))
        case .revoked: return .failure(.hostKeyRevoked(host: shown, key: key))
        case .unknown:
            let code = append(line(key, host: host, port: port, alias: alias), to: descriptor)
            return code == 0 ? .success(()) : failure(code)
        }
    }

    /// Zero or the error number.
    private static func append(_ line: String, to descriptor: Int32) -> Int32 {
        var last: UInt8 = 10
        let end = lseek(descriptor, 0, SEEK_END)
        if end > 0 { pread(descriptor, &last, 1, end - 1) }
        let bytes = Array(((last == 10 ? "" : "\n") + line).utf8)
        guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count else {
            return errno == 0 ? EIO : errno
        }
        // A device (`/dev/null`) stores nothing, which is what whoever named it wants.
        return fsync(descriptor) == 0 || errno == EINVAL ? 0 : errno
    }

    private static func remove(_ name: String, from file: String) -> Result<Int, SSHError> {
        do throws(CryptoError) {
            let bytes = try SecureFile.read(file, limit: 16 << 20)
            var kept: [Substring] = []
            var removed = 0
            let text = String(decoding: bytes, as: UTF8.self)
            for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
                var known = KnownHosts()
                known.add(String(line), file: file)
                let about = known.entries.contains { $0.marker == .none && $0.hosts.matches(name) }
                if about { removed += 1 } else { kept.append(line) }
            }
            if removed > 0 {
                try SecureFile.write(file, Array(kept.joined(separator: "\n").utf8))
            }
            return .success(removed)
        } catch {
            if case .file(_, ENOENT) = error { return .success(0) }
            return .failure(.knownHosts(file: file, reason: error.description))
        }
    }
}
