// Who started this process and what that program does at its end: an upgrade ends this process
// while another one goes on. Pure, but for `current`. Flow: Upgrade asks first.
// Invariant: where the end of this process would end the new one, or have a second relay started,
// there is an obstacle.
import Crypto
import Glibc
import Loop

/// What started this process, as far as the process can see it.
struct Supervision {
    /// This process.
    var id: Int32
    /// Whether it has taken over from another one: then nobody waits for it.
    var isSuccessor: Bool
    /// The process that started this one, and its name (`/proc/ID/comm`).
    var parent: Int32
    var parentName: String
    var environment: [String: String]
    /// Its control groups (`/proc/self/cgroup`).
    var groups: String

    /// Programs that wait for the one that they start, and then start it again, or end a container.
    private static let keepers: Set<String> = [
        // A name in /proc has at most 15 characters.
        "runsv", "s6-supervise", "supervise", "supervise-daemo", "supervisord", "tini", "dumb-init",
        "docker-init", "podman-init", "catatonit",
    ]
    /// Shells, which end a container if they are its first process and their script ends.
    private static let shells: Set<String> = ["sh", "ash", "bash", "busybox", "dash", "zsh"]

    /// Why another process cannot take over; nil: it can.
    var obstacle: String? {
        if id == 1 {
            return "this process is the first of a container, which ends with it: start another "
                + "container"
        }
        let isKept =
            Self.keepers.contains(parentName) || parent == 1 && Self.shells.contains(parentName)
        if isKept, !isSuccessor {
            return
                "\(parentName), which started this process, waits for its end, and would end the "
                + "new one or start another beside it: stop the relay and start it again"
        }
        // systemd says where it listens if the unit has Type=notify.
        if environment["NOTIFY_SOCKET"] == nil, environment["INVOCATION_ID"] != nil, isService {
            return
                "systemd ends this service with this process: put Type=notify into its unit, and "
                + "restart it"
        }
        return nil
    }

    /// Whether systemd ends the process with its service.
    ///
    /// A terminal's processes are in a scope, whatever they inherit from the service that started
    /// it.
    private var isService: Bool {
        groups.split(whereSeparator: \.isNewline).contains { $0.hasSuffix(".service") }
    }

    /// This process's own.
    static func current(isSuccessor: Bool) -> Supervision {
        let parent = getppid()
        return Supervision(
            id: getpid(), isSuccessor: isSuccessor, parent: parent,
            parentName: text("/proc/\(parent)/comm").filter { !$0.isNewline },
            environment: Process.environment, groups: text("/proc/self/cgroup"))
    }

    private static func text(_ path: String) -> String {
        String(decoding: (try? SecureFile.read(path)) ?? [], as: UTF8.self)
    }
}
