// How busy an agent's machine is, in `agent.describe`. Invariant: what is not known is left out.
public import JSON

/// One file system on the machine's disks.
public struct DiskLoad: Sendable, Equatable {
    /// Where it is mounted.
    public var mount: String
    /// Bytes in all.
    public var size: Int
    /// Bytes that the agent's user can still write.
    public var free: Int
    /// Percent in use.
    public var used: Double

    private static let mount = Field.text("mount", "Where it is mounted.")
    private static let size = Field.count("size_bytes", "Bytes in all.")
    private static let free = Field.count("free_bytes", "Bytes that can still be written.")
    private static let used = Field.number("used_percent", "Percent in use, as df shows it.")

    static let members = [
        mount.declaration, size.declaration, free.declaration, used.declaration,
    ]

    /// A file system.
    public init(mount: String, size: Int, free: Int, used: Double) {
        self.mount = mount
        self.size = size
        self.free = free
        self.used = used
    }

    /// As an object.
    public var json: JSON {
        var members = Members()
        members.put(Self.mount, mount)
        members.put(Self.size, size)
        members.put(Self.free, free)
        members.put(Self.used, used)
        return members.json
    }
}

/// How busy a machine is; nil is not known.
public struct MachineLoad: Sendable, Equatable {
    /// Percent of the processors' time in use.
    public var processor: Double?
    /// Processes that ran or waited for a disk, on average of 1, 5 and 15 minutes.
    public var averages: (one: Double, five: Double, fifteen: Double)?
    /// Bytes of memory in all.
    public var memory: Int?
    /// Bytes of memory that programs can still get.
    public var memoryFree: Int?
    /// Bytes of swap in all.
    public var swap: Int?
    /// Bytes of swap that are free.
    public var swapFree: Int?
    /// The file systems on the machine's disks.
    public var disks: [DiskLoad] = []
    /// Bytes that came over the network since the machine started.
    public var received: Int?
    /// Bytes that went over the network since the machine started.
    public var sent: Int?
    /// Seconds since the machine started.
    public var uptime: Int?
    /// Processes.
    public var processes: Int?

    private static let processor = Field.number(
        "cpu_percent", "Percent of the processors' time in use, over the last moments."
    ).optional
    private static let one = Field.number(
        "load_1", "Processes that ran or waited for a disk, on average of 1 minute."
    ).optional
    private static let five = Field.number("load_5", "The same for 5 minutes.").optional
    private static let fifteen = Field.number("load_15", "The same for 15 minutes.").optional
    private static let memory = Field.count("memory_bytes", "Bytes of memory in all.").optional
    private static let memoryFree = Field.count(
        "memory_available_bytes", "Bytes of memory that programs can still get."
    ).optional
    private static let swap = Field.count("swap_bytes", "Bytes of swap in all.").optional
    private static let swapFree = Field.count("swap_free_bytes", "Bytes of swap that are free.")
        .optional
    private static let disks = Field.objects(
        "disks", DiskLoad.members,
        "The file systems on the machine's own disks; those of other machines are not looked at."
    ).or([])
    private static let received = Field.count(
        "received_bytes", "Bytes that came over the network since the machine started."
    ).optional
    private static let sent = Field.count(
        "sent_bytes", "Bytes that went over the network since the machine started."
    ).optional
    private static let uptime = Field.count("uptime_s", "Seconds since the machine started.")
        .optional
    private static let processes = Field.count("processes", "Processes.").optional

    static let members = [
        processor.declaration, one.declaration, five.declaration, fifteen.declaration,
        memory.declaration, memoryFree.declaration, swap.declaration, swapFree.declaration,
        disks.declaration, received.declaration, sent.declaration, uptime.declaration,
        processes.declaration,
    ]

    /// A load to be filled in.
    public init() {}

    /// Whether all members are equal.
    public static func == (one: MachineLoad, other: MachineLoad) -> Bool { one.json == other.json }

    /// As an object.
    public var json: JSON {
        var members = Members()
        members.put(Self.processor, processor)
        members.put(Self.one, averages?.one)
        members.put(Self.five, averages?.five)
        members.put(Self.fifteen, averages?.fifteen)
        members.put(Self.memory, memory)
        members.put(Self.memoryFree, memoryFree)
        members.put(Self.swap, swap)
        members.put(Self.swapFree, swapFree)
        members.put(Self.disks, disks.map(\.json))
        members.put(Self.received, received)
        members.put(Self.sent, sent)
        members.put(Self.uptime, uptime)
        members.put(Self.processes, processes)
        return members.json
    }
}
