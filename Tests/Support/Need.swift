// What a test needs of the machine it runs on. Each need is tried once, by doing what the test
// does, as no list of capabilities says what a container, a chroot or a hardened kernel refuses.
// Invariant: a need that is met has no obstacle; one that is not says why, and `./test` prints
// that.
import Foundation

/// Something a test needs, which a machine may lack.
public enum Need: Hashable, Sendable, ExpressibleByStringLiteral {
    /// A program in PATH or the system folders.
    case program(String)
    /// The rights to act as another user, and to look at another process.
    case root
    /// A throw-away user who may use sudo.
    case account
    /// Another root folder.
    case chroot
    /// A namespace of mounts in which /proc may be covered.
    case mounts
    /// A namespace of networks, with addresses of its own.
    case network
    /// A namespace of processes with a /proc of its own.
    case processes
    /// A way back into the namespace of mounts the tests run in.
    case entering
    /// The loopback address of IPv6.
    case ipv6
    /// A name for the loopback address.
    case localhost
    /// The Python clients of scripts/requirements.txt.
    case pythonClients
    /// Chromium, and the Python client that leads it.
    case browser
    /// Node and the client of the TypeScript SDK, from the same packages.
    case typeScriptClient
    /// A PAM service of a test's own.
    case pamService
    /// A server of Debian 13, which scripts/servers.sh unpacks.
    case unpacked(String)

    /// A program.
    public init(stringLiteral name: String) { self = .program(name) }

    /// Why this machine does not meet the need; nil: it does.
    public var obstacle: String? {
        Self.known.withLock { known in
            if let answer = known[self] { return answer }
            let answer = tried
            known[self] = .some(answer)
            return answer
        }
    }

    /// Whether the machine meets the need.
    public var isMet: Bool { obstacle == nil }

    private static let known = Box<[Need: String?]>([:])

    private var tried: String? {
        switch self {
        case .program(let name):
            Repository.find(name) == nil ? "\(name) is not installed" : nil
        case .root: geteuid() == 0 ? nil : "needs root, to act as another user"
        case .account:
            // A file system or a process that is forbidden to raise rights makes sudo useless.
            Account.obstacle
                ?? Self.refusal(
                    "setpriv --reuid 65534 --regid 65534 --clear-groups sudo -V")
        case .chroot: Self.refusal("chroot / true")
        case .mounts: Self.refusal("unshare -m mount -t tmpfs none /proc")
        case .network:
            Self.refusal(
                "unshare --net --mount sh -c 'ip link set lo up && mount -t tmpfs none /mnt'")
        case .processes: Self.refusal("unshare --pid --fork --mount-proc true")
        case .entering:
            // In a chroot the namespace has another root: what runs there is not this machine.
            Self.refusal(
                """
                nsenter -t $$ -m true && there=$(nsenter -t $$ -m stat -c %d:%i /) &&
                if [ "$there" != "$(stat -c %d:%i /)" ]; then
                    echo "nsenter leads out of this chroot" >&2; false
                fi
                """)
        case .ipv6: Ports.hasIPv6 ? nil : "no socket can listen on ::1 here"
        case .localhost:
            Self.refusal(
                "getent hosts localhost || { echo localhost has no address here >&2; false; }")
        case .pythonClients: Repository.python == nil ? "no Python clients: run ./test" : nil
        case .browser:
            Repository.python == nil
                ? "no Python clients: run ./test"
                : Repository.find("chromium") == nil ? "chromium is not installed" : nil
        case .typeScriptClient:
            Repository.typeScript == nil ? "no TypeScript client: run ./test" : nil
        case .pamService: PAMService.obstacle
        case .unpacked(let name):
            Repository.unpacked(name) == nil ? "no \(name) of Debian 13: run ./test" : nil
        }
    }

    /// What a shell command says when it fails; nil: it succeeds.
    private static func refusal(_ command: String) -> String? {
        do {
            let environment = ProcessInfo.processInfo.environment
            let path = (environment["PATH"] ?? "") + ":/usr/sbin:/sbin"
            let child = try Spawn.start(
                "/bin/sh", ["-c", "exec 2>&1 >/dev/null; \(command)"],
                environment: environment.merging(["PATH": path]) { $1 }, directory: nil)
            Spawn.alive.withLock { _ = $0.insert(child.id) }
            close(child.input)
            var text: [UInt8] = []
            for descriptor in [child.output, child.errors] {
                Spawn.readAll(descriptor) { text += $0 }
            }
            let end = Spawn.reap(child.id)
            if end == .exited(0) { return nil }
            let line = String(decoding: text, as: UTF8.self).split(separator: "\n").last
            return line.map(String.init) ?? "\(command): \(end)"
        } catch { return "\(error)" }
    }
}

/// Writes down what a test leaves out on this machine; `scripts/tests.sh` lists it at the end.
public func leaveOut(_ name: String, because reason: String) {
    print("left out: \(name): \(reason)")
    guard let path = ProcessInfo.processInfo.environment["HOMELINE_TEST_LEFT_OUT"] else { return }
    let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    let line = Array("\(name)\t\(reason)\n".utf8)
    _ = line.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
}
