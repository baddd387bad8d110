// `homeline-agent targets …`: what the agent can reach, and a person's decision to trust a host
// key. Works beside a running agent: both read the same files.
import Configuration
import Glibc
import Loop
import SSH
import Wire

@IO enum TargetsCommand {
    static func list(_ options: Options) async throws(CommandFailure) {
        let call = ListTargets(query: options.arguments.first)
        let page = try await Parts(options).targets.list(call, agent: "agent")
        for info in page.found.map(\.info) {
            let place = info.hostname.map { "\(info.user ?? "")@\($0):\(info.port ?? 22)" } ?? "-"
            let via = info.via.map { " via \($0)" } ?? ""
            Process.print("\(info.target.dropFirst(6))\t\(place)\(via)\t\(info.source)\n")
        }
        if let leftOut = page.leftOut { Process.print("left out: \(leftOut)\n") }
    }

    /// Connects, logs in, and shows the jump hosts, the server, its host key and the cipher.
    static func check(_ options: Options) async throws(CommandFailure) {
        let parts = try Parts(options)
        let target = try await parts.resolve(options)
        defer { parts.links.shutDown() }
        do throws(Fault) {
            let link = try await parts.links.link(to: target)
            let key = link.server.hostKey.map { "\($0.name) \($0.fingerprint)" } ?? "-"
            let way = target.via.map(\.name).joined(separator: ", ")
            Process.print(
                """
                \(target.user)@\(target.hostname):\(target.port) is reachable and lets this agent in
                via       \(way.isEmpty ? "-" : way)
                server    \(link.server.version)
                host key  \(key)
                cipher    \(link.server.cipher)

                """)
            for note in target.notes + link.server.notes { Process.print("note      \(note)\n") }
        } catch {
            throw failure(([error.message] + target.notes).joined(separator: "\nnote: "))
        }
    }

    /// Shows the key a host offers; stores it if a person (or `--fingerprint`) confirms it.
    static func trust(_ options: Options) async throws(CommandFailure) {
        let parts = try Parts(options)
        let target = try await parts.resolve(options)
        defer { parts.links.shutDown() }
        guard let file = target.hostKeys.files.first, target.hostKeys.storesNew else {
            throw failure(
                "no known_hosts file for new keys is configured for \(target.name): set"
                    + " UserKnownHostsFile in ssh_config, or KnownHosts in agent.conf")
        }
        let key = try await offeredKey(target, parts.links)
        Process.print("\(target.name) offers \(key.name) \(key.fingerprint)\n")
        if let expected = options.string(Settings.fingerprint) {
            guard expected == key.fingerprint else {
                throw failure("that is not \(expected): the key was not stored")
            }
        } else if !options.bool(Settings.yes) {
            guard isatty(STDIN_FILENO) == 1 else {
                throw failure(
                    "give --fingerprint SHA256:… (or --yes) to store it without asking")
            }
            Process.print(
                "Compare it with the host's own key (run ssh-keygen -lf there). Trust it? [y/N] ")
            let answer = await Blocking.run { readLine() ?? "" }
            guard ["y", "yes"].contains(answer.lowercased()) else {
                throw failure("the key was not stored")
            }
        }
        do throws(SSHError) {
            try await KnownHosts.trust(
                key, host: target.hostname, port: target.port, alias: target.hostKeys.alias,
                file: file)
        } catch {
            throw failure("\(error)")
        }
        Process.print("stored in \(file)\n")
    }

    /// Removes a host's stored keys.
    static func forget(_ options: Options) async throws(CommandFailure) {
        let target = try await Parts(options).resolve(options)
        var removed = 0
        do throws(SSHError) {
            for file in target.hostKeys.files where unsafe access(file, W_OK) == 0 {
                removed += try await KnownHosts.forget(
                    host: target.hostname, port: target.port, alias: target.hostKeys.alias,
                    file: file
                )
            }
        } catch {
            throw failure("\(error)")
        }
        Process.print(
            removed == 0
                ? "no key of \(target.name) was stored\n"
                : "forgot \(removed) \(removed == 1 ? "key" : "keys") of \(target.name)\n")
    }

    /// The key that a host with no stored key offers.
    private static func offeredKey(
        _ target: SSHTarget, _ links: Links
    ) async throws(CommandFailure) -> HostKey {
        let jump: Link?
        do throws(Fault) { jump = try await links.jump(to: target) } catch {
            throw failure(error.message)
        }
        // No credentials: the host key is checked before the login.
        var configuration = target.configuration(LinkOptions()) { _ in false }
        configuration.authentication = []
        configuration.trust.acceptsNew = false
        do throws(SSHError) {
            let link = try await Link.connect(configuration, through: jump)
            link.close()
        } catch {
            if let unknown = error.unknownKey { return unknown.key }
            switch error {
            case .authenticationFailed, .loginTimedOut: break
            default: throw failure("\(target.name): \(error.words(for: target.trustName))")
            }
        }
        throw failure("the key of \(target.name) is stored already: nothing to do", ExitCode.ok)
    }

    private static func failure(
        _ message: String, _ exitCode: Int32 = ExitCode.unavailable
    ) -> CommandFailure {
        CommandFailure("homeline-agent: \(message)", exitCode)
    }
}

/// The parts of the agent that these commands use.
@IO private struct Parts {
    let targets: Targets
    let links = Links()

    init(_ options: Options) throws(CommandFailure) {
        let settings = try AgentSettings(options, folder: try Settings.folder(options))
        targets = Targets(settings: settings.targets, place: .current)
        links.secrets = settings.secrets
    }

    func resolve(_ options: Options) async throws(CommandFailure) -> SSHTarget {
        do throws(Fault) {
            let name = try TargetName(place: options.arguments[0])
            guard !name.isLocal else { throw .ownMachine }
            return try await targets.resolve(name)
        } catch {
            throw CommandFailure("homeline-agent: \(error.message)", ExitCode.unavailable)
        }
    }
}

extension Fault {
    /// `local`, which needs no SSH.
    fileprivate static let ownMachine = Fault(
        .invalidArgument,
        "local is the agent's own machine, which is used without SSH; write =local for the host that"
            + " ssh_config calls local")
}
