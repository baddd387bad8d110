// The machine's facts that are read from its files: the release, the processor, what is installed.
// Each is found by a table. Invariant: nothing is run, nothing is asked of the network, and what is
// not found stays empty.
import Glibc
import Wire

extension Machine {
    /// The facts, looked up now: some milliseconds, off the loop.
    static func look(
        at files: SystemFiles = SystemFiles(), path: String = Machine.path,
        variables: Set<String> = Machine.variables
    ) -> AgentFacts {
        var found = facts
        found.kernel = kernel
        found.release = release(files)
        found.processor = processor(files)
        found.processors = max(0, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        found.memory = memory(files)
        found.initSystem = initSystem(files)
        found.container = container(files, variables)
        found.cloud = cloud(files)
        let folders = folders(path, files)
        func isThere(_ name: String) -> Bool {
            folders.contains { files.hasProgram("\($0)/\(name)") }
        }
        found.packages = packageManagers.first { isThere($0.program) }?.name ?? ""
        var words = Set(tools.filter(isThere))
        if sftpServers.contains(where: files.hasProgram) { words.insert("sftp") }
        words.formUnion([found.packages, found.initSystem].filter { !$0.isEmpty })
        found.capabilities = words.sorted()
        // As the relay reads them: cut, and without what hides.
        return AgentFacts(json: found.json)
    }

    /// Where programs are looked for: the agent's own PATH.
    static var path: String { unsafe getenv("PATH").map { unsafe String(cString: $0) } ?? "" }

    /// The names of variables that say what the agent runs in.
    static var variables: Set<String> {
        Set(["KUBERNETES_SERVICE_HOST"].filter { unsafe getenv($0) != nil })
    }

    /// The most folders of a PATH that are looked at.
    private static let mostFolders = 32

    /// The folders of a PATH, and where a service whose PATH is short finds programs; those on
    /// file systems that need a server are left out, as a look at one may hang.
    private static func folders(_ path: String, _ files: SystemFiles) -> [String] {
        let mounts = Mounts(files.head(of: "/proc/self/mountinfo", limit: 256 << 10) ?? "")
        var seen: Set<String> = []
        let all =
            path.split(separator: ":").map(String.init).filter { $0.hasPrefix("/") }
            + ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
        return all.filter { seen.insert($0).inserted && mounts.isLocal($0) }
            .prefix(mostFolders).map { $0 }
    }

    /// Programs that people ask for.
    private static let tools = [
        "ansible", "awk", "aws", "az", "bash", "caddy", "cargo", "clang", "consul", "containerd",
        "crictl", "curl", "docker", "ffmpeg", "fish", "gcc", "gcloud", "git", "go", "haproxy",
        "helm", "htop", "incus", "ip", "iptables", "java", "journalctl", "jq", "k3s", "kubectl",
        "lsof", "lxc", "make", "mysql", "nft", "nginx", "node", "nomad", "npm", "nvidia-smi",
        "openssl", "perl", "php", "pip3", "podman", "psql", "python3", "redis-cli", "rsync", "ruby",
        "rustc", "screen", "sqlite3", "ss", "strace", "sudo", "swift", "systemctl", "tcpdump",
        "terraform", "tmux", "virsh", "wg", "wget", "zfs", "zpool", "zsh",
    ]

    private static let packageManagers: [(program: String, name: String)] = [
        ("apt-get", "apt"), ("dnf", "dnf"), ("yum", "yum"), ("zypper", "zypper"),
        ("pacman", "pacman"), ("apk", "apk"), ("xbps-install", "xbps"), ("emerge", "emerge"),
        ("opkg", "opkg"), ("nix-env", "nix"), ("pkg", "pkg"), ("brew", "brew"),
    ]

    /// Where the distributions install OpenSSH's server for SFTP.
    private static let sftpServers = [
        "/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server",
        "/usr/lib/ssh/sftp-server", "/usr/libexec/sftp-server", "/usr/lib64/ssh/sftp-server",
    ]

    private static func release(_ files: SystemFiles) -> String {
        guard
            let text = files.head(of: "/etc/os-release") ?? files.head(of: "/usr/lib/os-release")
        else { return "" }
        func value(_ key: String) -> String? { SystemFiles.value(key, in: text, "=") }
        return value("PRETTY_NAME") ?? value("NAME") ?? ""
    }

    private static func processor(_ files: SystemFiles) -> String {
        let text = files.head(of: "/proc/cpuinfo") ?? ""
        return ["model name", "Model", "cpu model", "cpu"].lazy
            .compactMap { SystemFiles.value($0, in: text, ":") }.first ?? ""
    }

    private static func memory(_ files: SystemFiles) -> Int {
        kibibytes("MemTotal", in: files.head(of: "/proc/meminfo") ?? "") ?? 0
    }

    /// A value of /proc/meminfo, in bytes.
    static func kibibytes(_ key: String, in text: String) -> Int? {
        let value = SystemFiles.value(key, in: text, ":")?.split(separator: " ").first
        return value.flatMap { Int($0) }.flatMap {
            let (bytes, isTooLarge) = $0.multipliedReportingOverflow(by: 1024)
            return isTooLarge ? nil : bytes
        }
    }

    private static func initSystem(_ files: SystemFiles) -> String {
        let folders = [
            ("/run/systemd/system", "systemd"), ("/run/openrc", "openrc"), ("/run/runit", "runit"),
            ("/run/s6", "s6"),
        ]
        if let found = folders.first(where: { files.has($0.0) }) { return found.1 }
        // PID 1 by its own name, where it is a known one: in a container it is any program.
        let first = files.line(of: "/proc/1/comm") ?? ""
        return ["systemd", "runit", "init", "launchd", "dinit"].contains(first) ? first : ""
    }

    private static func container(_ files: SystemFiles, _ variables: Set<String>) -> String {
        if variables.contains("KUBERNETES_SERVICE_HOST") { return "kubernetes" }
        if let named = files.line(of: "/run/systemd/container") { return named }
        if files.has("/run/.containerenv") { return "podman" }
        if files.has("/.dockerenv") { return "docker" }
        let groups = files.head(of: "/proc/1/cgroup") ?? ""
        return ["kubepods", "docker", "lxc"].first { groups.contains("/\($0)") } ?? ""
    }

    /// What the firmware says of the machine's maker (`dmidecode` shows the same), and whose cloud
    /// that is.
    private static let clouds: [(file: String, begins: String, cloud: String)] = [
        ("sys_vendor", "Amazon EC2", "aws"), ("bios_vendor", "Amazon EC2", "aws"),
        ("product_name", "Google Compute Engine", "gcp"),
        // The tag that Azure gives each virtual machine; Hyper-V elsewhere has another.
        ("chassis_asset_tag", "7783-7084-3265-9085-8269-3286-77", "azure"),
        ("chassis_asset_tag", "OracleCloud.com", "oracle"),
        ("sys_vendor", "DigitalOcean", "digitalocean"), ("sys_vendor", "Hetzner", "hetzner"),
        ("sys_vendor", "Alibaba Cloud", "alibaba"), ("sys_vendor", "Tencent Cloud", "tencent"),
        ("sys_vendor", "Scaleway", "scaleway"), ("sys_vendor", "Vultr", "vultr"),
        ("sys_vendor", "Linode", "linode"), ("sys_vendor", "Akamai", "linode"),
        ("sys_vendor", "UpCloud", "upcloud"), ("sys_vendor", "Exoscale", "exoscale"),
        ("product_name", "OpenStack", "openstack"),
    ]

    private static func cloud(_ files: SystemFiles) -> String {
        clouds.first { row in
            files.line(of: "/sys/class/dmi/id/\(row.file)")?.hasPrefix(row.begins) == true
        }?.cloud ?? ""
    }
}
