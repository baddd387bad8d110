// `homeline-agent install hl1.…`: joins the relay and makes this machine run the agent from now on.
// `homeline-agent uninstall` takes that back. The pasted line's script runs the former.
// Invariant: an install that fails leaves everything as it was; one that is repeated keeps the
// identity.
import Configuration
import Crypto
import Glibc
import Loop
import Wire

@IO enum InstallCommand {
    /// The time from the service's start to its connection: a few dials.
    private static let patience = Duration.seconds(20)

    static func run(_ options: Options) async throws(CommandFailure) -> Int32 {
        let invitation: Invitation
        do throws(Invitation.Failure) {
            invitation = try Invitation(
                options.arguments.first ?? Process.environment[Settings.invitationVariable] ?? "")
        } catch {
            throw failure("\(error). Nothing was installed", ExitCode.data)
        }
        let layout = try layout(options)
        if let code = try await apart() { return code }
        // What it starts has no use for the secret.
        unsafe unsetenv(Settings.invitationVariable)
        let installation = Installation(layout: layout)
        let wasInstalled = installation.isInstalled
        do throws(CommandFailure) {
            let outcome = try await install(installation, invitation, options)
            await report(outcome, installation, invitation)
            return outcome.status?.state == .connected ? ExitCode.ok : ExitCode.unavailable
        } catch {
            let obstacle = await installation.undo.all()
            var end = wasInstalled ? "The agent is as it was before" : "Nothing was installed"
            if let obstacle { end += ", but it does not run: \(obstacle)" }
            throw failure("\(error.message). \(end)", error.exitCode)
        }
    }

    /// The exit code of this command, which another process has run; nil: this process runs it.
    private static func apart() async throws(CommandFailure) -> Int32? {
        do throws(InstallationError) { return try await Apart.run() } catch {
            throw failure("\(error)", ExitCode.software)
        }
    }

    /// What an installation has come to.
    private struct Outcome {
        let name: String
        /// Whether it has joined now.
        let hasJoined: Bool
        let program: String
        let service: Service
        let status: AgentStatus?
    }

    private static func install(
        _ installation: Installation, _ invitation: Invitation, _ options: Options
    ) async throws(CommandFailure) -> Outcome {
        let layout = installation.layout
        let known = try? Identity.load(from: layout.data)
        if let known, !known.isOf(invitation) {
            throw CommandFailure(
                "this machine has joined \(known.place) as \(known.name) already, and the invitation "
                    + "is of another relay; homeline-agent uninstall --purge removes that agent",
                ExitCode.cannotCreate)
        }
        let wasInstalled = installation.isInstalled
        let isNew: Bool
        do throws(InstallationError) {
            isNew = try await installation.placeProgram()
            try await installation.makeUser()
        } catch { throw CommandFailure("\(error)", ExitCode.cannotCreate) }
        if let known {
            try await keepAddresses(of: invitation, known, installation)
        } else {
            try await join(installation, invitation, options)
        }
        let name = (known ?? (try? Identity.load(from: layout.data)))?.name ?? "?"
        let started: Installation.Started
        do throws(InstallationError) { started = try await installation.startService() } catch {
            throw CommandFailure("\(error)", ExitCode.unavailable)
        }
        let status = await installation.connected(started.service, within: patience)
        if status?.state == .refused {
            throw CommandFailure("\(status?.words ?? "")", ExitCode.noPermission)
        }
        // An agent that cannot do what the one before it did leaves nobody a way to this machine.
        if started.replaces, status?.state != .connected, status == nil || started.wasConnected {
            throw CommandFailure(
                "the new agent \(status.map { "is not connected: \($0.words)" } ?? "does not start")",
                ExitCode.unavailable)
        }
        return Outcome(
            name: name, hasJoined: known == nil,
            program: isNew ? (wasInstalled ? "Replaced" : "Installed") : "Kept",
            service: started.service, status: status)
    }

    /// Has the agent dial where the invitation says, as the relay's address may have changed since
    /// it joined.
    private static func keepAddresses(
        of invitation: Invitation, _ known: Identity, _ installation: Installation
    ) async throws(CommandFailure) {
        guard known.addresses != invitation.urls else { return }
        let layout = installation.layout
        var identity = known
        identity.addresses = invitation.urls
        do throws(UplinkError) {
            try await UserRights.run(of: layout) { () throws(UplinkError) in
                try identity.save(to: layout.data)
            }
        } catch { throw CommandFailure("\(error)", error.exitCode) }
        installation.undo.add {
            await UserRights.run(of: layout) { try? known.save(to: layout.data) }
        }
    }

    private static func report(
        _ outcome: Outcome, _ installation: Installation, _ invitation: Invitation
    ) async {
        let layout = installation.layout
        Process.print(
            outcome.hasJoined
                ? "Joined \(invitation.urls.joined(separator: ", ")) as \(outcome.name).\n"
                : "This machine is \(outcome.name) at \(invitation.urls.joined(separator: ", ")) already: "
                    + "the invitation was not used.\n")
        Process.print(
            "\(outcome.program) \(layout.program); it runs as \(layout.user), kept by "
                + "\(outcome.service.rawValue).\n")
        if let atBoot = await installation.startAtBoot(outcome.service) {
            Process.print("But \(atBoot).\n")
        }
        guard outcome.status?.state == .connected else {
            return Process.complain(
                "homeline-agent: installed and started, but not connected yet: "
                    + "\(outcome.status?.words ?? "it has not dialled"). It keeps trying; "
                    + "homeline-agent doctor says more")
        }
        await showTargets(layout, outcome.name)
    }

    private static func join(
        _ installation: Installation, _ invitation: Invitation, _ options: Options
    ) async throws(CommandFailure) {
        let layout = installation.layout
        do throws(InstallationError) {
            try await installation.makeHome()
            try await installation.makeData()
        } catch {
            throw CommandFailure("\(error)", ExitCode.cannotCreate)
        }
        try await UserRights.run(of: layout) { () throws(CommandFailure) in
            let settings = try AgentSettings(options, folder: layout.data)
            do throws(UplinkError) {
                _ = try await Uplink.join(
                    invitation, name: options.string(Settings.name),
                    tags: options.strings(Settings.tags), folder: layout.data,
                    way: settings.wayOut)
            } catch {
                throw CommandFailure("cannot join: \(error)", error.exitCode)
            }
            keepWay(settings.wayOut, to: invitation, layout)
        }
    }

    /// Writes the way to the relay down where the service will find it: it has neither this
    /// command's flags nor its environment.
    private static func keepWay(_ way: WayOut, to invitation: Invitation, _ layout: Layout) {
        let path = layout.data + "/agent.conf"
        guard !Service.exists(path) else { return }
        var lines = way.addresses.map { "TunnelUrl \($0)\n" }.joined()
        if let proxy = way.proxyText(to: invitation.urls[0]) { lines += "Proxy \(proxy)\n" }
        if let file = way.credentialsFile { lines += "ProxyCredentials \(file)\n" }
        if let file = way.authoritiesFile { lines += "RelayCA \(file)\n" }
        if !lines.isEmpty { try? SecureFile.write(path, Array(lines.utf8)) }
    }

    private static func showTargets(_ layout: Layout, _ name: String) async {
        let words = layout.asUser("\(Service.quoted(layout.program)) targets list")
        if let list = await SystemCommand.output(words, environment: layout.environment) {
            Process.print("\nConnected. Targets of this site:\n")
            for line in list.split(whereSeparator: \.isNewline) {
                Process.print("  \(name)/\(line)\n")
            }
        }
        let flag = layout.isSystem || geteuid() != 0 ? "" : " --user"
        Process.print(
            """

            More targets: hosts in \(layout.home)/.ssh/config, with keys and known_hosts beside it.
            Rules: \(layout.data)/agent.conf. To remove the agent: homeline-agent uninstall\(flag)

            """)
    }

    static func uninstall(_ options: Options) async throws(CommandFailure) -> Int32 {
        let layout = try layout(options)
        let services = Service.allCases.map { $0.file(layout).path }
        let purges = options.bool(Settings.purge)
        let state = layout.isSystem ? layout.home : layout.data
        guard
            ([layout.program] + services + (purges ? [state] : [])).contains(where: Service.exists)
        else {
            throw failure(
                "no agent is installed "
                    + (layout.isSystem
                        ? "for this machine; --user removes root's own"
                        : "for \(layout.user); the machine's is root's to remove"),
                ExitCode.unavailable)
        }
        if let code = try await apart() { return code }
        let failures = await Removal(layout: layout, say: { Process.print("\($0)\n") })
            .all(purges: purges)
        guard failures.isEmpty else {
            throw failure(failures.joined(separator: "\n"), ExitCode.cannotCreate)
        }
        Process.print(
            "The relay still knows this agent: homeline-relay agents revoke NAME ends its right.\n")
        return ExitCode.ok
    }

    /// Root installs for the machine, others for themselves.
    private static func layout(_ options: Options) throws(CommandFailure) -> Layout {
        if geteuid() == 0, !options.bool(Settings.ownUser) { return .system }
        guard let own = Layout.own(user: UserAccount.current.name) else {
            throw failure("HOME is not set", ExitCode.usage)
        }
        // A session on this machine by the machine's agent runs as this user: a second agent on
        // the same state would take turns with the first.
        guard own.user != Layout.system.user || own.home != Layout.system.home else {
            throw failure(
                "\(own.user) is the user of the machine's agent, which is root's to install and remove",
                ExitCode.noPermission)
        }
        return own.installed
    }

    private static func failure(_ message: String, _ exit: Int32) -> CommandFailure {
        CommandFailure("homeline-agent: \(message)", exit)
    }
}
