// What can be done at a place, whatever leads there: this machine or one behind SSH. Sessions, commands
// and files stand on this and do not ask which of the two it is; Hosts decides that, once.
// Invariant: what a host hands out ends by itself or when it is closed; the host keeps none of it.
import Loop
import SSH
import Wire

/// A place where programs run and files lie.
@IO protocol Host {
    /// All that the place is known by, for the policy.
    var names: [String] { get }
    /// Starts the user's shell on a terminal.
    func shell(_ terminal: TerminalSize) async throws(Fault) -> HostShell
    /// Starts a command; all that it starts carries the mark `id`.
    func execute(_ command: CommandText, mark id: String) async throws(Fault) -> CommandProcess
    /// Uses the files of the place.
    func files<T>(
        _ body: @IO (any FileStore) async throws(Fault) -> T
    ) async throws(Fault) -> T
}

/// From a target as a caller names it to the host that it is.
@IO final class Hosts {
    private let targets: Targets
    private let links: Links

    init(targets: Targets, links: Links) {
        self.targets = targets
        self.links = links
    }

    /// The site's rules.
    var policy: Policy { targets.policy }

    /// The host that `target` (`agent/host`) means when it is entered so, if the policy lets it be
    /// used; `options` are those of `access` and more.
    func host(
        _ target: String, _ access: TargetAccess, _ options: LinkOptions? = nil
    ) async throws(Fault) -> any Host {
        switch try await targets.admit(target, access) {
        case .local: LocalHost(place: targets.place)
        case .ssh(let found):
            SSHHost(target: found, options: options ?? LinkOptions(access), links: links)
        }
    }
}
