// What is mounted where, by /proc/self/mountinfo (proc(5)). Whether a file system is local is
// decided by its type alone: asking one whose server is gone would hang. Pure.

/// The mounted file systems.
struct Mounts: Sendable {
    /// One of them.
    struct Mount: Sendable, Equatable {
        /// `major:minor` of its device: the same for all mounts of one file system.
        var device: String
        /// Where it is mounted.
        var path: String
        /// Its type: `ext4`, `nfs4`.
        var type: String
    }

    /// Each mount, in the order in which they were mounted.
    private(set) var all: [Mount] = []

    /// Reads the text of mountinfo; lines that it does not understand are left out.
    init(_ text: String) {
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard let dash = words.firstIndex(of: "-"), dash >= 6, words.count > dash + 1 else {
                continue
            }
            all.append(
                Mount(
                    device: String(words[2]), path: Self.unescaped(words[4]),
                    type: String(words[dash + 1])))
        }
    }

    /// The file systems whose data is on this machine's disks, the first mount of each.
    var disks: [Mount] {
        var seen: Set<String> = []
        return all.filter { mount in
            let isRoot = mount.path == "/" && (mount.type == "overlay" || mount.type == "ufs")
            // A later mount at the same place hides this one.
            return (Self.diskTypes.contains(mount.type) || isRoot)
                && all.last { $0.path == mount.path } == mount && seen.insert(mount.device).inserted
        }
    }

    /// Whether a look at this path stays on the machine: its mount needs no server.
    func isLocal(_ path: String) -> Bool {
        let holder = all.enumerated().filter { Self.contains($0.element.path, path) }
            .max {
                ($0.element.path.utf8.count, $0.offset) < ($1.element.path.utf8.count, $1.offset)
            }
        guard let type = holder?.element.type else { return true }
        return Self.localTypes.contains(type)
    }

    private static func contains(_ mount: String, _ path: String) -> Bool {
        mount == "/" || path == mount || path.hasPrefix(mount + "/")
    }

    private static let diskTypes: Set = [
        "ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "jfs", "reiserfs", "bcachefs",
        "vfat",
        "exfat", "ntfs", "ntfs3",
    ]
    private static let localTypes = diskTypes.union([
        "overlay", "ufs", "tmpfs", "ramfs", "rootfs", "squashfs", "erofs", "iso9660", "devtmpfs",
    ])

    /// A path with its octal escapes (`\040` for a blank) undone.
    private static func unescaped(_ word: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(word.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), rest.count >= 3,
                let code = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8)
            {
                bytes.append(code)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
