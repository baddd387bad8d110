// Every setting and command of homeline-relay, each declared once.
import Configuration
import Crypto
import Wire

/// The command line, environment and relay.conf of the relay.
enum Settings {
    static let version = "0.1.0"

    static let config = Setting.text("config", "FILE", "the configuration (default DIR/relay.conf)")
    static let mcp = Setting.address(
        "mcp", "where MCP clients connect; port 0 takes a free one", default: "127.0.0.1:8642")
    static let tunnel = Setting.address(
        "tunnel", "where agents connect; port 0 takes a free one", default: "0.0.0.0:8643")
    static let tunnelURL = Setting.list(
        "tunnel-url", "URL,URL",
        "how agents reach it, for invitations: tls://HOST:PORT, or wss://HOST behind a web server;"
            + " several are tried in this order")
    static let publicURL = Setting.text(
        "public-url", "URL",
        "how MCP clients reach it: https://HOST, with :PORT or a path; MCP is at /mcp under it")
    static let certificate = Setting.text(
        "tls-certificate", "FILE", "serve MCP over TLS with this certificate chain (PEM)")
    static let key = Setting.text("tls-key", "FILE", "the certificate's key (PEM)")
    static let origins = Setting.list(
        "allow-origin", "URL", "web origins that may call the MCP endpoint")
    static let loopback = Setting.truth(
        "allow-loopback-without-token",
        "let this machine's programs in without a token, and whatever a local proxy forwards")

    static let oauth = Setting.truth(
        "oauth", "let clients find OAuth once there are people who can log in", default: true)
    static let clientMetadata = Setting.truth(
        "client-metadata",
        "take OAuth clients whose id is an https URL, and fetch what it says of them", default: true
    )

    static let requestRate = Setting.number(
        "requests-per-second", 0...100_000,
        "the MCP requests of one token, or of one program of a person, that are answered in a second, after five times as many at"
            + " once; 0: no limit", default: 500)

    static let keyLifetime = Setting.duration(
        "agent-key-lifetime", "after which time an agent gets a new key; 0s: never", default: "90d")

    static let dropBoxSize = Setting.bytes(
        "drop-box-size",
        "the bytes of all files that wait on the relay for clients and targets; 0: none",
        default: "4G")
    static let dropBoxLifetime = Setting.duration(
        "drop-box-lifetime", "after which time such a file and its URLs go", default: "12h")

    static let tools = Setting.choice(
        "tools", ToolProfile.allCases.map(\.rawValue),
        "the tools that clients see: all, or the eight that everyday work needs, with fewer"
            + " arguments, for clients that give their model the whole list with each request",
        default: ToolProfile.all.rawValue)

    static let prompts = Setting.text(
        "prompts", "DIR", "offer the runbooks in this folder (Markdown files) as prompts")

    static let approvalForms = Setting.truth(
        "approval-forms",
        "let a client's form answer what a person is asked; a client could answer without a person",
        default: true)

    static let serving: [Setting] = [
        .data, config, mcp, tunnel, tunnelURL, publicURL, certificate, key, origins, loopback,
        oauth, clientMetadata, requestRate, keyLifetime, dropBoxSize, dropBoxLifetime, tools,
        prompts, approvalForms,
    ]

    static let program = Program(
        "homeline-relay", version: version,
        summary: "Lets MCP clients work on the hosts that Homeline agents reach.",
        commands: [
            Command("serve", "runs the relay", settings: serving),
            Command(
                "stdio",
                "speaks MCP on stdin and stdout: through the running relay, or runs one until it ends",
                settings: serving),
            Command(
                "local",
                "speaks MCP on stdin and stdout for this machine and the hosts of its ~/.ssh/config:"
                    + " starts an agent, opens no port, needs no token",
                settings: [.data, config, tools, prompts, approvalForms]),
            Command(
                "doctor",
                "tries what the relay needs, and says what came and what to do; changes nothing",
                settings: serving + [.json]),
        ] + AdminCommands.all + ApprovalsCommand.all
            + [CallCommand.command, ForwardCommand.command],
        limits: Limits.all)

    /// The options with the configuration file's values under them.
    static func reading(_ options: Options, _ folder: DataFolder) throws(ConfigurationError)
        -> Options
    {
        let path = options.string(config) ?? folder.configuration
        let bytes: [UInt8]
        do throws(CryptoError) {
            // A file that is not there is no file only where none was named.
            bytes =
                options.isSet(config)
                ? try SecureFile.read(path, refusing: SecureFile.changeByOthers)
                : try SecureFile.readIfPresent(path, refusing: SecureFile.changeByOthers) ?? []
        } catch {
            throw .badFile(reason: error.description)
        }
        let text = String(decoding: bytes, as: UTF8.self)
        return try program.reading(file: text, path: path, into: options)
    }
}
