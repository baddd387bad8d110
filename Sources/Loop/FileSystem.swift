// What kind of file system an opened file is on.
internal import CPTY

/// File systems.
public enum FileSystem {
    /// Whether the descriptor's file system shows the kernel's state (processes, devices, tracing)
    /// in place of stored files: the memory of a process is a file there.
    public static func isKernelState(_ descriptor: Int32) -> Bool {
        kernelTypes.contains(hl_file_system(descriptor))
    }

    /// Whether a file, not a link, has extended attributes that a new file of the same folder would
    /// not get by itself: access lists, capabilities, and those that users set.
    public static func hasExtendedAttributes(_ path: String) -> Bool {
        // Linux keeps at most 64 KiB of names.
        var names = [CChar](repeating: 0, count: 64 << 10)
        let count = unsafe hl_extended_names(path, &names, UInt(names.count))
        guard count > 0 else { return false }
        return names.prefix(count).split(separator: 0).contains { name in
            !labels.contains(String(decoding: name.map { UInt8(bitPattern: $0) }, as: UTF8.self))
        }
    }

    /// What the kernel gives each new file by its own rules.
    private static let labels: Set<String> = ["security.selinux", "security.ima", "security.evm"]

    /// The types (statfs(2)) of procfs, sysfs, cgroup, cgroup2, debugfs, tracefs, securityfs, bpf,
    /// configfs, pstore and efivarfs.
    private static let kernelTypes: Set<Int> = [
        0x9fa0, 0x6265_6572, 0x27_e0eb, 0x6367_7270, 0x6462_6720, 0x7472_6163, 0x7363_6673,
        0xcafe_4a11, 0x6265_6570, 0x6165_676c, 0xde5e_81e4,
    ]
}
