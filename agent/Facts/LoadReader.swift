// How busy the machine is, from /proc and statvfs. Invariant: what a system does not show is left
// out; only file systems on the machine's own disks are asked.
import Glibc
import Loop
import Wire

/// The time that the processors have spent, from /proc/stat (proc(5)): in clock ticks since the
/// machine started.
struct ProcessorTime: Sendable, Equatable {
    /// In work.
    var busy: Int
    /// In all.
    var whole: Int

    /// Reads the first line of /proc/stat; nil if it is not one.
    init?(_ text: String) {
        let words = (text.split(separator: "\n").first ?? "").split(separator: " ")
        let ticks = words.dropFirst().prefix(8).compactMap { Int($0) }
        // user, nice, system, idle, iowait, irq, softirq, steal; guests are counted in user.
        guard words.first == "cpu", ticks.count >= 4 else { return nil }
        whole = ticks.reduce(0) { $0 &+ $1 }
        busy = whole &- ticks[3] &- (ticks.count > 4 ? ticks[4] : 0)
    }

    /// Percent in work since an earlier time; nil if no tick has passed.
    func percent(since earlier: ProcessorTime) -> Double? {
        guard whole > earlier.whole else { return nil }
        let part = Double(busy - earlier.busy) / Double(whole - earlier.whole)
        return (min(max(part, 0), 1) * 1000).rounded() / 10
    }
}

/// Reads the load once; off the loop.
enum LoadReader {
    /// The time of the processors until now.
    static func processorTime(_ files: SystemFiles) -> ProcessorTime? {
        files.head(of: "/proc/stat", limit: 1024).flatMap(ProcessorTime.init)
    }

    /// All but the processors and the disks.
    static func load(_ files: SystemFiles) -> MachineLoad {
        var load = MachineLoad()
        let words = (files.line(of: "/proc/loadavg") ?? "").split(separator: " ")
        let averages = words.prefix(3).compactMap { Double($0) }
        if averages.count == 3 { load.averages = (averages[0], averages[1], averages[2]) }
        let memory = files.head(of: "/proc/meminfo") ?? ""
        load.memory = Machine.kibibytes("MemTotal", in: memory)
        load.memoryFree = Machine.kibibytes("MemAvailable", in: memory)
        load.swap = Machine.kibibytes("SwapTotal", in: memory)
        load.swapFree = Machine.kibibytes("SwapFree", in: memory)
        let uptime = files.line(of: "/proc/uptime")?.split(separator: " ").first
        load.uptime = uptime.flatMap { Double($0) }.flatMap { Int(exactly: $0.rounded(.down)) }
        if let text = files.head(of: "/proc/net/dev", limit: 64 << 10) {
            (load.received, load.sent) = network(text)
        }
        load.processes = processes(files)
        return load
    }

    /// Bytes received and sent over all interfaces but the loopback: the text of /proc/net/dev.
    private static func network(_ text: String) -> (received: Int, sent: Int) {
        var (received, sent) = (0, 0)
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            let name = parts[0].drop { $0 == " " }
            let numbers = parts[1].split(separator: " ").map { Int($0) ?? 0 }
            guard name != "lo", numbers.count >= 9 else { continue }
            received &+= numbers[0]
            sent &+= numbers[8]
        }
        return (received, sent)
    }

    /// The processes that /proc shows.
    private static func processes(_ files: SystemFiles) -> Int? {
        guard let folder = unsafe opendir(files.root + "/proc") else { return nil }
        defer { unsafe closedir(folder) }
        var count = 0
        while let entry = unsafe readdir(folder) {
            let first = UInt8(bitPattern: unsafe entry.pointee.d_name.0)
            if (UInt8(ascii: "1")...UInt8(ascii: "9")).contains(first) { count += 1 }
        }
        return count > 0 ? count : nil
    }

    /// A number of bytes, at most what JSON carries: some file systems report as much as they can.
    private static func bytes(_ number: Double) -> Int {
        number < Double(Contract.integers.upperBound)
            ? Int(max(0, number)) : Contract.integers.upperBound
    }

    /// The most file systems of an answer.
    private static let mostDisks = 64

    /// The file systems on the machine's disks.
    static func disks(_ files: SystemFiles) -> [DiskLoad] {
        let mounts = Mounts(files.head(of: "/proc/self/mountinfo", limit: 256 << 10) ?? "")
        return mounts.disks.prefix(mostDisks).compactMap { mount in
            var found = statvfs()
            guard unsafe statvfs(files.root + mount.path, &found) == 0, found.f_blocks > 0 else {
                return nil
            }
            let unit = Double(found.f_frsize)
            let used = Double(found.f_blocks) - Double(found.f_bfree)
            let usable = used + Double(found.f_bavail)
            return DiskLoad(
                mount: mount.path.shown(atMost: Contract.nameBytes),
                size: Self.bytes(Double(found.f_blocks) * unit),
                free: Self.bytes(Double(found.f_bavail) * unit),
                used: usable > 0 ? (used / usable * 1000).rounded() / 10 : 100)
        }
    }
}

/// Reads the load for those who ask.
///
/// One look at the disks at a time: while one hangs, answers come without disks.
@IO final class LoadMeter {
    private let files: SystemFiles
    private let disks: @Sendable () -> [DiskLoad]
    private var looking: Once<[DiskLoad]>?

    /// The time over which the processors are watched: 20 clock ticks, of which 1 is 5 %.
    private static let span = Duration.milliseconds(200)
    /// How long the disks are waited for; they take less than a millisecond, or hang.
    nonisolated static let patience = Duration.seconds(1)

    init(_ files: SystemFiles = SystemFiles(), disks: (@Sendable () -> [DiskLoad])? = nil) {
        self.files = files
        self.disks = disks ?? { LoadReader.disks(files) }
    }

    /// The load now.
    func load() async -> MachineLoad {
        let files = files
        let start = await Blocking.run { LoadReader.processorTime(files) }
        let looking = looking ?? look()
        if start != nil { try? await IO.sleep(for: Self.span) }
        var (load, end) = await Blocking.run {
            (LoadReader.load(files), LoadReader.processorTime(files))
        }
        if let start { load.processor = end?.percent(since: start) }
        load.disks = await IO.within(Self.patience) { await looking.wait() } ?? []
        return load
    }

    private func look() -> Once<[DiskLoad]> {
        let found = Once<[DiskLoad]>()
        looking = found
        let disks = disks
        IO.task {
            found.set(await Blocking.run(disks))
            self.looking = nil
        }
        return found
    }
}
