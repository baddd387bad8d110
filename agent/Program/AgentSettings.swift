// agent.conf, overridden by flags and environment variables, as values for the agent's parts.
// Invariant: a line that is not understood is an error that quotes it or gives its number, never
// skipped.
import Configuration
import Glibc
import Loop
import Wire

/// What an operator has configured.
struct AgentSettings: Sendable {
    var targets = TargetSettings()
    var policy = Policy()
    var secrets = Secrets()
    /// Whether a call waits until the disk has stored its key.
    var isJournalSynced = false
    /// How the relay is reached.
    var wayOut = WayOut()
    /// Whether there is a configuration file.
    var hasFile = false

    /// Nothing configured.
    init() {}

    /// Reads flags, environment and the folder's agent.conf (or `--config`).
    ///
    /// A file that was there once (`isNeeded`) must be there: without it there would be no rules.
    init(_ options: Options, folder: String, isNeeded: Bool = false) throws(CommandFailure) {
        let all = try Settings.reading(options, folder, isNeeded: isNeeded)
        let file = Settings.file(options, folder)
        hasFile = unsafe access(file, F_OK) == 0
        targets = TargetSettings(
            file: file, sshConfig: all.string(Settings.sshConfig),
            knownHosts: all.string(Settings.knownHosts),
            acceptNew: all.bool(Settings.acceptNew))
        targets.blocks = all.blocks("Target").map(TargetBlock.init)
        isJournalSynced = all.bool(Settings.journalSync)
        wayOut.addresses = all.strings(Settings.tunnelURL)
        wayOut.proxy = all.string(Settings.proxy)
        wayOut.credentialsFile = all.string(Settings.proxyCredentials)
        wayOut.authoritiesFile = all.string(Settings.relayCA)
        do throws(UplinkError) { try wayOut.check() } catch {
            throw CommandFailure("homeline-agent: \(error)", error.exitCode)
        }
        policy.allowedTargets = all.strings(Settings.allowTarget)
        policy.deniedTargets = all.strings(Settings.denyTarget)
        policy.allowedUsers = all.strings(Settings.allowUser)
        policy.deniedUsers = all.strings(Settings.denyUser)
        policy.allowedTools = all.strings(Settings.allowTool)
        policy.deniedTools = all.strings(Settings.denyTool)
        policy.asked = AskRules(
            isAllowed: all.bool(Settings.approvals), tools: all.strings(Settings.askForTool),
            commands: all.strings(Settings.askForCommand),
            targets: all.strings(Settings.askForTarget))
        policy.isReadOnly = all.bool(Settings.readOnly)
        policy.allowsLocal = all.bool(Settings.allowLocal)
        policy.allowsSecretArguments = all.bool(Settings.secretArguments)
        policy.places.sessions = all.integer(Settings.maxSessions)
        policy.places.links = all.integer(Settings.maxLinks)
        policy.places.commands.all = all.integer(Settings.maxCommands)
        policy.places.commands.perTarget = all.integer(Settings.maxCommandsPerTarget)
        policy.outputLimit = all.integer(Settings.maxOutput)
        policy.paths = PathRules(
            allowed: try Self.paths(all, Settings.allowPath),
            denied: try Self.paths(all, Settings.denyPath),
            readOnly: try Self.paths(all, Settings.readOnlyPath))
        policy.forwards = ForwardRules(
            allowed: all.strings(Settings.allowForward), denied: all.strings(Settings.denyForward),
            binds: all.strings(Settings.allowBind))
        if let real = unsafe realpath(folder, nil) {
            policy.ownFolder = unsafe String(cString: real)
            unsafe free(real)
        }
        for block in all.blocks("Secret") {
            let names = block.names
            guard names.count == 3, ["file", "command"].contains(names[1].lowercased()) else {
                throw CommandFailure(
                    "homeline-agent: write `Secret NAME file PATH` or `Secret NAME command"
                        + " \"COMMAND\"` in agent.conf, not `Secret \(names[0])`",
                    ExitCode.configuration)
            }
            secrets.sources[names[0]] =
                names[1].lowercased() == "file" ? .file(names[2]) : .command(names[2])
        }
    }

    private static func paths(
        _ options: Options, _ setting: Setting
    ) throws(CommandFailure) -> [PathRule] {
        var rules: [PathRule] = []
        for text in options.strings(setting) {
            guard let rule = PathRule(text) else {
                throw CommandFailure(
                    "homeline-agent: \(setting.keyword) \(text): write /PATH or TARGET:/PATH, with *"
                        + " for any characters and ? for one", ExitCode.configuration)
            }
            rules.append(rule)
        }
        return rules
    }
}

extension TargetBlock {
    fileprivate init(_ block: Options.Block) {
        let options = block.options
        func truth(_ setting: Setting) -> Bool? {
            options.isSet(setting) ? options.bool(setting) : nil
        }
        typealias Keyword = Settings.Block
        self.init(patterns: block.names)
        hostname = options.string(Keyword.hostname)
        port = options.isSet(Keyword.port) ? UInt16(options.integer(Keyword.port)) : nil
        user = options.string(Keyword.user)
        identityFiles = options.strings(Keyword.identityFile)
        certificateFiles = options.strings(Keyword.certificateFile)
        jump = options.string(Keyword.proxyJump)
        password = options.string(Keyword.password)
        code = options.string(Keyword.code)
        passphrase = options.string(Keyword.passphrase)
        secretInputs = options.strings(Keyword.secretInput).map { SecretInput($0) }
        acceptsNew = truth(Keyword.acceptNew)
        allowsLegacy = truth(Keyword.legacy)
        compresses = truth(Keyword.compression)
        hasShell = truth(Keyword.shell)
    }
}
