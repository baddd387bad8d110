// The operations on a host, this machine or one behind SSH. Sessions, commands and files use them
// without asking which of the two it is; Hosts decides that, once.
// Invariant: what a host hands out ends by itself or when it is closed; the host keeps none of it.
import Configuration
import Loop
import Net
import SSH
import Wire

/// A machine on which programs run and files are kept.
@IO protocol Host {
    /// All names of the host, for the policy.
    var names: [String] { get }
    /// The host as the caller wrote it, with the user and the port that are used.
    var address: TargetName { get }
    /// The machine, whatever its name: what must not happen twice at once there goes by this.
    var machine: String { get }
    /// What file tools may not touch; nil where the host is another machine.
    var closedFiles: (@IO () async -> ClosedFiles)? { get }
    /// Judges the host again if the rules have changed since it was found; throws if they refuse it
    /// now.
    ///
    /// What takes long to open asks when it has opened: only then does a change of the rules end
    /// it.
    var confirm: @IO @Sendable () async throws(Fault) -> Void { get }
    /// Starts the user's shell on a terminal.
    func shell(_ terminal: TerminalSize) async throws(Fault) -> HostShell
    /// Starts a command; everything that it starts carries the mark `id`.
    func execute(_ command: CommandText, mark id: String) async throws(Fault) -> CommandProcess
    /// Makes sure that the host can be reached, and logs in.
    func reach() async throws(Fault)
    /// Connects from the host to a place, as the host sees it; `admits` judges the addresses of its
    /// name, where this machine looks them up.
    func connect(
        to place: Configuration.Address, admits: @IO ([String]) throws(Fault) -> Void
    ) async throws(Fault) -> any ByteStream
    /// Listens on an address of the host; `accepted` gets each connection.
    ///
    /// `ended` is called if it listens no more before it was stopped.
    func listen(
        on place: Configuration.Address, _ accepted: @escaping @IO (any ByteStream) -> Void,
        ended: @escaping @IO (String) -> Void
    ) async throws(Fault) -> HostListener
    /// Lets `body` use the files of the host.
    func files<T>(
        _ body: @IO (any FileStore) async throws(Fault) -> T
    ) async throws(Fault) -> T
}

extension Host {
    /// Logs in for a call that does its work after its answer, so that what a person has to decide
    /// is asked by the call; another failure is left to the work.
    func raiseQuestions() async throws(Fault) {
        guard Asking.current?.canAsk == true else { return }
        do throws(Fault) { try await reach() } catch { if error.question != nil { throw error } }
    }
}

/// What listens on a host.
struct HostListener {
    /// The address with the real port.
    let address: String
    let port: UInt16
    let stop: @IO () -> Void
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
        ClosedFiles(
            patterns: await targets.keyPatterns() + links.secrets.files,
            readOnly: await targets.configurationPatterns())
    }

    /// The host that `target` (`agent/host`) names, if the policy allows its use with this access.
    ///
    /// `options` are those of `access` and more. `isAgreed`: the call uses what an earlier call
    /// began there, so that no person is asked.
    func host(
        _ target: String, _ access: TargetAccess, _ options: LinkOptions? = nil,
        for caller: Caller, isAgreed: Bool = false
    ) async throws(Fault) -> any Host {
        let rules = (targets.policy, targets.settings)
        let found = try await targets.admit(target, access, for: caller, isAgreed: isAgreed)
        let confirm: @IO @Sendable () async throws(Fault) -> Void = {
            [targets] () async throws(Fault) in
            guard rules != (targets.policy, targets.settings) else { return }
            _ = try await targets.admit(target, access, for: caller, isAgreed: isAgreed)
        }
        switch found {
        case .local:
            return LocalHost(place: targets.place, closedFiles: closedFiles, confirm: confirm)
        case .ssh(let found, let names):
            var options = options ?? LinkOptions(access)
            options.confirm = confirm
            options.admitsKey = Self.admitsKey(rules.0)
            return SSHHost(
                target: found, names: names, options: options, links: links,
                closedFiles: names.contains("local") ? closedFiles : nil, confirm: confirm)
        }
    }

    /// Whether the key file that a call names may be used, by its path when it has been opened: a
    /// link may have changed since the call was admitted.
    private static func admitsKey(_ policy: Policy) -> @Sendable (Int32) -> Bool {
        { descriptor in
            guard let path = ClosedFiles.path(of: descriptor) else { return false }
            return (try? policy.admit(path, on: ["local"], for: .reading)) != nil
        }
    }
}
