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
        let reply = try await explaining(.looking, path) { () throws(FileError) in
            try await ask(followingLinks ? 17 : 7) { $0.string(path.utf8) }
        }
        guard case .attributes(let found) = reply else { throw unexpected() }
        return found
    }

    /// Makes a directory.
    public func makeDirectory(_ path: String) async throws(FileError) {
        try await explaining(.making, path) { () throws(FileError) in
            try await order(14) {
                $0.string(path.utf8)
                FileAttributes().write(into: &$0)
            }
        }
    }

    /// The entries of a directory without `.` and `..`.
    ///
    /// Reads on until there are more than `limit`, which shows that some are missing.
    public func entries(
        of path: String, limit: Int
    ) async throws(FileError) -> [(name: String, attributes: FileAttributes)] {
        try await names(in: path, limit: limit).map { ($0.name, $0.attributes) }
    }

    /// How many names (hard links) a file has, if the server shows that in the list of its folder,
    /// of which at most about `limit` entries are read; nil: it does not.
    public func links(of path: String, limit: Int) async throws(FileError) -> Int? {
        let (folder, name) = Self.parts(of: path)
        return try await names(in: folder, limit: limit).first { $0.name == name }?.links
    }

    /// The folder of a path, and the name in it.
    static func parts(of path: String) -> (folder: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return (".", path) }
        let folder = slash == path.startIndex ? "/" : String(path[..<slash])
        return (folder, String(path[path.index(after: slash)...]))
    }

    private func names(
        in path: String, limit: Int
    ) async throws(FileError) -> [SFTPReply.Name] {
        guard case .handle(let handle) = try await ask(11, { $0.string(path.utf8) }) else {
            throw unexpected()
        }
        defer { giveBack(handle) }
        var found: [SFTPReply.Name] = []
        // Counts what is left out too, as a server may repeat `.` without end.
        var seen = 0
        while seen <= limit + 2 {
            guard case .names(let names) = try await ask(12, { $0.string(handle) }) else { break }
            // An answer without names would otherwise be requested again forever.
            guard !names.isEmpty else { break }
            seen += names.count
            found += names.filter { $0.name != "." && $0.name != ".." }
        }
        return found
    }

    /// Opens a file; a file that this makes gets `mode`.
    public func openFile(
        _ path: String, _ opening: FileOpening, mode: UInt32? = nil
    ) async throws(FileError) -> SFTPFile {
        let change: Change = opening.contains(.new) ? .making : .opening
        let reply = try await explaining(change, path) { () throws(FileError) in
            try await ask(3) {
                $0.string(path.utf8)
                $0.uint32(opening.rawValue)
                var made = FileAttributes()
                made.mode = mode
                made.write(into: &$0)
            }
        }
        guard case .handle(let handle) = reply else { throw unexpected() }
        return SFTPFile(handle, of: self)
    }

    /// Renames a file or directory.
    ///
    /// Without `replacing` a file of the new name is an error. OpenSSH's extension replaces such a
    /// file in one step; other servers cannot.
    public func rename(
        _ path: String, to new: String, replacing: Bool
    ) async throws(FileError) {
        try await explaining(.renaming(path, replacing: replacing), new) { () throws(FileError) in
            guard replacing else {
                return try await order(18) {
                    $0.string(path.utf8)
                    $0.string(new.utf8)
                }
            }
            try await extended("posix-rename@openssh.com") {
                $0.string(path.utf8)
                $0.string(new.utf8)
            }
        }
    }

    /// Deletes a file or a link.
    public func remove(_ path: String) async throws(FileError) {
        try await explaining(.opening, path) { () throws(FileError) in
            try await order(13) { $0.string(path.utf8) }
        }
    }

    /// Deletes an empty directory.
    public func removeDirectory(_ path: String) async throws(FileError) {
        try await explaining(.emptying, path) { () throws(FileError) in
            try await order(15) { $0.string(path.utf8) }
        }
    }

    /// Sets the attributes that are there, on what a path leads to.
    public func set(_ attributes: FileAttributes, of path: String) async throws(FileError) {
        try await explaining(.setting, path) { () throws(FileError) in
            try await order(9) {
                $0.string(path.utf8)
                attributes.write(into: &$0)
            }
        }
    }

    /// Makes a symbolic link at a path.
    ///
    /// OpenSSH has the two paths in the reverse order of the draft, and other servers follow it.
    public func makeLink(at path: String, to target: String) async throws(FileError) {
        try await explaining(.making, path) { () throws(FileError) in
            try await order(20) {
                $0.string(target.utf8)
                $0.string(path.utf8)
            }
        }
    }

    /// Whether the server offers an extension.
    public func offers(_ name: String) -> Bool { extensions.contains(name) }

    /// Makes a request that the server offers as an extension.
    func extended(
        _ name: String, _ write: (inout WireWriter) -> Void
    ) async throws(FileError) {
        guard extensions.contains(name) else { throw .unsupported }
        try await order(200) {
            $0.string(name.utf8)
            write(&$0)
        }
    }

    private func name(_ type: UInt8, _ path: String) async throws(FileError) -> String {
        let reply = try await explaining(.looking, path) { () throws(FileError) in
            try await ask(type) { $0.string(path.utf8) }
        }
        guard case .names(let names) = reply, let name = names.first?.name
        else { throw unexpected() }
        // It is shown, and sent back to the server.
        guard name.utf8.count <= 4096,
            !name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
        else {
            throw .failed(reason: "the server answered with a path that has control characters")
        }
        return name
    }
}
