// The operations on a host, this machine or one behind SSH. Sessions, commands and files use them
// without asking which of the two it is; Hosts decides that, once.
// Invariant: what a host hands out ends by itself or when it is closed; the host keeps none of it.
import Loop
import SSH
import Wire

/// A machine on which programs run and files are kept.
@IO protocol Host {
    /// All names of the host, for the policy.
    var names: [String] { get }
    /// The host as the caller wrote it, with the user and the port that are used.
    var address: TargetName { get }
    /// What file tools may not touch; nil where the host is another machine.
    var closedFiles: (@IO () async -> ClosedFiles)? { get }
    /// Starts the user's shell on a terminal.
    func shell(_ terminal: TerminalSize) async throws(Fault) -> HostShell
    /// Starts a command; everything that it starts carries the mark `id`.
    func execute(_ command: CommandText, mark id: String) async throws(Fault) -> CommandProcess
    /// Lets `body` use the files of the host.
    func files<T>(
        _ body: @IO (any FileStore) async throws(Fault) -> T
    ) async throws(Fault) -> T
}

/// Finds the host that a caller's target names.
@IO final class Hosts {
    private let targets: Targets
    private let links: Links

    init(targets: Targets, links: Links) {
        self.targets = targets
        self.links = links
    }

    /// The site's rules.
    var policy: Policy { targets.policy }

    /// The programs into which a secret may be typed on a host; throws if there are none.
    func programs(forSecret name: String, on host: TargetName) throws(Fault) -> Set<String> {
        try targets.programs(forSecret: name, on: host.host)
    }

    /// The files of this machine that hold keys and secrets.
    private func closedFiles() async -> ClosedFiles {
        ClosedFiles(patterns: await targets.keyPatterns() + links.secrets.files)
    }

    /// The host that `target` (`agent/host`) names, if the policy allows its use with this access.
    ///
    /// `options` are those of `access` and more.
    func host(
        _ target: String, _ access: TargetAccess, _ options: LinkOptions? = nil,
        for caller: Caller
    ) async throws(Fault) -> any Host {
        switch try await targets.admit(target, access, for: caller) {
        case .local: LocalHost(place: targets.place, closedFiles: closedFiles)
        case .ssh(let found, let names):
            SSHHost(
                target: found, names: names, options: options ?? LinkOptions(access), links: links,
                closedFiles: names.contains("local") ? closedFiles : nil)
        }
    }
}
