// Every setting and command of homeline-agent, each declared once.
import Configuration
import Crypto
import Loop

/// The command line, environment and agent.conf of the agent.
enum Settings {
    static let data = Setting.text("data", "DIR", "where the agent keeps its state")
    static let config = Setting.text("config", "FILE", "the configuration (default DIR/agent.conf)")
    static let name = Setting.text(
        "name", "NAME", "the name to have at the relay (default: the host's)", flagOnly: true)
    static let tags = Setting.list("tags", "A,B", "tags to add to the invitation's", flagOnly: true)

    static let sshConfig = Setting.text(
        "ssh-config", "FILE", "the ssh_config that names the targets (default ~/.ssh/config)")
    static let knownHosts = Setting.text(
        "known-hosts", "FILE", "a known_hosts file to look in first and to write")
    static let acceptNew = Setting.truth(
        "accept-new", "accept and file the keys of hosts that have none on file")

    static let fingerprint = Setting.text(
        "fingerprint", "SHA256:…", "file the key only if this is its fingerprint", flagOnly: true)
    static let yes = Setting.truth("yes", "file the key without a question", flagOnly: true)

    private static let finding = [data, config, sshConfig, knownHosts, acceptNew]

    static let program = Program(
        "homeline-agent", version: Machine.version,
        summary: "Keeps SSH sessions to the hosts around this machine and serves them to a relay.",
        commands: [
            Command(
                "join", "Join a relay by the invitation it printed.",
                settings: [data, name, tags], positionals: [.required("INVITATION")]),
            Command(
                "run", "Connect to the relay and serve it.",
                settings: finding),
            Command(
                "targets list", "List the hosts this agent knows by name.", settings: finding,
                positionals: [.optional("QUERY")]),
            Command(
                "targets check", "Connect to a host, log in, and tell what was agreed on.",
                settings: finding, positionals: [.required("HOST")]),
            Command(
                "targets trust", "File the key a host offers, after comparing its fingerprint.",
                settings: finding + [fingerprint, yes], positionals: [.required("HOST")]),
            Command(
                "targets forget", "Remove a host's keys from known_hosts.", settings: finding,
                positionals: [.required("HOST")]),
        ])

    /// The state folder: the flag, or the XDG state folder.
    static func folder(_ options: Options) throws(CommandFailure) -> String {
        if let given = options.string(data) { return given }
        guard let folder = Process.stateFolder("homeline/agent") else {
            throw CommandFailure("give --data DIR: there is no HOME here", ExitCode.usage)
        }
        return folder
    }

    /// How targets are found: flags, environment and agent.conf together.
    static func targets(
        _ options: Options, _ folder: String
    ) throws(CommandFailure) -> TargetSettings {
        let all = try reading(options, folder)
        return TargetSettings(
            sshConfig: all.string(sshConfig), knownHosts: all.string(knownHosts),
            acceptNew: all.bool(acceptNew))
    }

    /// The options with the configuration file's values under them.
    private static func reading(
        _ options: Options, _ folder: String
    ) throws(CommandFailure) -> Options {
        let path = options.string(config) ?? folder + "/agent.conf"
        guard let bytes = try? SecureFile.read(path) else {
            guard options.string(config) == nil else {
                throw CommandFailure(
                    "homeline-agent: \(path) cannot be read", ExitCode.configuration)
            }
            return options
        }
        do throws(ConfigurationError) {
            let text = String(decoding: bytes, as: UTF8.self)
            return try program.reading(file: text, path: path, into: options)
        } catch {
            throw CommandFailure("homeline-agent: \(error)", error.exitCode)
        }
    }
}
