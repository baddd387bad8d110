// What one call asks of a link, in addition to the configuration. A value; never logged.
import Crypto
import Loop
import SSH
import Wire

/// How a caller wants to reach a target and log in.
struct LinkOptions: Sendable {
    /// A private key file, tried before the configured ones.
    var key: String?
    /// A password, tried last.
    var password: String?
    /// The name of the secret that is the password, when none is given.
    var secret: String?
    /// The limit on reaching the target.
    var connectTimeout: Duration?
    /// The limit on logging in.
    var loginTimeout: Duration?
    /// Retries after transient failures; the pauses before three take at most 3.5 s.
    var retries = 3
    /// Judges the call again once there is a link, which can take long; throws if it is refused
    /// now.
    var confirm: (@IO @Sendable () async throws(Fault) -> Void)?
    /// Whether `key`, once opened, may be used; nil: it may.
    var admitsKey: (@Sendable (Int32) -> Bool)?

    init() {}

    init(
        _ access: TargetAccess, connectTimeout: Duration? = nil, loginTimeout: Duration? = nil,
        retries: Int = 3
    ) {
        key = access.key
        password = access.password
        secret = access.secret
        self.connectTimeout = connectTimeout
        self.loginTimeout = loginTimeout
        self.retries = retries
    }

    /// The identity of a login whose password is forgotten.
    private var kept: [UInt8]?

    /// The same login for a link that is open, without its password.
    var withoutPassword: LinkOptions {
        var options = self
        options.kept = identity
        options.password = nil
        return options
    }

    /// Distinguishes links with different credentials, without keeping a password.
    var identity: [UInt8] {
        if let kept { return kept }
        guard key != nil || password != nil || secret != nil else { return [] }
        return SHA256.hash(Array("\(key ?? "")\0\(password ?? "")\0\(secret ?? "")".utf8))
    }
}

/// The secrets that a login uses.
struct LoginSecrets: Sendable {
    var password: SecretBytes?
    var code: SecretBytes?
    var passphrase: SecretBytes?
}

extension SSHTarget {
    /// The secrets that a login with these options needs.
    @IO func secrets(
        _ options: LinkOptions, value: @IO (String) async throws(Fault) -> SecretBytes
    ) async throws(Fault) -> LoginSecrets {
        var found = LoginSecrets()
        if let given = options.password {
            found.password = SecretBytes(given.utf8)
        } else if let name = options.secret ?? credentials.password {
            found.password = try await value(name)
        }
        if let name = credentials.code { found.code = try await value(name) }
        if let name = credentials.passphrase { found.passphrase = try await value(name) }
        return found
    }

    /// The ways to log in: the key the call names, ssh-agent's keys, key files, the password, the
    /// code.
    func configuration(
        _ options: LinkOptions, _ secrets: LoginSecrets = LoginSecrets(),
        files exists: (String) -> Bool
    ) -> LinkConfiguration {
        var ways: [Authentication] = []
        if let key = options.key {
            ways.append(.keyFile(path: key, passphrase: secrets.passphrase))
        }
        let files = credentials.identityFiles
        if let socket = credentials.agentSocket {
            let named = [options.key].compactMap(\.self) + files
            let own = credentials.identitiesOnly ? named.compactMap(IdentityFile.publicKey) : nil
            ways.append(.agent(socket: socket, only: own))
        }
        for file in files where file != options.key {
            ways.append(.keyFile(path: file, passphrase: secrets.passphrase))
        }
        if let password = secrets.password { ways.append(.password(password)) }
        if let code = secrets.code { ways.append(.code(code)) }
        var configuration = LinkConfiguration(
            host: hostname, port: port, user: user, knownHosts: hostKeys.files,
            authentication: ways)
        // As in ssh: the key may be in ssh-agent only, with its certificate next to the public key.
        configuration.certificates =
            credentials.certificateFiles
            + credentials.identityFiles.map { $0 + "-cert.pub" }.filter(exists)
        if let key = options.key, let admitsKey = options.admitsKey {
            configuration.admitsFile = { path, descriptor in path != key || admitsKey(descriptor) }
        }
        configuration.rules = credentials.rules
        configuration.trust.alias = hostKeys.alias
        configuration.trust.acceptsNew = hostKeys.acceptsNew
        configuration.trust.storesNew = hostKeys.storesNew
        configuration.trust.command = hostKeys.command
        configuration.trust.revoked = hostKeys.revoked
        configuration.trust.leastRSABits = hostKeys.leastRSABits
        configuration.dialling = network.dialling
        configuration.environment = environment
        configuration.algorithms = algorithms
        configuration.compresses = network.compresses
        configuration.proxyCommand = via.isEmpty ? proxyCommand : nil
        configuration.limits.connect =
            options.connectTimeout ?? network.timeout ?? configuration.limits.connect
        configuration.limits.login = options.loginTimeout ?? configuration.limits.login
        return configuration
    }
}
