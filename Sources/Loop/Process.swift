// The process as its programs use it: environment, state folder, standard output. Its log is in
// Log.swift.
internal import CPTY
import Glibc

/// This process.
public enum Process {
    /// The environment variables.
    public static var environment: [String: String] {
        var variables: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            let text = String(cString: entry)
            if let equals = text.firstIndex(of: "=") {
                variables[String(text[..<equals])] = String(text[text.index(after: equals)...])
            }
            next += 1
        }
        return variables
    }

    /// The folder a program keeps its state in: below the XDG state folder; nil without a HOME.
    public static func stateFolder(
        _ program: String, environment: [String: String] = Process.environment
    ) -> String? {
        if let state = environment["XDG_STATE_HOME"], state.hasPrefix("/") {
            return state + "/" + program
        }
        guard let home = environment["HOME"], home.hasPrefix("/") else { return nil }
        return home + "/.local/state/" + program
    }

    /// The file of the running program; nil where /proc is not mounted.
    public static var programPath: String? {
        var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = bytes.withUnsafeMutableBytes { room in
            room.baseAddress.map { readlink("/proc/self/exe", $0, room.count) } ?? -1
        }
        return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
    }

    /// The machine's host name.
    public static var hostName: String {
        var name = utsname()
        uname(&name)
        return withUnsafeBytes(of: name.nodename) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    /// Raises the number of descriptors that this process may open to the most that the system
    /// allows it; returns that number.
    public static func raiseDescriptorLimit() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return 1024
        }
        let most = limit.rlim_max
        limit.rlim_cur = most
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return 1024
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// Closes this process's memory, environment and descriptors to other processes of its user.
    static func closeMemory() { hl_close_memory() }

    /// Has the C library give freed memory back, which a peer made the program hold for a while.
    ///
    /// Blocks from 256 KiB, which only long bodies and answers are, go back at once, and all but
    /// 1 MiB of the heap's free end. There are two heaps: the loop's, and one for all workers.
    static func keepHeapSmall() { hl_keep_heap_small(256 << 10, 1 << 20, 2) }

    /// Gives all freed memory back, also between what is in use.
    ///
    /// Takes about 1 ms for each 10 MiB of the heap.
    public static func returnFreeMemory() { hl_return_memory() }

    /// Opens `/dev/null` as each standard descriptor that this process was started without.
    ///
    /// Otherwise the next file or socket takes the number, and what is printed or logged goes
    /// there.
    static func fillStandardDescriptors() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
            // The kernel gives the lowest free number, which is this one.
            _ = open("/dev/null", O_RDWR)
        }
    }

    /// Writes text to standard output, and waits while its reader is slow.
    ///
    /// A terminal gets it as `plain`: what hosts and relays say must not control it. A program gets
    /// it unchanged.
    public static func print(_ text: String) {
        let shown = isatty(STDOUT_FILENO) == 1 ? text.plain(keepsLines: true) : text
        var bytes = Array(shown.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            guard count > 0 || errno == EINTR else { return }
            bytes = bytes.dropFirst(max(0, count))
        }
    }
}
