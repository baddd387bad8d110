// What an agent says of its machine: with its hello, which the relay keeps for lists, and in
// `agent.describe`. Invariant: what is read is bounded and shows nothing that hides or moves text.
public import JSON

/// What an agent reports about its machine; what is empty or zero is not known.
public struct AgentFacts: Sendable, Equatable {
    /// The agent's version.
    public var version = ""
    /// Its machine's host name.
    public var hostname = ""
    /// The operating system: `linux` or `macos`.
    public var system = ""
    /// The processor architecture: `x86_64` or `arm64`.
    public var architecture = ""
    /// The distribution and its release: `Debian GNU/Linux 12 (bookworm)`.
    public var release = ""
    /// The kernel's release, as `uname -r` prints it.
    public var kernel = ""
    /// The processor's model.
    public var processor = ""
    /// Processors that are online.
    public var processors = 0
    /// Bytes of memory.
    public var memory = 0
    /// The package manager: `apt`, `dnf`.
    public var packages = ""
    /// The init system: `systemd`, `openrc`.
    public var initSystem = ""
    /// What kind of container it runs in: `docker`, `podman`.
    public var container = ""
    /// Whose cloud it runs in: `aws`, `azure`.
    public var cloud = ""
    /// Words for what can be used there: programs in the PATH, `sftp`.
    public var capabilities: [String] = []

    /// The most capabilities of an agent: twice the number that this version looks for.
    public static let mostCapabilities = 96
    /// The most bytes of one capability: names of programs are shorter.
    private static let capabilityBytes = 32
    /// The most characters of any other text: as many as a name has.
    private static let textLength = 255

    private static let version = Field.text("version", "The agent program's version.")
    private static let hostname = Field.text("hostname", "The machine's name.")
    private static let system = Field.text(
        "system", "The operating system: linux or macos.")
    private static let architecture = Field.text(
        "architecture", "The processor architecture: x86_64 or arm64.")
    static let release = Field.text(
        "release", "The distribution and its release, such as Debian GNU/Linux 12 (bookworm)."
    ).or("")
    private static let kernel = Field.text("kernel", "The kernel's release.").or("")
    private static let processor = Field.text("cpu_model", "The processor's model.").or("")
    private static let processors = Field.count("cpus", "Processors that are online.").or(0)
    private static let memory = Field.count("memory_bytes", "Bytes of memory.").or(0)
    private static let packages = Field.text(
        "package_manager", "The package manager: apt, dnf, apk …"
    ).or("")
    private static let initSystem = Field.text("init", "The init system: systemd, openrc …").or("")
    private static let container = Field.text(
        "container", "What kind of container it runs in: docker, podman, lxc …"
    ).or("")
    private static let cloud = Field.text(
        "cloud", "Whose cloud it runs in, as the machine's firmware says: aws, azure, gcp …"
    ).or("")
    static let capabilities = Field.texts(
        "capabilities",
        "What can be used there: programs (docker, git, python3 …), sftp, the package manager and "
            + "the init system."
    ).or([])

    static let members = [
        version.declaration, hostname.declaration, system.declaration, architecture.declaration,
        release.declaration, kernel.declaration, processor.declaration, processors.declaration,
        memory.declaration, packages.declaration, initSystem.declaration, container.declaration,
        cloud.declaration, capabilities.declaration,
    ]

    /// Facts to be filled in.
    public init() {}

    /// As an object.
    public var json: JSON {
        var members = Members()
        members.put(Self.version, version)
        members.put(Self.hostname, hostname)
        members.put(Self.system, system)
        members.put(Self.architecture, architecture)
        members.put(Self.release, release)
        members.put(Self.kernel, kernel)
        members.put(Self.processor, processor)
        members.put(Self.processors, processors)
        members.put(Self.memory, memory)
        members.put(Self.packages, packages)
        members.put(Self.initSystem, initSystem)
        members.put(Self.container, container)
        members.put(Self.cloud, cloud)
        members.put(Self.capabilities, capabilities)
        return members.json
    }

    /// Reads an object; missing members stay empty, long ones are cut, and words that are no
    /// capabilities are left out.
    public init(json: JSON?) {
        func text(_ field: Field<String>) -> String {
            (json?[field.name]?.stringValue ?? "").shown(atMost: Self.textLength)
        }
        func count(_ field: Field<Int>) -> Int {
            max(0, json?[field.name]?.intValue.flatMap { Int(exactly: $0) } ?? 0)
        }
        version = text(Self.version)
        hostname = text(Self.hostname)
        system = text(Self.system)
        architecture = text(Self.architecture)
        release = text(Self.release)
        kernel = text(Self.kernel)
        processor = text(Self.processor)
        processors = count(Self.processors)
        memory = count(Self.memory)
        packages = text(Self.packages)
        initSystem = text(Self.initSystem)
        container = text(Self.container)
        cloud = text(Self.cloud)
        let words = json?[Self.capabilities.name]?.arrayValue ?? []
        capabilities = Set(
            words.prefix(Self.mostCapabilities).compactMap(\.stringValue)
                .filter(Self.isCapability)
        ).sorted()
    }

    /// Whether a word can be a capability.
    private static func isCapability(_ word: String) -> Bool {
        (1...capabilityBytes).contains(word.utf8.count)
            && word.utf8.allSatisfy { byte in
                (97...122).contains(byte) || (48...57).contains(byte) || "-._+".utf8.contains(byte)
            }
    }
}
