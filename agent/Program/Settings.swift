// Every setting and command of homeline-agent, each declared once.
import Configuration
import Crypto
import Loop

/// The command line, environment and agent.conf of the agent.
enum Settings {
    static let data = Setting.text("data", "DIR", "where the agent keeps its state")
    static let config = Setting.text("config", "FILE", "the configuration (default DIR/agent.conf)")
    static let name = Setting.text(
        "name", "NAME", "the agent's name at the relay (default: the host's name)", flagOnly: true)
    static let new = Setting.truth(
        "new",
        "join with a new key, which takes the place of the folder's own; for a copied folder",
        flagOnly: true)
    static let tags = Setting.list(
        "tags", "A,B", "tags of its own, shown beside those of the invitation; they grant nothing",
        flagOnly: true)

    static let sshConfig = Setting.text(
        "ssh-config", "FILE", "the ssh_config that names the targets (default ~/.ssh/config)")
    static let knownHosts = Setting.text(
        "known-hosts", "FILE", "the known_hosts file to read first, and to write")
    static let acceptNew = Setting.truth(
        "accept-new", "accept and store the key of a host that has none stored")

    static let fingerprint = Setting.text(
        "fingerprint", "SHA256:…", "store the key only if this is its fingerprint", flagOnly: true)
    static let yes = Setting.truth("yes", "store the key without asking", flagOnly: true)

    static let ownUser = Setting.truth(
        "user", "install for this user alone, as who is not root does anyway", flagOnly: true)
    /// The environment's variable from which `install` takes the invitation if it has no argument.
    ///
    /// Other users may read a process's arguments.
    static let invitationVariable = "HOMELINE_INVITATION"
    static let purge = Setting.truth(
        "purge", "also remove the agent's key, configuration and user", flagOnly: true)

    static let orphanAfter = Setting.duration(
        "orphan-after", "end when the relay has been away for this time; 0s: never",
        default: "0s", flagOnly: true)

    static let json = Setting.truth("json", "print JSON", flagOnly: true)

    private static let finding = [data, config, sshConfig, knownHosts, acceptNew]

    static let readOnly = Setting.truth(
        "read-only", "refuse everything that may change a target")
    static let allowLocal = Setting.truth(
        "allow-local", "let this machine be a target", default: true)
    static let secretArguments = Setting.truth(
        "secret-arguments", "accept passwords in arguments", default: true)
    static let maxSessions = Setting.number(
        "max-sessions", 1...1000, "the most sessions at once", default: 200)
    static let maxLinks = Setting.number(
        "max-links", 1...10_000, "the most SSH connections at once", default: 200)
    static let maxCommands = Setting.number(
        "max-commands", 1...10_000, "the most commands that run at once, without sessions",
        default: 256)
    static let maxCommandsPerTarget = Setting.number(
        "max-commands-per-target", 1...10_000,
        "the most commands of one principal that run at once on one target", default: 30)
    static let maxOutput = Setting.number(
        "max-output", 1000...1_000_000, "the most bytes of output in one answer",
        default: 1_000_000)
    static let allowTarget = Setting.list(
        "allow-target", "A,B", "patterns of targets that may be used (default: all)")
    static let denyTarget = Setting.list(
        "deny-target", "A,B", "patterns of targets that may not be used")
    static let allowUser = Setting.list(
        "allow-user", "A,B", "patterns of users to log in as (default: all)")
    static let denyUser = Setting.list(
        "deny-user", "A,B", "patterns of users not to log in as")
    static let allowTool = Setting.list(
        "allow-tool", "A,B", "patterns of tools that may be called (default: all)")
    static let denyTool = Setting.list(
        "deny-tool", "A,B", "patterns of tools that may not be called")
    static let askForTool = Setting.list(
        "ask-for-tool", "A,B", "patterns of tools whose calls a person has to agree to")
    static let askForCommand = Setting.list(
        "ask-for-command", "PATTERN",
        "patterns of commands, and of text sent to sessions, that a person has to agree to; a"
            + " command can be written in many ways, so this is a question and no fence")
    static let askForTarget = Setting.list(
        "ask-for-target", "A,B",
        "patterns of targets for which a person has to agree to each call that names them")
    static let approvals = Setting.truth(
        "approvals",
        "have persons asked through the relay: about unknown host keys, for secrets, and"
            + " as the AskFor rules say", default: true)
    static let allowPath = Setting.list(
        "allow-path", "[T:]PATH",
        "patterns of paths that file tools may use (default: all);"
            + " commands are not bound by them")
    static let denyPath = Setting.list(
        "deny-path", "[T:]PATH", "patterns of paths that file tools may not use")
    static let readOnlyPath = Setting.list(
        "read-only-path", "[T:]PATH", "patterns of paths that may be read but not written")
    static let allowForward = Setting.list(
        "allow-forward", "HOST:PORT",
        "patterns of destinations of forwards, or no for none (default: all)")
    static let denyForward = Setting.list(
        "deny-forward", "HOST:PORT", "patterns of destinations that forwards may not have")
    static let allowBind = Setting.list(
        "allow-bind", "ADDRESS",
        "patterns of addresses that forwards may listen on (default: loopback alone)")
    static let path = Setting.text(
        "path", "PATH", "also test a path on the target", flagOnly: true)

    static let journalSync = Setting.truth(
        "journal-sync",
        "have the disk store each changing call before it is made, so that it runs at most once also"
            + " after a power cut; costs some milliseconds a call")

    static let tunnelURL = Setting.list(
        "tunnel-url", "URL,URL",
        "the relay's addresses, in the order of dials: tls://HOST:PORT or wss://HOST; all lead to the"
            + " same relay (default: those of the invitation)")
    static let proxy = Setting.text(
        "proxy", "URL|none",
        "the proxy to the relay: http://, socks5:// or socks5h://HOST:PORT (default: HTTPS_PROXY or"
            + " ALL_PROXY, unless NO_PROXY covers the relay)")
    static let proxyCredentials = Setting.text(
        "proxy-credentials", "FILE",
        "a file (mode 600) whose first line is the proxy's USER:PASSWORD")
    static let relayCA = Setting.text(
        "relay-ca", "FILE",
        "further authorities (PEM) for the certificate of a relay without a pin")

    private static let wayOut = [tunnelURL, proxy, proxyCredentials, relayCA]

    private static let policy = [
        readOnly, allowLocal, secretArguments, maxSessions, maxLinks, maxCommands,
        maxCommandsPerTarget, maxOutput, allowTarget,
        denyTarget, allowUser, denyUser, allowTool, denyTool, askForTool, askForCommand,
        askForTarget, approvals, allowPath, denyPath, readOnlyPath,
        allowForward, denyForward, allowBind,
    ]

    /// The keywords of a `Target` block.
    enum Block {
        static let hostname = Setting.text("host-name", "HOST", "the address to connect to")
        static let port = Setting.number("port", 1...65535, "the port", default: 22)
        static let user = Setting.text("user", "USER", "the user to log in as")
        static let identityFile = Setting.list("identity-file", "FILE", "keys to log in with")
        static let certificateFile = Setting.list(
            "certificate-file", "FILE", "certificates for those keys")
        static let proxyJump = Setting.text("proxy-jump", "HOSTS", "jump hosts, or none")
        static let password = Setting.text("password", "SECRET", "the secret that is the password")
        static let code = Setting.text("code", "SECRET", "the secret that is a one-time code")
        static let passphrase = Setting.text(
            "passphrase", "SECRET", "the secret that decrypts the keys")
        static let secretInput = Setting.list(
            "secret-input", "SECRET[:PROGRAM]",
            "secrets that may be typed into sudo, su and doas, or into the programs named")
        static let acceptNew = Setting.truth(
            "accept-new", "accept and store the key of a host that has none stored")
        static let legacy = Setting.truth("legacy-algorithms", "offer SHA-1 algorithms too")
        static let compression = Setting.truth("compression", "compress the connection")
        static let shell = Setting.truth(
            "unix-shell", "no: the account runs no Unix shell, and gets commands as they are",
            default: true)

        static let all = [
            hostname, port, user, identityFile, certificateFile, proxyJump, password, code,
            passphrase, secretInput, acceptNew, legacy, compression, shell,
        ]
    }

    private static let install = Command(
        "install",
        "Join a relay, install this program, and have the machine keep the agent running. The "
            + "invitation may be in \(invitationVariable) instead.",
        settings: [name, tags, ownUser] + wayOut, positionals: [.optional("INVITATION")])
    private static let uninstall = Command(
        "uninstall", "Remove the service and the program; the agent's state stays.",
        settings: [purge, ownUser])

    static let program = Program(
        "homeline-agent", version: Machine.version,
        summary: "Keeps SSH sessions to the hosts around this machine and serves them to a relay.",
        commands: [
            Command(
                "join", "Join a relay by the invitation it printed.",
                settings: [data, config, name, tags, new] + wayOut,
                positionals: [.required("INVITATION")]),
            install, uninstall,
            Command(
                "run", "Connect to the relay and serve it.",
                settings: finding + [readOnly] + wayOut + [orphanAfter]),
            Command(
                "doctor",
                "Try what the agent needs, and say what came and what to do; changes nothing.",
                settings: finding + wayOut + [json]),
            Command(
                "targets list", "List the hosts this agent knows by name.", settings: finding,
                positionals: [.optional("QUERY")]),
            Command(
                "targets check", "Connect to a host, log in, and show its host key and the cipher.",
                settings: finding, positionals: [.required("HOST")]),
            Command(
                "targets trust", "Store the key a host offers, after comparing its fingerprint.",
                settings: finding + [fingerprint, yes], positionals: [.required("HOST")]),
            Command(
                "targets forget", "Remove a host's keys from known_hosts.", settings: finding,
                positionals: [.required("HOST")]),
            Command(
                "policy test",
                "Show what this site's policy allows, and which rule refuses the rest.",
                settings: finding + [readOnly, path],
                positionals: [.required("TARGET"), .optional("TOOL")]),
        ], fileSettings: policy + wayOut + [journalSync],
        fileBlocks: ["Target": Block.all, "Secret": []],
        limits: Limits.all)

    /// The state folder: the flag, or the XDG state folder.
    static func folder(_ options: Options) throws(CommandFailure) -> String {
        if let given = options.string(data) { return given }
        guard let folder = Process.stateFolder("homeline/agent") else {
            throw CommandFailure("give --data DIR: HOME is not set", ExitCode.usage)
        }
        return folder
    }

    /// The path of the configuration file.
    static func file(_ options: Options, _ folder: String) -> String {
        options.string(config) ?? folder + "/agent.conf"
    }

    /// The options, with the configuration file's values as fallbacks.
    ///
    /// The file may be missing unless the command line names it, or `isNeeded`.
    static func reading(
        _ options: Options, _ folder: String, isNeeded: Bool = false
    ) throws(CommandFailure) -> Options {
        let path = file(options, folder)
        let bytes: [UInt8]
        do throws(CryptoError) {
            // Rules that cannot be read must not turn into no rules.
            bytes =
                options.string(config) == nil && !isNeeded
                ? try SecureFile.readIfPresent(path, refusing: SecureFile.changeByOthers) ?? []
                : try SecureFile.read(path, refusing: SecureFile.changeByOthers)
        } catch {
            throw CommandFailure("homeline-agent: \(error)", ExitCode.configuration)
        }
        do throws(ConfigurationError) {
            let text = String(decoding: bytes, as: UTF8.self)
            return try program.reading(file: text, path: path, into: options)
        } catch {
            throw CommandFailure("homeline-agent: \(error)", error.exitCode)
        }
    }
}
