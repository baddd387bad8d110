// The attributes of a file, as SFTP carries them (draft-ietf-secsh-filexfer-02 §5). Pure.

/// A file's size, owner, mode and times, as far as the server reports them.
public struct FileAttributes: Sendable, Equatable {
    /// The kind of a file.
    public enum Kind: String, Sendable {
        /// A regular file.
        case file
        /// A directory.
        case directory
        /// A symbolic link.
        case link
        /// A device, pipe or socket, or a kind that the server does not report.
        case other
    }

    /// Bytes.
    public var size: UInt64?
    /// The owner's and the group's number.
    public var owner: (user: UInt32, group: UInt32)?
    /// The type and permission bits, as in `st_mode`.
    public var mode: UInt32?
    /// Seconds since 1970 of the last change.
    public var modified: UInt32?

    /// Attributes to be filled in.
    public init() {}

    /// The kind of file according to the mode.
    public var kind: Kind {
        switch (mode ?? 0) & 0o170000 {
        case 0o100000: .file
        case 0o040000: .directory
        case 0o120000: .link
        default: .other
        }
    }

    /// Compares all of them.
    public static func == (one: FileAttributes, other: FileAttributes) -> Bool {
        one.size == other.size && one.mode == other.mode && one.modified == other.modified
            && one.owner?.user == other.owner?.user && one.owner?.group == other.owner?.group
    }
}

extension FileAttributes {
    private enum Flag {
        static let size: UInt32 = 1
        static let owner: UInt32 = 2
        static let mode: UInt32 = 4
        static let times: UInt32 = 8
        static let extended: UInt32 = 0x8000_0000
    }

    /// Reads an ATTRS; nil when it ends early.
    init?(_ reader: inout WireReader) {
        guard let flags = reader.uint32() else { return nil }
        if flags & Flag.size != 0 {
            guard let high = reader.uint32(), let low = reader.uint32() else { return nil }
            // An offset beyond 2⁶³ − 1 is not one on any system, and adding to it would overflow.
            size = min(UInt64(high) << 32 | UInt64(low), UInt64(Int64.max))
        }
        if flags & Flag.owner != 0 {
            guard let user = reader.uint32(), let group = reader.uint32() else { return nil }
            owner = (user, group)
        }
        if flags & Flag.mode != 0 {
            guard let bits = reader.uint32() else { return nil }
            mode = bits
        }
        if flags & Flag.times != 0 {
            guard reader.uint32() != nil, let time = reader.uint32() else { return nil }
            modified = time
        }
        if flags & Flag.extended != 0 {
            // Each takes at least eight bytes, so a large count cannot make this loop long.
            guard let count = reader.uint32() else { return nil }
            for _ in 0..<count {
                guard reader.string() != nil, reader.string() != nil else { return nil }
            }
        }
    }

    /// Writes the attributes that are there: what is set on a file.
    ///
    /// The time of the last access is set to that of the last change, as both go together.
    func write(into writer: inout WireWriter) {
        writer.uint32(
            (size == nil ? 0 : Flag.size) | (owner == nil ? 0 : Flag.owner)
                | (mode == nil ? 0 : Flag.mode) | (modified == nil ? 0 : Flag.times))
        if let size { writer.uint64(size) }
        if let owner {
            writer.uint32(owner.user)
            writer.uint32(owner.group)
        }
        if let mode { writer.uint32(mode & 0o7777) }
        if let modified {
            writer.uint32(modified)
            writer.uint32(modified)
        }
    }
}
